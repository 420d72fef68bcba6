"""What is done with triggers, one or many: the questions before, the toasts after, and why something cannot be done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from OpenOrchestrator.common.errors import DatabaseError
from OpenOrchestrator.database.statuses import TriggerStatus, TriggerType
from OpenOrchestrator.orchestrator.components import feedback
from OpenOrchestrator.orchestrator.components.forms.confirm import choose, confirm, listing
from OpenOrchestrator.orchestrator.components.forms.who import own_name
from OpenOrchestrator.orchestrator.jobs.actions import JobActions
from OpenOrchestrator.orchestrator.jobs.backend.jobs import JobsBackend
from OpenOrchestrator.orchestrator.triggers.backend.rows import ListedTrigger
from OpenOrchestrator.orchestrator.triggers.backend.triggers import PauseWish, TriggersBackend
from OpenOrchestrator.orchestrator.triggers.kill_dialog import ask_kill
from OpenOrchestrator.orchestrator.triggers.notes import following
from OpenOrchestrator.orchestrator.triggers.overlap_words import jobs_words
from OpenOrchestrator.orchestrator.triggers.pause_dialog import ask_pause
from OpenOrchestrator.orchestrator.triggers.questions import (
    FROM_NEXT,
    STOP_RUN,
    due_words,
    has_no_next,
    is_past,
    question,
)
from OpenOrchestrator.orchestrator.triggers.reasons import reasons
from OpenOrchestrator.orchestrator.triggers.waiting import show_why

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.live.view import View

_VERBS = {"run": "Run", "enable": "Enable", "disable": "Pause", "pause": "Pause", "kill": "Kill", "delete": "Delete"}
_ALLOWED_AS = {"pause": "disable"}
_DONE = {
    "run": "A run of {} was requested",
    "enable": "{} was enabled",
    "disable": "{} was paused",
    "pause": "{} was paused",
    "kill": "Kill of {} was requested",
    STOP_RUN: "Stop of the run of {} was requested",
    "delete": "{} was deleted",
}
_DONE_MANY = {
    "run": "Runs of {} triggers were requested",
    "enable": "{} triggers were enabled",
    "disable": "{} triggers were paused",
    "pause": "{} triggers were paused",
    "kill": "Kill of {} triggers was requested",
    STOP_RUN: "Stop of the runs of {} triggers was requested",
    "delete": "{} triggers were deleted",
}


class TriggerActions:
    """Actions of one page.

    Args:
        view: The page.
        backend: Does them.
    """

    def __init__(self, view: View, backend: TriggersBackend) -> None:
        self._view = view
        self._backend = backend
        self._jobs = JobActions(view, JobsBackend(view.database, view.clock))
        self._requested: dict[UUID, datetime] = {}
        self._works: dict[str, Callable[[UUID], Awaitable[bool]]] = {
            "run": lambda trigger_id: backend.run_now(trigger_id, own_name()),
            "enable": backend.enable,
            FROM_NEXT: backend.enable_from_next,
            "disable": lambda trigger_id: backend.pause(trigger_id, PauseWish(by=own_name())),
            "kill": backend.kill,
            STOP_RUN: backend.stop_run,
            "delete": backend.delete,
        }
        self._others: dict[str, Callable[[ListedTrigger], Awaitable[None]]] = {
            "once": self._run_once,
            "cancel": self._cancel,
            "change-pause": self._change_pause,
            "skip": self._skip,
            "unskip": self._unskip,
            "give-up": self._give_up_retry,
            "reset-failures": self._reset_failures,
            "why": self._why,
        }

    async def one(self, action: str, row: ListedTrigger) -> None:
        """Do something with one trigger.

        Args:
            action: ``run``, ``enable``, ``disable``, ``pause`` (with a reason and an end), ``kill`` or ``delete``;
                ``once`` (a run with arguments of its own), ``skip`` (its next run); what takes back one of these:
                ``cancel``, ``change-pause``, ``unskip``; ``give-up`` (the retry it waits for), ``reset-failures``;
                ``why`` says why it is not running.
            row: The trigger as it was shown.
        """
        if action in self._others:
            await self._others[action](row)
            return
        if action == "kill" and len(row.running) > 1:
            await self._kill_of_several(row)
            return
        meant = await self._meant(action, [row], bulk=False)
        if meant is None:
            return
        done = _DONE[meant.said].format(row.name)
        if action in ("disable", "pause") and row.status is TriggerStatus.RUNNING:
            end = "have ended" if len(row.running) > 1 else "ends"
            done = f"{row.name} is paused when {jobs_words(row)} {end}"
        if meant.missed_is_passed_over:
            done = f"{row.name} was enabled, from its next time on"
        if (
            await self._view.act(lambda: meant.work(row.id), name=f"{_VERBS[action]} {row.name}", done=done)
            and action == "run"
        ):
            self._requested[row.id] = self._latest(row)

    async def many(self, action: str, rows: Sequence[ListedTrigger]) -> bool:
        """Do something with several triggers, each on its own; returns whether it was begun."""
        allowed_as = _ALLOWED_AS.get(action, action)
        possible = [row for row in rows if action == "delete" or not reasons(row)[allowed_as]]
        if not possible:
            feedback.failed(f"{_VERBS[action]}: none of the selected triggers allows it now")
            return False
        meant = await self._meant(action, possible, bulk=len(rows) > 1)
        if meant is None:
            return False
        possible = list(meant.rows)
        lost: list[str] = []
        try:
            for row in possible:
                if not await meant.work(row.id):
                    lost.append(row.name)
                elif action == "run":
                    self._requested[row.id] = self._latest(row)
        except DatabaseError as error:
            feedback.failed(f"{_VERBS[action]}: the database does not answer", str(error))
            return False
        finally:
            self._view.refresh()
        count = len(possible) - len(lost)
        if count:
            done = (
                _DONE[meant.said].format(possible[0].name)
                if len(possible) == 1
                else _DONE_MANY[meant.said].format(count)
            )
            skipped = len(rows) - len(possible)
            feedback.done(done, f"{skipped} did not allow it." if skipped else None)
        if lost:
            feedback.changed_meanwhile(f"{_VERBS[action]} {listing(lost)}")
        return True

    def seen(self, rows: Sequence[ListedTrigger]) -> None:
        """Look whether a run that was asked for here has started, and offer its job."""
        for row in rows:
            before = self._requested.get(row.id)
            if before is not None and row.runs and row.runs[-1].started > before:
                del self._requested[row.id]
                feedback.done(f"{row.name} was started", link=("Open job", f"/jobs/{row.runs[-1].job_id}"))

    async def _kill_of_several(self, row: ListedTrigger) -> None:
        """Ask which of the jobs that run now is meant, then have it stopped, or all of them."""
        backend = JobsBackend(self._view.database, self._view.clock)
        jobs = await self._view.act(lambda: backend.running_of(row.id), name=f"Kill {row.name}")
        if not jobs:
            self._view.refresh()
            return
        with self._view.container:
            answer = await ask_kill(row, jobs, self._view.zone)
        if answer is None:
            return
        if isinstance(answer, UUID):
            await self._jobs.stop_run(next(job for job in jobs if job.id == answer))
            return
        every = f"all {len(jobs)} jobs of {row.name}"
        await self._view.act(
            lambda: self._works[answer](row.id),
            name=f"Kill {row.name}",
            done=f"Kill of {every} was requested" if answer == "kill" else f"Stop of {every} was requested",
        )

    async def _run_once(self, row: ListedTrigger) -> None:
        if await self._jobs.run_trigger_once(row.id, row.name):
            self._requested[row.id] = self._latest(row)

    async def _cancel(self, row: ListedTrigger) -> None:
        self._requested.pop(row.id, None)
        await self._view.act(
            lambda: self._backend.cancel_run(row.id),
            name=f"Cancel the run of {row.name}",
            done=f"The run of {row.name} was cancelled",
            lost="It was started by now, or somebody else cancelled it.",
        )

    async def _change_pause(self, row: ListedTrigger) -> None:
        wish = await ask_pause(self._view, [row])
        if wish is not None:
            await self._view.act(
                lambda: self._backend.change_pause(row.id, wish),
                name=f"Change the pause of {row.name}",
                done=f"The pause of {row.name} was changed",
                lost="It is not paused any more.",
            )

    async def _skip(self, row: ListedTrigger) -> None:
        now, zone = self._view.now(), self._view.zone
        seen, then = row.next_run, following(row, now, zone)
        if seen is None or then is None:
            feedback.failed(f"Skip the next run of {row.name}", "Its schedule does not tell when that is.")
            return
        due = due_words(seen)
        after = due_words(then.astimezone(zone).replace(tzinfo=None))
        said = [f"{row.name} does not run on {due}. It runs next on {after}."]
        with self._view.container:
            if not await confirm(f"Skip the run on {due}?", said, action="Skip this run", dangerous=False):
                return
        await self._view.act(
            lambda: self._backend.skip_next(row.id, seen, own_name()),
            name=f"Skip the run of {row.name}",
            done=f"{row.name} skips its run on {due}",
            lost="Its next run is another one by now, or is being started. This page shows the new state.",
        )

    async def _unskip(self, row: ListedTrigger) -> None:
        skipped = row.skipped
        if skipped is None:
            return
        due = due_words(skipped.due.astimezone(self._view.zone).replace(tzinfo=None))
        await self._view.act(
            lambda: self._backend.take_back_skip(row.id, skipped.due),
            name=f"Run {row.name} after all",
            done=f"{row.name} runs on {due} after all",
            lost="Its time has passed, or its next run was changed. This page shows the new state.",
        )

    async def _give_up_retry(self, row: ListedTrigger) -> None:
        held = row.type is TriggerType.SINGLE or (row.failure_limit and row.failed_runs + 1 >= row.failure_limit)
        then = "It becomes Failed, until somebody enables it." if held else "It goes on with its next run."
        with self._view.container:
            said = [f"The run of {row.name} has failed for good then. {then}"]
            if not await confirm("Give up the retry?", said, action="Give up the retry", dangerous=False):
                return
        await self._view.act(
            lambda: self._backend.give_up_retry(row.id),
            name=f"Give up the retry of {row.name}",
            done=f"{row.name} is not tried again",
            lost="It was started by now, or somebody else gave it up.",
        )

    async def _reset_failures(self, row: ListedTrigger) -> None:
        await self._view.act(
            lambda: self._backend.reset_failed_runs(row.id),
            name=f"Reset the failed runs of {row.name}",
            done=f"The failed runs of {row.name} count no more",
        )

    async def _why(self, row: ListedTrigger) -> None:
        found = await self._view.act(lambda: self._backend.why(row.id), name=f"Find out why {row.name} is not running")
        if found is not None:
            with self._view.container:
                await show_why(row.name, found)

    def _latest(self, row: ListedTrigger) -> datetime:
        return row.runs[-1].started if row.runs else datetime.min  # noqa: DTZ901  (site time is naive)

    async def _meant(self, action: str, rows: Sequence[ListedTrigger], *, bulk: bool) -> _Meant | None:
        if action == "pause":
            wish = await ask_pause(self._view, rows)
            return None if wish is None else _Meant(lambda each: self._backend.pause(each, wish), rows, action)
        site_now = self._view.now().astimezone(self._view.zone).replace(tzinfo=None)
        skips = {row.id for row in rows if row.skips_missed(self._view.zone, self._view.now())}
        asked = question(action, rows, site_now=site_now, bulk=bulk, skips=skips)
        if asked is None:
            return _Meant(self._works[action], rows, action)
        way = await choose(asked.title, asked.sentences, *asked.ways)
        if way is None:
            return None
        if way == FROM_NEXT:
            enabled = [row for row in rows if not has_no_next(row, site_now)]
            passed_over = any(is_past(row, site_now) for row in enabled)
            return _Meant(self._works[way], enabled, action, passed_over)
        return _Meant(self._works[way], rows, way)


@dataclass(frozen=True, slots=True)
class _Meant:
    """What somebody confirmed.

    Attributes:
        work: Does it with one trigger.
        rows: The triggers it is to be done with.
        said: Key of what is said when it is done.
        missed_is_passed_over: Whether due times in the past are left out.
    """

    work: Callable[[UUID], Awaitable[bool]]
    rows: Sequence[ListedTrigger]
    said: str
    missed_is_passed_over: bool = False
