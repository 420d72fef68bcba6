"""The key figures of the dashboard, each a link to what it counts."""

from __future__ import annotations

from nicegui import ui

from OpenOrchestrator.database.statuses import BAD_JOB_STATUSES
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.buttons import tip
from OpenOrchestrator.orchestrator.dashboard.backend.overview import Glance
from OpenOrchestrator.orchestrator.dashboard.backend.spans import Span
from OpenOrchestrator.orchestrator.dashboard.links import bad_jobs, link
from OpenOrchestrator.orchestrator.dashboard.tick_bars import TickBars
from OpenOrchestrator.orchestrator.dashboard.words import Moment, count_of, short_since, since_words, some, tick_words


class KeyFigures:
    """What failed, what runs, what is late and who is silent."""

    def __init__(self) -> None:
        with ui.element("div").classes("oo-card oo-figs oo-dash-figs"):
            self._failed = _Figure("r_error", "failed", "failed-figure")
            with self._failed.link, ui.element("div").classes("oo-fig-chart oo-no-phone"):
                self._ticks = TickBars(tone="failed")
                with ui.element("div").classes("oo-row oo-xs oo-t3"):
                    self._tick_labels = [ui.label() for _ in range(3)]
            self._running = _Figure("sym_r_progress_activity", "running", "running-figure", "Running now", plain=True)
            self._late = _Figure("sym_r_running_with_errors", "timeout", "late-figure", "Late or stuck triggers")
            self._silent = _Figure(
                "sym_r_link_off", "lost", "silent-figure", "Schedulers not heard from", short="Silent schedulers"
            )

    def show(self, glance: Glance, span: Span, moment: Moment) -> None:
        """Show the figures of a span up to now."""
        since = since_words(glance.since, span)
        causes = sum(cause.status in BAD_JOB_STATUSES for cause in glance.causes)
        self._failed.show(
            glance.failed,
            f"of {count_of(glance.jobs, 'job')}" + (f" · {count_of(causes, 'cause')}" if causes else ""),
            bad_jobs(glance.since),
            f"Failed {'in ' if span is not Span.WORK else ''}{short_since(glance.since, span)}",
        )
        self._ticks.show(glance.buckets, label=f"Failures over time, {since}")
        site_now = moment.now.astimezone(moment.zone).replace(tzinfo=None)
        for label, words in zip(self._tick_labels, tick_words(glance.since, site_now, span), strict=True):
            label.set_text(words)
        running = link("/jobs", status="starting,running")
        where = f"on {glance.busy_schedulers or 'none'} of {count_of(glance.schedulers, 'scheduler')}"
        if not glance.schedulers:
            where = (
                f"on {count_of(glance.busy_schedulers, 'scheduler')}" if glance.busy_schedulers else "No scheduler yet"
            )
        self._running.show(glance.running_total, where, running)
        late, stuck = [each for each in glance.troubled if each.late], [each for each in glance.troubled if each.stuck]
        states = sorted({each.status.value for each in stuck})
        parts = [f"{len(late)} late"] if late else []
        parts += [f"{len(stuck)} stuck in {' or '.join(states)}"] if stuck else []
        self._late.show(len(late) + len(stuck), " · ".join(parts) or "All on time", "/triggers?trouble=late%2Cstuck")
        self._silent.show(len(glance.silent), silent_words(glance, moment), "/schedulers?segment=silent")


class _Figure:
    """A key figure that links to what it counts."""

    def __init__(
        self, icon: str, tone: str, marker: str, words: str = "", *, short: str = "", plain: bool = False
    ) -> None:
        self._tone = "" if plain else f"oo-fg-{tone}"
        with ui.link(target="/").classes("oo-fig").mark(marker) as self.link:
            with ui.element("div").classes("oo-l"):
                ui.icon(icon).classes(f"oo-fg-{tone}")
                self._words = ui.label(words).classes("oo-el" + (" oo-no-phone" if short else ""))
                if short:
                    ui.label(short).classes("oo-only-phone")
            self._value = ui.label().classes("oo-v").mark(f"{marker}-value")
            self._detail = ui.label().classes("oo-d").mark(f"{marker}-detail")

    def show(self, value: int, detail: str, target: str, words: str | None = None) -> None:
        """Show a number; nought is quiet."""
        self._value.set_text(times.number(value))
        self._detail.set_text(detail)
        tip(self._detail, detail)
        if words is not None:
            self._words.set_text(words)
        tone = self._tone if value else "oo-none"
        self._value.classes(add=tone, remove=" ".join({self._tone, "oo-none"} - {tone}))
        if self.link.props["href"] != target:
            self.link.props["href"] = target
            self.link.update()


def silent_words(glance: Glance, moment: Moment) -> str:
    """Return what is said about schedulers that are not heard from."""
    if not glance.schedulers:
        return "None has been heard from yet"
    if not glance.silent:
        return f"All {glance.schedulers} report" if glance.schedulers > 1 else "It reports"
    first = glance.silent[0]
    if len(glance.silent) == 1:
        seconds = moment.seconds_since(first.seen)
        return f"{first.name} · {times.duration(seconds // 60 * 60)} ago"
    return some([each.name for each in glance.silent])
