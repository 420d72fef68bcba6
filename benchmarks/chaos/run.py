"""One run from the empty cluster to the books: puts the parts together, in the order of time."""

from __future__ import annotations

import logging
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.chaos import blame, books, policies, report, tables
from benchmarks.chaos.books import Finding
from benchmarks.chaos.cluster import HOST, Cluster, private_cluster
from benchmarks.chaos.diary import Diary
from benchmarks.chaos.disturbances import Chaos, Site
from benchmarks.chaos.effects import read_effects
from benchmarks.chaos.links import Network
from benchmarks.chaos.machines import Machine
from benchmarks.chaos.plan import make_plan, possible
from benchmarks.chaos.rest import Rest
from benchmarks.chaos.rows import read_books
from benchmarks.chaos.stopping import Stopped, stop_all, wait_for_none
from benchmarks.chaos.watch import Watch
from benchmarks.chaos.workload import ZONE, Size, Workload
from OpenOrchestrator.common.crypto_util import generate_key
from OpenOrchestrator.database.schema.migrations import upgrade

REST_SECONDS = 60.0
"""What is left when nothing is disturbed any more has to become less within so many seconds, until nothing is."""

LONGEST_REST_SECONDS = 600.0
"""How long that may go on: the work that heaped up is done at the machine's pace."""

_UP_SECONDS = 90.0
_STOP_SECONDS = 40.0
_LEFT_SECONDS = 15.0
_STEP_SECONDS = 0.05
_SMALL_RUN_SECONDS = 45.0
_SMALL = Size(workers=1, pooled=3, retrying=1, scheduled=2, singles_per_second=1.2, length=0.4)


@dataclass(frozen=True, slots=True)
class Options:
    """What is wanted.

    Attributes:
        seconds: How long there are disturbances.
        seed: Chooses them.
        log: Where every disturbance and every finding is written; None for nowhere.
        machines: How many schedulers.
        max_jobs: Robots at once on each.
        size: What there is to do.
    """

    seconds: float
    seed: int = 1
    log: Path | None = None
    machines: int = 7
    max_jobs: int = 4
    size: Size = field(default_factory=Size)

    @classmethod
    def for_seconds(cls, seconds: float, *, seed: int = 1, log: Path | None = None) -> Options:
        """Return options that fit a length: short runs have few machines, which start soon."""
        if seconds > _SMALL_RUN_SECONDS:
            return cls(seconds, seed, log)
        return cls(seconds, seed, log, machines=4, size=_SMALL)


def run(kind: str, options: Options) -> report.Result:
    """Let chaos loose on a private database of a kind, and compare the books afterwards.

    Raises:
        OSError: If there is no such server here, or not the system for it.
    """
    if sys.platform != "linux":
        raise OSError("the chaos run signals processes and needs Linux")
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)  # connections of ours that a crash ended
    diary = Diary(options.log)
    diary.say(f"chaos on {kind}: {options}")
    try:
        with (
            private_cluster(kind) as cluster,
            tempfile.TemporaryDirectory(prefix="oo-chaos-", ignore_cleanup_errors=True) as name,
        ):
            upgrade(cluster.url(), zone=ZONE.key)
            result = _Run(cluster, Path(name), options, diary).result()
        for line in report.evidence(result):
            diary.say(line)
        return result
    finally:
        diary.close()


class _Run:
    """The parts of one run."""

    def __init__(self, cluster: Cluster, folder: Path, options: Options, diary: Diary) -> None:
        self._cluster = cluster
        self._folder = folder
        self._options = options
        self._diary = diary
        self._engine = direct_engine(cluster.url())
        self._network = Network(HOST, cluster.port) if cluster.port else None
        key = generate_key().decode()
        self._machines = []
        for number in range(options.machines):
            link = None if self._network is None else self._network.link()
            name = f"machine-{number}"
            url = cluster.url(None if link is None else link.port)
            self._machines.append(
                Machine(name, folder / name, link, url=url, key=key, max_jobs=options.max_jobs),
            )
        self._workload = Workload(self._engine, folder, seed=options.seed, size=options.size)
        self._watch = Watch(self._engine, self._machines, cluster.connections)
        self._chaos = Chaos(Site(cluster, self._machines, self._engine, diary, self._watch))
        self._findings: list[Finding] = []

    def result(self) -> report.Result:
        """Do it all, and leave no process behind."""
        try:
            self._begin()
            self._disturb()
            at_rest = self._settle()
            stopped = self._stop()
            return self._compare(at_rest, stopped)
        finally:
            for machine in self._machines:
                machine.kill_everything()
            if self._network is not None:
                self._network.close()
            self._engine.dispose()

    def _begin(self) -> None:
        self._workload.set_up()
        for machine in self._machines:
            machine.start()
        deadline = time.monotonic() + _UP_SECONDS
        while not all(machine.is_up() for machine in self._machines):
            for machine in self._machines:
                ended = machine.take_end()
                if ended is not None:
                    raise OSError(f"{machine.name} does not begin to work: {ended.words}")
            if time.monotonic() > deadline:
                raise OSError(f"the schedulers do not begin to work within {_UP_SECONDS:.0f} s")
            time.sleep(0.1)
        self._watch.start()
        self._workload.start()

    def _disturb(self) -> None:
        kinds = possible(
            links=self._network is not None, crashes=self._cluster.can_crash, clock=not self._cluster.clock_missing
        )
        seconds = self._options.seconds
        plan = make_plan(self._options.seed, seconds=seconds, machines=len(self._machines), kinds=kinds)
        self._chaos.schedule(plan)
        begun = time.monotonic()
        with _progress(f"chaos on {self._cluster.kind}", seconds) as show:
            while (passed := time.monotonic() - begun) < seconds:
                self._chaos.step()
                counts = self._watch.counts
                words = f"{self._chaos.done} of {len(plan)} disturbances"
                words += f", {counts.elements.get('DONE', 0):,} elements, {sum(counts.jobs.values()):,} jobs"
                show(passed, words)
                time.sleep(_STEP_SECONDS)

    def _settle(self) -> float:
        """Wait until everything has come to its end, and return in how many seconds it did."""
        self._workload.stop_ordering()
        self._chaos.calm()
        begun = time.monotonic()
        rest = Rest(REST_SECONDS)
        with _progress("coming to rest", LONGEST_REST_SECONDS) as show:
            while left := self._workload.what_is_left():
                passed = time.monotonic() - begun
                stuck = left if passed > LONGEST_REST_SECONDS else rest.stuck(left, passed)
                if stuck:
                    self._findings += [Finding(report.UNSETTLED, one.words) for one in stuck]
                    break
                show(passed, f"{len(left)} things left, such as {left[0].words}")
                self._chaos.step()
                time.sleep(0.5)
        return time.monotonic() - begun

    def _stop(self) -> Stopped:
        """Let nobody work any more, so that the books do not change while they are read and compared."""
        self._workload.stop()
        self._watch.stop()
        self._watch.look()
        stopped = stop_all(self._machines, self._job_ids, patience=_STOP_SECONDS, left_patience=_LEFT_SECONDS)
        self._findings += [
            *(Finding(report.NOT_STOPPED, name) for name in stopped.not_stopped),
            *(Finding(report.PROCESSES_LEFT, words) for words in stopped.left_over),
        ]
        return stopped

    def _job_ids(self) -> frozenset[str]:
        with self._engine.connect() as connection:
            return frozenset(map(str, connection.execute(sa.select(tables.JOBS.c.id)).scalars()))

    def _compare(self, seconds_to_rest: float, stopped: Stopped) -> report.Result:
        """Look for what is left over, and compare the books."""
        self._engine.dispose()
        connections = wait_for_none(lambda: ["a connection"] * self._cluster.connections(), _LEFT_SECONDS)
        rows = read_books(self._engine)
        folders = [
            words
            for machine in self._machines
            for words in machine.run_directories()
            if not any(job_id in words for job_id in stopped.cut_off)
        ]
        at_rest = not stopped.not_stopped and not any(one.check == report.UNSETTLED for one in self._findings)
        effects = read_effects(self._workload.effects)
        entries, orphans, now = self._diary.entries, self._watch.orphans, time.time()
        self._findings += [
            *(Finding(report.CONNECTIONS_LEFT, words) for words in connections),
            *(Finding(report.FOLDERS_LEFT, words) for words in folders),
            *(Finding(report.UNEXPECTED, words) for machine in self._machines for words in _unexpected(machine)),
            *books.compare(rows, self._workload.orders, effects, at_rest=at_rest),
            *policies.judge_limits(rows, effects, self._watch.looks),
            *policies.judge_retries(rows, effects, entries, at_rest=at_rest),
            *policies.judge_holds(rows, self._chaos.holds.holds),
            *policies.judge_drains(self._chaos.ended, entries),
            *(Finding(policies.DRAIN_LEFT, words) for words in self._chaos.holds.left),
            *blame.judge_jobs(rows, effects, entries),
            *blame.judge_schedulers(self._chaos.ended, entries),
            *blame.judge_settling(orphans, entries, now),
        ]
        if self._workload.error is not None:
            self._findings.append(Finding(report.WORKLOAD_FAILED, repr(self._workload.error)))
        return report.Result(
            kind=self._cluster.kind,
            seconds=self._options.seconds,
            seed=self._options.seed,
            entries=entries,
            books=rows,
            effects=effects,
            findings=self._findings,
            looks=self._watch.looks,
            holds=self._chaos.holds.holds,
            drained=sum(policies.is_drained(ended, entries) for ended in self._chaos.ended),
            settled=[blame.settle_seconds(orphan, entries, now) for orphan in orphans],
            memory=[memory for memory in self._watch.memory.values() if memory.begin],
            seconds_to_rest=seconds_to_rest,
            most_connections=self._watch.most_connections,
            cuts=sum(machine.link.cuts for machine in self._machines if machine.link is not None),
            clock_missing=self._cluster.clock_missing,
            trails=_trails(self._machines),
        )


def direct_engine(url: str) -> sa.Engine:
    """Return an engine that waits a second at most for locks, because the run itself holds some for long."""
    made = sa.engine.make_url(url)
    options: dict[str, object] = {}
    if made.get_backend_name() == "postgresql":
        options = {"connect_args": {"options": "-c lock_timeout=1000"}}
    elif made.get_backend_name() == "mysql":
        wait = {"init_command": "SET SESSION innodb_lock_wait_timeout = 1"}
        options = {"connect_args": wait, "isolation_level": "READ COMMITTED"}
    else:
        options = {"connect_args": {"timeout": 1, "check_same_thread": False}}
    return sa.create_engine(made, pool_pre_ping=True, pool_size=8, **options)


def _trails(machines: Sequence[Machine]) -> Mapping[str, Sequence[str]]:
    """Return what the schedulers logged about each job."""
    trails: dict[str, list[str]] = defaultdict(list)
    for machine in machines:
        for event in machine.events():
            if job := event.get("job"):
                trails[job].append(f"{event['time']} {machine.name} {event['event']}: {event['message'][:300]}")
    return {job: sorted(lines) for job, lines in trails.items()}


def _unexpected(machine: Machine) -> Iterator[str]:
    """Yield what a scheduler logged that nobody foresaw, and what is no line of its log, such as a traceback.

    The line in which one says why it does not begin to work is looked at as its end.
    """
    strange: list[str] = []
    for event in (*machine.events(), {"event": "end"}):
        if not event["event"]:
            if not event["message"].startswith("Error: "):
                strange.append(event["message"].strip())
            continue
        if strange:
            yield f"{machine.name}: {strange[0]} ... {' '.join(strange[-3:])}"
            strange = []
        if event["event"] == "unexpected":
            yield f"{machine.name}: {event['time']} {event['message']}"


@contextmanager
def _progress(title: str, seconds: float) -> Iterator[Callable[[float, str], None]]:
    """Show on a terminal how far a part of the run is; say nothing elsewhere."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.fields[words]}"))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=seconds, words="")
        yield lambda passed, words: progress.update(task, completed=passed, words=words)
