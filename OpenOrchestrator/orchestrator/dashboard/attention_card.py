"""The card of what needs attention, and what its buttons do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nicegui import ui

from OpenOrchestrator.orchestrator.components import empty
from OpenOrchestrator.orchestrator.components.buttons import ghost
from OpenOrchestrator.orchestrator.components.forms.who import own_name
from OpenOrchestrator.orchestrator.dashboard.attention import Attention
from OpenOrchestrator.orchestrator.dashboard.attention_rows import attention_rows, enabled_by, settled_by
from OpenOrchestrator.orchestrator.dashboard.backend.spans import Span
from OpenOrchestrator.orchestrator.dashboard.told_rows import dismissed_by
from OpenOrchestrator.orchestrator.dashboard.untaken_rows import cancelled_by, served_by
from OpenOrchestrator.orchestrator.dashboard.words import Moment, count_of, since_words
from OpenOrchestrator.orchestrator.triggers.actions import TriggerActions
from OpenOrchestrator.orchestrator.triggers.backend.triggers import TriggersBackend

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.dashboard.backend.overview import DashboardBackend, Glance
    from OpenOrchestrator.orchestrator.dashboard.backend.queues import ElementCause
    from OpenOrchestrator.orchestrator.dashboard.backend.untaken import UnservedQueue
    from OpenOrchestrator.orchestrator.live.view import View

MOST_CAUSES = 12


class AttentionCard:
    """Everything that needs attention, the first causes of it, or that nothing does.

    Args:
        view: The page's.
        backend: Settles stuck triggers, and dismisses alerts.
    """

    def __init__(self, view: View, backend: DashboardBackend) -> None:
        self._view = view
        self._backend = backend
        self._glance: Glance | None = None
        self._span = Span.WORK
        self._elements: Sequence[ElementCause] = ()
        self._unserved: Sequence[UnservedQueue] = ()
        self._all_causes = False
        self._quiet_state = ""
        with ui.element("div").classes("oo-card"):
            with ui.element("div").classes("oo-att-hd"):
                with ui.element("h2"):
                    ui.label("Needs attention")
                    self._causes = ui.label().classes("oo-tag").mark("causes")
                self._heads = [ui.label(words) for words in ("Count", "First seen", "Last seen")]
                for label in self._heads:
                    label.classes("oo-sm oo-t3 oo-no-phone" + (" oo-right" if label is self._heads[0] else ""))
            self._rows = Attention(prefix=self._view.prefix, on_act=self._act).mark("attention")
            self._quiet = ui.element("div").mark("quiet")
            with ui.element("div").classes("oo-tl-more").style("padding-top: 8px") as self._more:
                self._more_button = ghost("", self._toggle_causes, small=True, marker="all-causes")

    def show(self, glance: Glance, span: Span) -> None:
        """Show what was seen within a span."""
        self._glance, self._span = glance, span
        self._show()

    def show_elements(self, causes: Sequence[ElementCause], unserved: Sequence[UnservedQueue]) -> None:
        """Show why elements failed beside that, and the queues that no trigger serves."""
        self._elements, self._unserved = causes, unserved
        self._show()

    def _show(self) -> None:
        glance = self._glance
        if glance is None:
            return
        rows = attention_rows(glance, self._elements, Moment(self._view.now(), self._view.zone), self._unserved)
        self._rows.show(rows if self._all_causes else rows[:MOST_CAUSES])
        self._causes.set_text(count_of(len(rows), "cause"))
        for label in (self._causes, *self._heads):
            label.set_visibility(bool(rows))
        more = len(rows) - MOST_CAUSES
        self._more.set_visibility(more > 0)
        self._more_button.set_text(f"Only the first {MOST_CAUSES}" if self._all_causes else f"{more} more")
        self._show_quiet(glance, quiet=not rows)

    def _show_quiet(self, glance: Glance, *, quiet: bool) -> None:
        state = f"{glance.jobs} {glance.schedulers}" if quiet else ""
        if state == self._quiet_state:
            return
        self._quiet_state = state
        self._quiet.clear()
        if not quiet:
            return
        since = since_words(glance.since, self._span)
        with self._quiet:
            if not glance.schedulers and not glance.jobs:
                empty.none_yet(
                    "sym_r_dns",
                    "Nothing has run yet",
                    "Create a trigger, and start a scheduler on a worker machine: python -m OpenOrchestrator scheduler",
                    action="Create a trigger",
                    on_action=lambda: self._view.go("/triggers"),
                )
            else:
                empty.all_quiet("Nothing needs attention", f"{count_of(glance.jobs, 'job')} {since}, none failed.")

    def _toggle_causes(self) -> None:
        self._all_causes = not self._all_causes
        self._show()

    async def _act(self, row_id: str) -> None:
        glance = self._glance
        if glance is None:
            return
        stuck = settled_by(row_id, glance)
        if stuck is not None:
            await self._view.act(
                lambda: self._backend.settle(stuck.id), name=f"Settle {stuck.name}", done=f"{stuck.name} was settled"
            )
            return
        alert = dismissed_by(row_id, glance)
        if alert is not None:
            by = own_name()
            await self._view.act(
                lambda: self._backend.dismiss(alert.id, by=by),
                name=f"Dismiss the alert of {alert.name}",
                done=f"The alert of {alert.name} was dismissed",
                lost="Somebody else dismissed it. This page shows the new state.",
            )
            return
        triggers = TriggersBackend(self._view.database, self._view.clock)
        requested = cancelled_by(row_id, glance)
        if requested is not None:
            await self._view.act(
                lambda: triggers.cancel_run(requested.id),
                name=f"Cancel the run of {requested.name}",
                done=f"The run of {requested.name} was cancelled",
                lost="It has started meanwhile, or somebody else cancelled it. This page shows the new state.",
            )
            return
        ids = [*(trigger.id for trigger in enabled_by(row_id, glance)), *served_by(row_id, self._unserved)]
        rows = await self._view.load(lambda: triggers.rows(ids))
        if rows:
            await TriggerActions(self._view, triggers).many("enable", rows)
