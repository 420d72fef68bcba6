"""What a scheduler says about its work: the wording of every log line, in one place.

Owns the text of the lines; how they are written is in ``log_lines``. Must decide nothing. Safe to use from several
threads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, TextIO
from uuid import UUID

from OpenOrchestrator.common.errors import OpenOrchestratorError
from OpenOrchestrator.common.settings import LogFormat
from OpenOrchestrator.scheduler.event_words import count, dropped, duration, is_retry, planned, retry_fields, swept
from OpenOrchestrator.scheduler.log_lines import ERROR, INFO, WARNING, LogLines

if TYPE_CHECKING:
    from OpenOrchestrator.database.stores.trigger_rows import WaitingRetry

FLUSH_SECONDS = 2.0
"""How long the end of a scheduler may wait for a stream that takes no lines."""


class Events:
    """Says what happens, a line for each thing.

    Args:
        stream: Where lines go; None (a service without a console) drops them.
        log_format: Text for people, or one JSON object to a line.
        secrets: Texts that must appear in no line.
        now: Tells the time in the lines, aware.
    """

    def __init__(
        self,
        stream: TextIO | None,
        *,
        log_format: LogFormat = LogFormat.TEXT,
        secrets: Sequence[str] = (),
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        self._lines = LogLines(stream, log_format=log_format, secrets=secrets, now=now, dropped=dropped)
        self._say = self._lines.write

    def flush(self, seconds: float = FLUSH_SECONDS) -> bool:
        """Wait until every line is written, at most so long; return whether it is. For the end of a program."""
        return self._lines.flush(seconds)

    def redacted(self, text: str) -> str:
        """Return a text without the secrets that no line may hold, for whatever else people will read."""
        return self._lines.redacted(text)

    # The scheduler itself

    def started_up(
        self, *, name: str, version: str, database: str, max_jobs: int, workspace: Path, site: str = ""
    ) -> None:
        """The scheduler is enrolled and begins its work."""
        where = f"{site} ({database})" if site else database
        self._say(
            INFO,
            "started_up",
            f'Scheduler "{name}" (OpenOrchestrator {version}) works on {where}: up to {max_jobs} jobs at once, '
            f"files in {workspace}.",
            scheduler=name,
            version=version,
            **({"site": site} if site else {}),
        )

    def stopping(self, policy: str, running: int) -> None:
        """The scheduler was asked to stop."""
        does = {
            "wait": "Waiting for them; stop again to leave them running.",
            "leave": "They go on and are taken over at the next start.",
            "kill": "They are killed.",
        }[policy]
        doing = does if running else ""
        self._say(INFO, "stopping", f"Stopping. {count(running, 'robot')} running. {doing}".rstrip(), running=running)

    def held(self, reasons: Sequence[str], running: int) -> None:
        """The scheduler starts nothing now, as admins wish; its robots go on."""
        words = f"Starts nothing now: {', and '.join(reasons)}. {count(running, 'robot')} running."
        self._say(INFO, "held", words, running=running)

    def admitted(self) -> None:
        """Nothing is in the way any more."""
        self._say(INFO, "admitted", "Starts robots again when they are due.")

    def drained(self) -> None:
        """Nothing runs any more on a scheduler that was to be drained."""
        self._say(INFO, "drained", "Drained: nothing runs here any more. When started again, it is still cordoned.")

    def stopped(self, left_running: int) -> None:
        """The scheduler has ended its work."""
        left = f" {count(left_running, 'robot')} left running." if left_running else ""
        self._say(INFO, "stopped", f"Stopped.{left}", left_running=left_running)

    def left_for_a_short_time(self, job_id: UUID, trigger_name: str, run_out_at: datetime) -> None:
        """A robot was left running, but it could not be stored that its scheduler may be away for longer."""
        self._say(
            WARNING,
            "left_for_a_short_time",
            f'The robot of "{trigger_name}" was left running, but its longer lease could not be stored: its row is '
            f"locked, or the database away. From {run_out_at.astimezone():%H:%M:%S} on, another scheduler may settle "
            "the job as Lost, and the next start of this one then ends the robot. Start this scheduler again at once "
            f"(job {job_id}).",
            job=job_id,
            trigger=trigger_name,
            run_out_at=run_out_at.isoformat(),
        )

    def database_lost(self, reason: str) -> None:
        """The database cannot be used; running robots go on."""
        self._say(WARNING, "database_lost", f"No contact with the database; trying again, robots go on. {reason}")

    def database_back(self, seconds: float) -> None:
        """The database can be used again."""
        self._say(INFO, "database_back", f"In contact with the database again after {seconds:.0f} s.", seconds=seconds)

    def name_awaited(self, name: str, seconds: float) -> None:
        """The name is held by a daemon of which it is not known whether it lives."""
        self._say(
            INFO,
            "name_awaited",
            f'The name "{name}" was held by a scheduler of which it is not known whether it still runs: in another '
            f"container or machine, or here before the last start. Waiting up to {seconds:.0f} s for a sign of it.",
            scheduler=name,
        )

    def name_taken(self, reason: str) -> None:
        """Another daemon has taken this scheduler's name after its lease had ended."""
        self._say(
            ERROR,
            "name_taken",
            f"Another scheduler has taken the name while this one was out of contact. Stopping, so that there is "
            f"only one. {reason}",
        )

    def unexpected(self, where: str, error: BaseException) -> None:
        """Something failed that nobody foresaw; the scheduler goes on."""
        self._say(ERROR, "unexpected", f"Failed while {where}: {words_of(error)}")

    def poisoned(self, trigger: str, reason: str) -> None:
        """A trigger cannot be used and is set aside."""
        self._say(ERROR, "poisoned", f'Trigger "{trigger}" is set aside until it is changed: {reason}', trigger=trigger)

    # The life of a run

    def claimed(
        self, job_id: UUID, trigger: str, *, late_seconds: float | None, attempt: int, retry: WaitingRetry | None = None
    ) -> None:
        """A trigger was claimed here, for a retry of an earlier job or not."""
        late = f", {late_seconds * 1000:.0f} ms after it was due" if late_seconds is not None else ""
        again = f", attempt {attempt}" if attempt > 1 else ""
        words = f'Claimed "{trigger}"{is_retry(retry)}{late}{again} (job {job_id}).'
        self._say(INFO, "claimed", words, job=job_id, trigger=trigger, **retry_fields(retry))

    def started(self, job_id: UUID, trigger: str, *, pid: int | None, commit: str | None) -> None:
        """A robot was started."""
        at = f", commit {commit[:12]}" if commit else ""
        self._say(
            INFO,
            "started",
            f'Started "{trigger}": pid {pid or "unknown"}{at} (job {job_id}).',
            job=job_id,
            trigger=trigger,
            pid=pid,
            commit=commit,
        )

    def adopted(self, job_id: UUID, trigger: str, *, pid: int | None) -> None:
        """A robot that an earlier scheduler of this name started is followed again."""
        self._say(
            INFO, "adopted", f'Took over "{trigger}": pid {pid} (job {job_id}).', job=job_id, trigger=trigger, pid=pid
        )

    def ended(self, job_id: UUID, trigger: str, *, exit_code: int | None, seconds: float | None) -> None:
        """A robot ended well."""
        took = f" after {duration(seconds)}" if seconds is not None else ""
        self._say(
            INFO,
            "ended",
            f'Ended "{trigger}": exit code {exit_code}{took} (job {job_id}).',
            job=job_id,
            trigger=trigger,
            exit_code=exit_code,
            seconds=seconds,
        )

    def failed(
        self,
        job_id: UUID,
        trigger: str,
        *,
        status: str,
        reason: str,
        exit_code: int | None,
        seconds: float | None,
        retry: WaitingRetry | None = None,
    ) -> None:
        """A run ended badly, and its trigger waits for a retry or not."""
        took = f" after {duration(seconds)}" if seconds is not None else ""
        self._say(
            ERROR,
            "failed",
            f'{status} "{trigger}"{took}: {reason.removesuffix(".")} (job {job_id}).{planned(retry)}',
            job=job_id,
            trigger=trigger,
            status=status,
            reason=reason,
            exit_code=exit_code,
            seconds=seconds,
            **retry_fields(retry),
        )

    def kill_requested(self, job_id: UUID, trigger: str) -> None:
        """Somebody asked for a robot to be killed."""
        self._say(INFO, "kill_requested", f'Killing "{trigger}" as asked (job {job_id}).', job=job_id, trigger=trigger)

    def skipped(self, trigger: str, reason: str) -> None:
        """Runs that a trigger has missed are left out."""
        self._say(INFO, "skipped", f'Skipped "{trigger}": {reason}', trigger=trigger)

    def given_back(self, job_id: UUID, trigger: str, reason: str) -> None:
        """A claimed run will not start here and is due again."""
        words = f'Gave back "{trigger}": {reason.removesuffix(".")} (job {job_id}).'
        self._say(INFO, "given_back", words, job=job_id, trigger=trigger)

    def ownership_lost(self, job_id: UUID, trigger: str) -> None:
        """A job was settled by somebody else, because its lease had ended; its robot is stopped."""
        self._say(
            ERROR,
            "ownership_lost",
            f'"{trigger}" was taken away from this scheduler, because it had been out of contact for too long; '
            f"stopping its robot (job {job_id}).",
            job=job_id,
            trigger=trigger,
        )

    def passed_on(self, job_id: UUID, trigger: str) -> None:
        """A job was taken over by another scheduler of this name, which follows its robot now."""
        self._say(
            ERROR,
            "passed_on",
            f'"{trigger}" was taken over by another scheduler of this name, because this one had been out of contact '
            f"for too long; its robot and files are left to that one (job {job_id}).",
            job=job_id,
            trigger=trigger,
        )

    def following_trouble(self, job_id: UUID, trigger: str, error: BaseException) -> None:
        """Something failed while a robot is followed; the robot goes on, and it is tried again."""
        self._say(
            ERROR,
            "following_trouble",
            f'Failed while following "{trigger}"; its robot goes on, trying again: {words_of(error)} (job {job_id}).',
            job=job_id,
            trigger=trigger,
        )

    def host_overdue(self, job_id: UUID, trigger: str, reason: str) -> None:
        """A robot host did not end its robot in time, so the scheduler does."""
        self._say(
            WARNING,
            "host_overdue",
            f'The robot host of "{trigger}" does not act although its robot has to end; ending both: {reason} '
            f"(job {job_id}).",
            job=job_id,
            trigger=trigger,
        )

    def output_kept(self, job_id: UUID, trigger: str, cause: str) -> None:
        """A run ended and the database did not take all of its output; the rest is kept on this machine."""
        self._say(
            ERROR,
            "output_kept",
            f'Some of the output of "{trigger}" is not stored and kept on this machine until the database takes it: '
            f"{cause} (job {job_id}).",
            job=job_id,
            trigger=trigger,
        )

    def files_missing(self, job_id: UUID, trigger: str, sentence: str) -> None:
        """Something that belongs to a robot's repository cannot be had; the robot was started without it."""
        self._say(
            WARNING,
            "files_missing",
            f'Started "{trigger}" without all its files. {sentence} (job {job_id})',
            job=job_id,
            trigger=trigger,
        )

    def output_completed(self, job_id: UUID, trigger: str) -> None:
        """Output that the database had not taken at the end of its run is stored now."""
        words = f'The rest of the output of "{trigger}" is stored now (job {job_id}).'
        self._say(INFO, "output_completed", words, job=job_id, trigger=trigger)

    def output_not_shown(self, pieces: int) -> None:
        """A run at a terminal ended, and nobody had read all of what it showed."""
        self._say(
            WARNING,
            "output_not_shown",
            f"{pieces} pieces of the output were not shown, because nobody read on. They are with the job.",
            pieces=pieces,
        )

    def log_kept(self, job_id: UUID, trigger: str) -> None:
        """The end of a run is settled, and its Error log not stored; it is kept on this machine."""
        self._say(
            WARNING,
            "log_kept",
            f'The Error log of "{trigger}" is not stored, and kept on this machine until the database takes it '
            f"(job {job_id}).",
            job=job_id,
            trigger=trigger,
        )

    def log_completed(self, job_id: UUID, process: str) -> None:
        """An Error log that the database had not taken at the end of its run is stored now."""
        words = f'The Error log of "{process}" is stored now (job {job_id}).'
        self._say(INFO, "log_completed", words, job=job_id, process=process)

    def late_finish(self, job_id: UUID, trigger: str, *, status: str, reason: str) -> None:
        """The end of a run was refused, because the job was settled by somebody else before."""
        self._say(
            ERROR,
            "late_finish",
            f'The end of "{trigger}" ({status}{": " + reason if reason else ""}) came too late: the job had been '
            f"settled without it (job {job_id}).",
            job=job_id,
            trigger=trigger,
            status=status,
        )

    def step_pending(self, job_id: UUID, trigger: str, error: BaseException) -> None:
        """The beginning or the end of a run cannot be stored yet."""
        self._say(
            WARNING,
            "step_pending",
            f'How it stands with "{trigger}" cannot be stored yet; trying until it can: {words_of(error)} '
            f"(job {job_id}).",
            job=job_id,
            trigger=trigger,
        )

    def output_trouble(self, job_id: UUID, trigger: str, error: BaseException) -> None:
        """Output of a robot cannot be stored for now."""
        self._say(
            WARNING,
            "output_trouble",
            f'Output of "{trigger}" cannot be stored for now: {words_of(error)} (job {job_id}).',
            job=job_id,
            trigger=trigger,
        )

    def settled(
        self, job_id: UUID, trigger: str | None, *, scheduler: str, outcome: str, retry: WaitingRetry | None = None
    ) -> None:
        """A job of a scheduler that is gone was settled here, and its trigger waits for a retry or not."""
        words = f'Settled "{trigger}" of scheduler "{scheduler}", which is out of contact: {outcome} (job {job_id}).'
        self._say(WARNING, "settled", words + planned(retry), job=job_id, trigger=trigger, **retry_fields(retry))

    def swept(self, counts: Mapping[str, int], seconds: float) -> None:
        """What was older than it is kept was deleted here."""
        self._say(INFO, "swept", swept(counts, seconds), seconds=seconds, **counts)

    def resumed(self, trigger: str) -> None:
        """The pause of a trigger came to its end, and was ended here."""
        self._say(INFO, "resumed", f'Enabled "{trigger}": the end of its pause has come.', trigger=trigger)

    def stray_taken(self, element_id: UUID, job_id: UUID | None) -> None:
        """A queue element was In Progress for a job that had ended, or for a robot without one that is gone."""
        holder = "a robot without a job, which is gone" if job_id is None else f"job {job_id}, which has ended"
        told = f"Took queue element {element_id} from {holder}."
        self._say(WARNING, "stray_taken", told, element=element_id, job=job_id)

    def leftover_killed(self, job_id: UUID, processes: int) -> None:
        """Processes of a run that is over were ended."""
        self._say(
            WARNING,
            "leftover_killed",
            f"Ended {count(processes, 'process', 'processes')} left over from job {job_id}, which is over.",
            job=job_id,
            processes=processes,
        )


def words_of(error: BaseException) -> str:
    """Return what an error says: those raised on purpose are sentences, of all others the type says the most."""
    return str(error) if isinstance(error, OpenOrchestratorError) else f"{type(error).__name__}: {error}"
