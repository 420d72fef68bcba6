"""Managed environments: made once, shared, never half-made, never taken from under a run."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psutil
import pytest
from managed_projects import Watch, locked_project, makers_in, project, slow_project, uv_runs, wheel

import OpenOrchestrator
from OpenOrchestrator.common.errors import LaunchError
from OpenOrchestrator.scheduler.host.run_files import write_exit
from OpenOrchestrator.scheduler.runs.run_directory import RunDirectory
from OpenOrchestrator.scheduler.runs.services import StartUnwantedError
from OpenOrchestrator.scheduler.workspace import environment_build, environment_upkeep, install_steps, requirement_files
from OpenOrchestrator.scheduler.workspace.managed_environments import FAILED_SECONDS, ManagedEnvironments, Wanted
from OpenOrchestrator.scheduler.workspace.uv_program import explain_end, failure_of, find_uv

SAY_WHERE = "import shouting, OpenOrchestrator, sqlalchemy; print(shouting.WORDS, OpenOrchestrator.__file__)"
DAY = 86400.0
UV_RUNS = uv_runs()


class Clock:
    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "work space's"


@pytest.fixture
def environments(root: Path, clock: Clock) -> ManagedEnvironments:
    return ManagedEnvironments(root, clock=clock)


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if not UV_RUNS and "without_uv" not in request.node.name:
        pytest.skip("uv does not run here")
    monkeypatch.setenv("UV_OFFLINE", "1")


def wanted(folder: Path, python: str = sys.executable) -> Wanted:
    return Wanted(requirement_files.find(folder, folder), python, "a robot")


def output_of(python: str, code: str, *, isolated: bool = False) -> str:
    command = [python, *(["-I"] if isolated else []), "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(python).parent)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def builds(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Return a list that gets each environment that is made."""
    made: list[Path] = []
    real = environment_build.build

    def build(environment: Path, *arguments: Any, **named: Any) -> Any:
        made.append(environment)
        return real(environment, *arguments, **named)

    monkeypatch.setattr(environment_build, "build", build)
    return made


@pytest.mark.parametrize("make", [project, locked_project])
def test_it_holds_what_the_robot_names_and_sees_our_package(
    environments: ManagedEnvironments, tmp_path: Path, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = builds(monkeypatch)
    folder, watch = make(tmp_path / "robot"), Watch()
    python = environments.provide(wanted(folder), uuid4(), watch)
    words, ours = output_of(python.executable, SAY_WHERE).split(" ", 1)
    assert (words, Path(ours).name) == ("AH", "__init__.py")
    assert "shouting" in watch.text
    assert "The environment was made" in watch.text
    assert Path(python.path[0]) == Path(python.executable).parent
    quiet = Watch()
    assert environments.provide(wanted(folder), uuid4(), quiet) == python, "the next run finds it"
    assert (len(made), quiet.lines) == (1, [])


def test_the_programs_of_packages_run_from_it(environments: ManagedEnvironments, tmp_path: Path) -> None:
    python = environments.provide(wanted(project(tmp_path / "robot")), uuid4(), Watch())
    name = "shouting.exe" if os.name == "nt" else "shouting"
    done = subprocess.run([Path(python.path[0]) / name], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "from the program"


def test_without_uv_it_is_made_with_venv_and_pip(root: Path, tmp_path: Path) -> None:
    bare = subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "bare")], check=False)
    if bare.returncode:
        pytest.skip("this Python is not whole: its venv makes no environments")
    environments = ManagedEnvironments(root, find_uv=lambda: None)
    watch = Watch()
    python = environments.provide(wanted(project(tmp_path / "robot")), uuid4(), watch)
    assert output_of(python.executable, SAY_WHERE).startswith("AH ")
    assert "with pip" in watch.text


def test_a_lock_needs_uv(root: Path, tmp_path: Path) -> None:
    environments = ManagedEnvironments(root, find_uv=lambda: None)
    with pytest.raises(LaunchError, match=r"uv\.lock can be read by uv only"):
        environments.provide(wanted(locked_project(tmp_path / "robot")), uuid4(), Watch())


@pytest.fixture
def broken_uv(tmp_path: Path) -> str:
    """A uv that no system can start."""
    program = tmp_path / "uv.exe"
    program.write_text("no program")
    return str(program)


def test_a_uv_that_cannot_be_started_is_as_none(
    root: Path, tmp_path: Path, broken_uv: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []

    def made(*_: object, **how: Any) -> str | None:
        asked.append(how)
        raise LaunchError("far enough")

    monkeypatch.setattr(environment_build, "build", made)
    watch = Watch()
    with pytest.raises(LaunchError, match="far enough"):
        ManagedEnvironments(root, find_uv=lambda: broken_uv).provide(
            wanted(project(tmp_path / "robot")), uuid4(), watch
        )
    assert asked[0]["uv"] is None
    assert [line for line in watch.lines if "uv cannot be started" in line and broken_uv in line] == watch.lines[:1]
    assert "with pip" in watch.lines[1]


def test_the_cache_is_left_alone_by_a_uv_that_cannot_be_started(root: Path, broken_uv: str) -> None:
    environments = ManagedEnvironments(root, find_uv=lambda: broken_uv)
    environments.cache.mkdir(parents=True)
    environment_upkeep.prune_cache(environments)
    assert environments.cache.is_dir()


def test_a_lock_says_that_uv_cannot_be_started(root: Path, tmp_path: Path, broken_uv: str) -> None:
    environments = ManagedEnvironments(root, find_uv=lambda: broken_uv)
    with pytest.raises(LaunchError, match=r"uv\.lock can be read by uv only, and uv cannot be started"):
        environments.provide(wanted(locked_project(tmp_path / "robot")), uuid4(), Watch())


@pytest.mark.parametrize(
    ("status", "printed", "words"),
    [
        (0, "uv 0.9.1", None),
        (3221225781, "", "Windows does not find a DLL that it needs"),
        (-1073741515, "", "Windows does not find a DLL that it needs"),
        (-6, "", "it ended with status -6 and said nothing"),
        (127, "uv: error while\nloading", "it ended with status 127 and said uv: error while loading"),
    ],
)
def test_why_uv_does_not_run(status: int, printed: str, words: str | None) -> None:
    found = explain_end(status, printed)
    assert found == words or (words is not None and found is not None and found.startswith(words))


def test_the_version_that_the_robot_names_wins(environments: ManagedEnvironments, tmp_path: Path) -> None:
    folder = project(tmp_path / "robot", requirements="./OpenOrchestrator-3.0.0-py3-none-any.whl\n")
    wheel(folder, "OpenOrchestrator", "3.0.0", "VERSION = 'theirs'")
    watch = Watch()
    python = environments.provide(wanted(folder), uuid4(), watch)
    assert output_of(python.executable, "import OpenOrchestrator as o; print(o.VERSION)", isolated=True) == "theirs"
    assert "with OpenOrchestrator 3.0.0 of its own" in watch.text
    nothing_of_ours = "import importlib.util as u; print(u.find_spec('sqlalchemy'))"
    assert output_of(python.executable, nothing_of_ours, isolated=True) == "None", (
        "a robot of 3.0 is not mixed with our packages"
    )


def test_another_interpreter_gets_an_environment_of_its_own(environments: ManagedEnvironments, tmp_path: Path) -> None:
    other = tmp_path / "other"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(other)], check=True)
    python = other / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    folder = project(tmp_path / "robot")
    own, theirs = wanted(folder), wanted(folder, str(python))
    assert environments.key_of(own) != environments.key_of(theirs)
    made = environments.provide(theirs, uuid4(), Watch())
    find = "import importlib.util as u; print(u.find_spec('OpenOrchestrator'))"
    assert output_of(made.executable, find, isolated=True) == "None", "our packages may not fit there"
    with pytest.raises(LaunchError, match="There is no Python"):
        environments.provide(wanted(folder, str(tmp_path / "missing")), uuid4(), Watch())


def test_many_that_start_together_make_it_once(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = builds(monkeypatch)
    this = wanted(project(tmp_path / "robot"))
    watches = [Watch() for _ in range(8)]
    together = threading.Barrier(8)

    def start(watch: Watch) -> str:
        together.wait()
        return ManagedEnvironments(root).provide(this, uuid4(), watch).executable

    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(start, watches))
    assert (len(made), len(found)) == (1, 1)
    assert sum("was made" in watch.text for watch in watches) == 1


def test_many_that_start_together_fail_together(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    made = builds(monkeypatch)
    this = wanted(project(tmp_path / "robot", requirements="missing==1.0\n"))
    together = threading.Barrier(6)

    def start(_: int) -> str:
        together.wait()
        with pytest.raises(LaunchError) as caught:
            ManagedEnvironments(root, clock=clock).provide(this, uuid4(), Watch())
        return str(caught.value)

    with ThreadPoolExecutor(6) as pool:
        reasons = list(pool.map(start, range(6)))
    assert len(made) == 1
    assert all("requirements.txt" in reason for reason in reasons)
    with pytest.raises(LaunchError, match="by another run"):
        ManagedEnvironments(root, clock=clock).provide(this, uuid4(), Watch())
    assert len(made) == 1, "not tried again in the same storm"
    with pytest.raises(LaunchError):
        ManagedEnvironments(root, clock=clock).provide(this, uuid4(), Watch(), insist=True)
    assert len(made) == 2, "unless somebody insists"
    clock.ahead = FAILED_SECONDS + 1
    with pytest.raises(LaunchError):
        ManagedEnvironments(root, clock=clock).provide(this, uuid4(), Watch())
    assert len(made) == 3, "and again after a while"


def test_a_failure_leaves_nothing_that_is_used_and_a_good_build_forgets_it(
    environments: ManagedEnvironments, tmp_path: Path
) -> None:
    folder = project(tmp_path / "robot")
    this = wanted(folder)
    away = folder / "away.whl"
    (folder / "shouting-1.0-py3-none-any.whl").rename(away)
    with pytest.raises(LaunchError):
        environments.provide(this, uuid4(), Watch())
    assert [each.state for each in environment_upkeep.listed(environments)] == ["failed"]
    away.rename(folder / "shouting-1.0-py3-none-any.whl")
    environments.provide(this, uuid4(), Watch(), insist=True)
    assert [each.state for each in environment_upkeep.listed(environments)] == ["ready"]


def test_made_anew_it_is_another_one_and_the_old_one_stays_under_its_runs(
    environments: ManagedEnvironments, tmp_path: Path
) -> None:
    this, first, second = wanted(project(tmp_path / "robot")), uuid4(), uuid4()
    old = environments.provide(this, first, Watch()).executable
    new = environments.provide(this, second, Watch(), anew=True).executable
    assert old != new
    environment_upkeep.prune(environments)
    assert Path(old).exists()
    environments.release(first)
    environment_upkeep.prune(environments)
    assert not Path(old).exists()
    assert environments.provide(this, uuid4(), Watch()).executable == new


def test_nobody_who_does_not_want_it_any_more_waits_for_it(
    environments: ManagedEnvironments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    this, watch = slow(tmp_path / "robot"), Watch()
    with ThreadPoolExecutor(2) as pool:
        building = pool.submit(environments.provide, this, uuid4(), watch)
        makers = await_makers(environments)
        waiting_watch = Watch()
        waiting = pool.submit(environments.provide, this, uuid4(), waiting_watch)
        await_true(lambda: "Waiting for another run" in waiting_watch.text)
        waiting_watch.unwanted.set()
        with pytest.raises(StartUnwantedError):
            waiting.result(30)
        watch.unwanted.set()
        with pytest.raises(StartUnwantedError):
            building.result(30)
    await_true(lambda: not any(process.is_running() for process in makers))
    assert environment_upkeep.listed(environments) == [], "it is no failure either"


def test_what_a_killed_maker_left_is_ended_and_not_used(environments: ManagedEnvironments, tmp_path: Path) -> None:
    folder = tmp_path / "robot"
    this = slow(folder)
    key = environments.key_of(this)
    maker = subprocess.Popen(
        [sys.executable, "-c", _MAKE, str(environments.folder.parent), str(folder)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(OpenOrchestrator.__file__).parents[1]), *sys.path])},
    )
    makers = await_makers(environments)
    maker.kill()
    maker.wait()
    assert any(process.is_running() for process in makers), "what it started works on"
    assert [each.state for each in environment_upkeep.listed(environments)] == ["building"]
    environment_upkeep.prune(environments)
    await_true(lambda: not any(process.is_running() for process in makers))
    assert environment_upkeep.listed(environments) == []
    assert not list(environments.folder.glob(f"{key}-*"))


def test_what_is_being_made_is_not_pruned(environments: ManagedEnvironments, tmp_path: Path) -> None:
    this, watch = slow(tmp_path / "robot"), Watch()
    with ThreadPoolExecutor(1) as pool:
        building = pool.submit(environments.provide, this, uuid4(), watch)
        makers = await_makers(environments)
        environment_upkeep.prune(environments, keep_days=0, most_bytes=0)
        assert [each.state for each in environment_upkeep.listed(environments)] == ["building"]
        assert any(process.is_running() for process in makers)
        watch.unwanted.set()
        with pytest.raises(StartUnwantedError):
            building.result(30)


@pytest.fixture
def used(environments: ManagedEnvironments, tmp_path: Path, root: Path) -> Iterator[tuple[Path, UUID, RunDirectory]]:
    """An environment in which a run goes on whose scheduler was killed: its host lives."""
    job_id = uuid4()
    python = environments.provide(wanted(project(tmp_path / "robot")), job_id, Watch())
    run = RunDirectory.create(root, job_id)
    host = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    run.write_host(host.pid)
    yield Path(python.executable), job_id, run
    host.kill()
    host.wait()


def test_never_under_a_running_robot_but_not_for_ever(
    environments: ManagedEnvironments, used: tuple[Path, UUID, RunDirectory], clock: Clock
) -> None:
    python, job_id, run = used
    clock.ahead = 100 * DAY
    environment_upkeep.prune(environments, now=clock(), keep_days=0, most_bytes=0)
    assert python.exists(), "its robot runs"
    (listed,) = environment_upkeep.listed(environments)
    assert listed.users == (job_id,)
    host = run.read_host()
    assert host is not None
    process = psutil.Process(host.host_pid)
    process.kill()
    await_true(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)
    environment_upkeep.prune(environments, now=clock(), keep_days=0, most_bytes=0)
    assert not python.exists(), "host and robot are gone, and nobody wrote an end"


def test_the_end_of_a_run_frees_it_though_nobody_released_it(
    environments: ManagedEnvironments, used: tuple[Path, UUID, RunDirectory]
) -> None:
    python, _, run = used
    write_exit(run.path, {"exit_code": 0, "ended_at": "2026-11-29T12:00:00+00:00"})
    environment_upkeep.prune(environments, keep_days=0, most_bytes=0)
    assert not python.exists()


def test_a_start_that_never_became_a_run_frees_it_when_its_scheduler_is_gone(
    environments: ManagedEnvironments, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = Path(environments.provide(wanted(project(tmp_path / "robot")), uuid4(), Watch()).executable)
    clock.ahead = DAY
    environment_upkeep.prune(environments, now=clock(), keep_days=0, most_bytes=0)
    assert python.exists(), "this process may still start it: its database may be away"
    (mark,) = environments.folder.glob("*.users/*.json")
    mark.write_text('{"pid": 2147483000, "identity": null}', encoding="utf-8")
    environment_upkeep.prune(environments, now=clock(), keep_days=0, most_bytes=0)
    assert not python.exists()


def test_the_least_used_go_first_when_there_is_too_much(environments: ManagedEnvironments, tmp_path: Path) -> None:
    jobs = [uuid4() for _ in range(3)]
    pythons = []
    for number, job_id in enumerate(jobs):
        folder = project(tmp_path / f"robot {number}")
        (folder / "requirements.txt").write_text(f"# {number}\n./shouting-1.0-py3-none-any.whl\n", encoding="utf-8")
        pythons.append(Path(environments.provide(wanted(folder), job_id, Watch()).executable))
        environments.release(job_id)
    for age, python in zip((1, 3, 2), pythons, strict=True):
        key = python.relative_to(environments.folder).parts[0].partition("-")[0]
        os.utime(environments.folder / f"{key}.json", (time.time() - age * 60,) * 2)
    size = max(each.size for each in environment_upkeep.listed(environments))
    removed = environment_upkeep.prune(environments, most_bytes=size * 2.5)
    assert [
        each.folder is not None and each.folder in python.parents for each in removed for python in [pythons[1]]
    ] == [True]
    assert [python.exists() for python in pythons] == [True, False, True]


def test_secrets_of_indexes_are_not_shown(
    environments: ManagedEnvironments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_INDEX_HOUSE_PASSWORD", "Hem@meligt7")
    folder = project(tmp_path / "robot", requirements="nothing @ file:///nowhere/Hem@meligt7/nothing-1.0.whl\n")
    watch = Watch()
    with pytest.raises(LaunchError) as caught:
        environments.provide(wanted(folder), uuid4(), watch)
    assert watch.lines
    assert "Hem@meligt7" not in watch.text + str(caught.value)


def test_builds_of_packages_do_not_see_the_secrets_of_the_site() -> None:
    inherited = {"OpenOrchestratorKey": "k", "OPENORCHESTRATORCONNSTRING": "c", "PATH": "p", "PYTHONPATH": "x",
                 "UV_DEFAULT_INDEX": "file:///simple"}  # fmt: skip
    env = install_steps.variables(inherited, cache=Path("cache"), mark="mark")
    assert not [
        name for name in env if name.upper().startswith("OPENORCHESTRATOR") and name != "OPENORCHESTRATOR_ENVIRONMENT"
    ]
    assert (env["PATH"], env["UV_DEFAULT_INDEX"], env["UV_CACHE_DIR"]) == ("p", "file:///simple", "cache")
    assert "PYTHONPATH" not in env


_MAKE = f"""
import sys
from pathlib import Path
from uuid import uuid4
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from managed_projects import Watch
from OpenOrchestrator.scheduler.workspace import requirement_files
from OpenOrchestrator.scheduler.workspace.managed_environments import ManagedEnvironments, Wanted
folder = Path(sys.argv[2])
wanted = Wanted(requirement_files.find(folder, folder), {sys.executable!r}, "a robot")
ManagedEnvironments(Path(sys.argv[1])).provide(wanted, uuid4(), Watch())
"""


def slow(folder: Path) -> Wanted:
    return wanted(slow_project(folder))


def await_makers(environments: ManagedEnvironments) -> list[psutil.Process]:
    """Return the processes that make an environment, once its package is built."""

    def look() -> list[psutil.Process]:
        return makers_in(environments.folder)

    found: list[psutil.Process] = await_true(look)
    return found


def await_true(look: Any, seconds: float = 60) -> Any:
    give_up_at = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < give_up_at, "it did not come"
        time.sleep(0.02)
    return found


def test_uv_is_found() -> None:
    uv = find_uv()
    assert uv is not None
    assert failure_of(uv) is None
