"""What a robot is handed, and that its run does not depend on the process that launched it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import psutil
import pytest
from running import (
    CONNECTION_STRING,
    KEY,
    PASSWORD,
    ROBOTS,
    end_all,
    end_of,
    eventually,
    spec_for,
    text_of,
    wait_for_text,
)

import OpenOrchestrator
from OpenOrchestrator.common.errors import LaunchError
from OpenOrchestrator.common.secret_markers import marker
from OpenOrchestrator.database.statuses import SecretPassing
from OpenOrchestrator.scheduler.host import run_files
from OpenOrchestrator.scheduler.runs import launcher as launcher_module
from OpenOrchestrator.scheduler.runs.launcher import Launcher
from OpenOrchestrator.scheduler.runs.robot_command import build_command
from OpenOrchestrator.scheduler.runs.run_directory import RunDirectory, find_runs, run_root

CHECKOUT = Path(OpenOrchestrator.__file__).parents[1]
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="needs kill -9 and /proc")
MARKERS = ["env:OpenOrchestratorConnString", "env:OpenOrchestratorKey"]


@pytest.fixture(autouse=True)
def _nothing_goes_on(tmp_path: Path) -> Iterator[None]:
    yield
    for workspace in (tmp_path, tmp_path / "workspace"):
        end_all(workspace)


# Argument list and environment ---------------------------------------------------------------------------------


def test_secrets_as_arguments_are_where_old_robots_look_for_them() -> None:
    spec = spec_for("exits.py", "some arguments", passing=SecretPassing.ARGUMENTS)
    command = build_command(spec, python="python3", inherited={})
    assert command.argv == (
        "python3",
        str(ROBOTS / "exits.py"),
        "Tested process",
        CONNECTION_STRING,
        KEY,
        "some arguments",
        str(spec.trigger_id),
        str(spec.job_id),
    )
    assert not any(value in (CONNECTION_STRING, KEY) for value in command.env.values())


def test_secrets_in_the_environment_are_in_no_argument() -> None:
    spec = spec_for("exits.py", "", passing=SecretPassing.ENVIRONMENT)
    command = build_command(spec, python="python3", inherited={})
    assert list(command.argv[3:6]) == [*MARKERS, ""], "the empty arguments keep their place"
    assert [marker("OpenOrchestratorConnString"), marker("OpenOrchestratorKey")] == MARKERS
    assert command.env["OpenOrchestratorConnString"] == CONNECTION_STRING
    assert command.env["OpenOrchestratorKey"] == KEY


def test_how_secrets_are_passed_must_be_decided_before() -> None:
    with pytest.raises(ValueError, match="resolve_passing"):
        build_command(spec_for("exits.py", passing=SecretPassing.AUTO), python="python3", inherited={})


def test_nothing_of_the_schedulers_own_secrets_and_python_is_inherited() -> None:
    inherited = {
        "OpenOrchestratorConnString": "the scheduler's",
        "OPENORCHESTRATORKEY": "the scheduler's, as Windows writes it",
        "PYTHONPATH": "x",
        "PYTHONHOME": "x",
        "__PYVENV_LAUNCHER__": "x",
        "VIRTUAL_ENV": "x",
        "OPENORCHESTRATOR_JOB": "the job that the scheduler itself runs in",
        "OpenOrchestratorPassword": "the app's",
        "OPENORCHESTRATOR_GIT_PASSWORD": "of a scheduler that is a robot",
        "GIT_DIR": "/srv/other/.git",
        "GIT_INDEX_FILE": "x",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.worktree",
        "GIT_CONFIG_VALUE_0": "x",
        "PATH": "/bin",
        "TEAM_SETTING": "kept",
    }
    spec = spec_for("exits.py", passing=SecretPassing.ARGUMENTS)
    assert build_command(spec, python="python3", inherited=inherited).env == {
        "PATH": "/bin",
        "TEAM_SETTING": "kept",
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8:backslashreplace",
        "OPENORCHESTRATOR_JOB": str(spec.job_id),
    }


def test_what_a_start_adds_comes_before_what_is_inherited() -> None:
    inherited = {"Path": "/usr/bin", "GIT_AUTHOR_NAME": "robot 7", "GIT_CONFIG_COUNT": "7"}
    spec = replace(
        spec_for("exits.py"), python="/env/python", path=("/env", "/more"), variables={"GIT_CONFIG_COUNT": "1"}
    )
    command = build_command(spec, python="python3", inherited=inherited)
    assert command.argv[0] == "/env/python"
    assert command.env["Path"] == os.pathsep.join(["/env", "/more", "/usr/bin"])
    assert (command.env["GIT_AUTHOR_NAME"], command.env["GIT_CONFIG_COUNT"]) == ("robot 7", "1")
    assert build_command(spec, python="python3", inherited={}).env["PATH"] == os.pathsep.join(["/env", "/more"])


def test_secrets_of_a_start_are_hidden_in_the_output(tmp_path: Path) -> None:
    robot = tmp_path / "says.py"
    robot.write_text("import sys; print('it is', sys.argv[4])")
    run = Launcher(tmp_path / "workspace").start(replace(spec_for(robot, "Token-77"), secrets=("Token-77",)))
    end_of(run)
    assert text_of(run).strip() == "it is ***"


def test_what_the_operator_says_about_encoding_wins() -> None:
    inherited = {"PYTHONIOENCODING": "cp865", "PYTHONUNBUFFERED": ""}
    env = build_command(spec_for("exits.py"), python="python3", inherited=inherited).env
    assert (env["PYTHONIOENCODING"], env["PYTHONUNBUFFERED"]) == ("cp865", "")


@pytest.mark.parametrize("passing", [SecretPassing.ARGUMENTS, SecretPassing.ENVIRONMENT])
def test_a_robot_gets_just_that(tmp_path: Path, passing: SecretPassing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OpenOrchestratorKey", "the scheduler's own")
    monkeypatch.setenv("LC_ALL", "C")
    target = tmp_path / "start.json"
    spec = spec_for("shows_start.py", str(target), passing=passing)
    run = Launcher(tmp_path / "workspace", environment={"ADDED": "yes"}).start(spec)
    assert end_of(run).exit_code == 0, text_of(run, "stderr")
    seen = json.loads(target.read_text("utf-8"))
    command = build_command(spec, python=sys.executable, inherited=os.environ | {"ADDED": "yes"})
    assert seen["argv"] == list(command.argv[1:])
    assert Path(seen["cwd"]) == ROBOTS
    assert seen["stdin"] == ""
    assert seen["encoding"] == "utf-8"
    assert seen["session"] in (True, None), "a session of its own, away from the scheduler's terminal"
    assert seen["env"].items() >= dict(command.env).items()
    in_environment = passing is SecretPassing.ENVIRONMENT
    assert seen["env"].get("OpenOrchestratorKey") == (KEY if in_environment else None)
    assert text_of(run) == "blåbærgrød \U0001f41d \\udcff\n", "printing any character works, whatever the locale"


def test_no_secret_is_in_the_run_directory_nor_in_the_hosts_argument_list_and_environment(tmp_path: Path) -> None:
    run = Launcher(tmp_path).start(spec_for("stubborn.py", str(tmp_path / "end"), passing=SecretPassing.ARGUMENTS))
    wait_for_text(run, "ready")
    host = run.read_host()
    assert host is not None
    process = psutil.Process(host.host_pid)
    visible = [*process.cmdline(), *process.environ().values()]
    visible += [path.read_text("utf-8", errors="replace") for path in run.path.iterdir()]
    (tmp_path / "end").touch()
    end_of(run)
    visible += [path.read_text("utf-8", errors="replace") for path in run.path.iterdir()]
    for secret in (CONNECTION_STRING, PASSWORD, KEY):
        assert not any(secret in text for text in visible)
    if sys.platform != "win32":
        assert run.path.stat().st_mode & 0o077 == 0
        assert all(path.stat().st_mode & 0o077 == 0 for path in run.path.iterdir())


# The run directory ---------------------------------------------------------------------------------------------


def test_the_host_is_known_as_soon_as_the_start_returns(tmp_path: Path) -> None:
    run = Launcher(tmp_path).start(spec_for("exits.py", "0"))
    host = run.read_host()
    assert host is not None
    assert host.host_started == psutil.Process(host.host_pid).create_time()
    assert run.host_alive()
    end_of(run)


@pytest.mark.skipif(sys.platform != "linux", reason="psutil's create time moves with the clock on Linux alone")
def test_a_host_is_alive_whatever_happens_to_the_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Launcher(tmp_path).start(spec_for("polite.py"))
    real = psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: real(self) + 3600)
    assert run.host_alive()
    run.request_stop("test", 0)
    end_of(run)
    eventually(lambda: not run.host_alive(), "the end of the host")


@pytest.mark.parametrize("identity", ["older", "of another container", "none"])
@posix_only
def test_a_host_is_found_whoever_remembered_it(tmp_path: Path, identity: str) -> None:
    run = Launcher(tmp_path).start(spec_for("polite.py"))
    wait_for_text(run, "ready")
    content = run_files.read_json(run.path / run_files.HOST_FILE)
    assert content is not None
    _, boot, namespace, *rest = content["identity"].split(":")
    ticks = rest[-1]
    content["identity"] = {
        "older": f"ticks:{boot}:{ticks}",
        "of another container": ":".join(["linux", boot, f"{namespace}0", *rest]),
        "none": None,
    }[identity]
    run_files.write_json(run.path / run_files.HOST_FILE, content)
    assert run.host_alive()
    run.request_stop("test", 0)
    end_of(run)
    eventually(lambda: not run.host_alive(), "the end of the host")


def test_a_job_is_started_once(tmp_path: Path) -> None:
    launcher = Launcher(tmp_path)
    spec = spec_for("exits.py", "0")
    run = launcher.start(spec)
    with pytest.raises(LaunchError, match="has a run directory already"):
        launcher.start(spec)
    end_of(run)
    with pytest.raises(LaunchError, match="has a run directory already"):
        launcher.start(spec)


def test_of_many_that_start_one_job_one_succeeds(tmp_path: Path) -> None:
    launcher = Launcher(tmp_path)
    spec = spec_for("exits.py", "0")

    def start(_: int) -> RunDirectory | None:
        try:
            return launcher.start(spec)
        except LaunchError:
            return None

    with ThreadPoolExecutor(8) as pool:
        started = [run for run in pool.map(start, range(8)) if run is not None]
    assert len(started) == 1
    assert end_of(started[0]).exit_code == 0


@pytest.mark.parametrize("broken", ["interpreter", "script"])
def test_a_host_that_does_not_come_up_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    if broken == "interpreter":
        monkeypatch.setattr(launcher_module, "_host_python", lambda: str(tmp_path / "nothing"))
    else:
        # Ends without reading: nothing can be handed over that is larger than a pipe.
        monkeypatch.setattr(launcher_module, "_HOST_SCRIPT", tmp_path / "nothing.py")
        monkeypatch.setenv("LARGE", "x" * 100_000)
    with pytest.raises(LaunchError, match="robot host"):
        Launcher(tmp_path).start(spec_for("exits.py", "0"))
    assert find_runs(tmp_path) == []


def test_a_workspace_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LaunchError, match="choose another workspace"):
        Launcher(tmp_path / "file").start(spec_for("exits.py", "0"))


def test_runs_are_found_again_and_removed(tmp_path: Path) -> None:
    assert find_runs(tmp_path) == []
    launcher = Launcher(tmp_path)
    runs = [launcher.start(spec_for("exits.py", str(code))) for code in range(3)]
    (run_root(tmp_path) / "not a job").mkdir()
    assert {run.path.name for run in find_runs(tmp_path)} == {run.path.name for run in runs}
    for code, run in enumerate(runs):
        assert end_of(run).exit_code == code
        assert RunDirectory(run.path).job_id == UUID(run.path.name)
        eventually(lambda run=run: not run.host_alive(), "the end of the host")
        assert run.remove()
    assert find_runs(tmp_path) == []


def test_a_directory_without_anything_in_it_is_no_living_run(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path, uuid4())
    assert run.read_host() is None
    assert run.read_exit() is None
    assert run.read_output() == ([], 0)
    assert not run.host_alive()
    assert run.leftovers() == []


def test_another_process_with_the_same_id_is_not_the_host(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path, uuid4())
    run.write_host(os.getpid())
    assert run.host_alive()
    content = run_files.read_json(run.path / run_files.HOST_FILE)
    assert content is not None
    run_files.write_json(run.path / run_files.HOST_FILE, content | {"identity": content["identity"] + "1"})
    assert not run.host_alive()


@posix_only
def test_a_zombie_is_not_the_host(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path, uuid4())
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        run.write_host(process.pid)
        assert run.host_alive()
        process.kill()
        eventually(lambda: not run.host_alive(), "the zombie to be recognised")


def test_the_end_is_told_and_no_zombie_stays(tmp_path: Path) -> None:
    told: list[UUID] = []
    spec = spec_for("exits.py", "0")
    run = Launcher(tmp_path, on_end=told.append).start(spec)
    eventually(lambda: told, "the word of the end")
    assert told == [spec.job_id]
    assert run.read_exit() is not None
    host = run.read_host()
    assert host is not None
    assert not psutil.pid_exists(host.host_pid)


# Without the launcher ------------------------------------------------------------------------------------------

LAUNCH = """
import sys, time
from pathlib import Path
sys.path[:0] = [{checkout!r}, {tests!r}]
from running import spec_for
from OpenOrchestrator.scheduler.runs.launcher import Launcher
run = Launcher(Path({workspace!r})).start(spec_for({robot!r}, {arguments!r}))
print(run.path.name, flush=True)
time.sleep(600)
"""


@posix_only
def test_kill_minus_nine_of_the_launcher_does_not_reach_the_robot(tmp_path: Path) -> None:
    code = LAUNCH.format(
        checkout=str(CHECKOUT),
        tests=str(ROBOTS.parent),
        workspace=str(tmp_path / "workspace"),
        robot="stubborn.py",
        arguments=str(tmp_path / "end"),
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True) as scheduler:
        assert scheduler.stdout is not None
        job_id = scheduler.stdout.readline().decode().strip()
        [run] = find_runs(tmp_path / "workspace")
        assert run.path.name == job_id
        wait_for_text(run, "ready")
        # Not only the process: its whole group, as a closed terminal or a service manager does.
        os.killpg(scheduler.pid, signal.SIGKILL)
        scheduler.wait()
    # Somebody else, here: this process.
    assert run.host_alive()
    host = run.read_host()
    assert host is not None
    assert host.robot_pid in {process.pid for process in run.leftovers()}
    before, offset = run.read_output()
    assert before
    (tmp_path / "end").touch()
    assert end_of(run).exit_code == 0
    after, _ = run.read_output(offset)
    assert "".join(record.text for record in after) == "told to end\n"


@posix_only
def test_a_run_whose_launcher_died_can_be_stopped_by_another(tmp_path: Path) -> None:
    code = LAUNCH.format(
        checkout=str(CHECKOUT), tests=str(ROBOTS.parent), workspace=str(tmp_path), robot="polite.py", arguments=""
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as scheduler:
        assert scheduler.stdout is not None
        scheduler.stdout.readline()
        scheduler.kill()
    [run] = find_runs(tmp_path)
    wait_for_text(run, "ready")
    run.request_stop("lost its lease", 20)
    end = end_of(run, seconds=10)
    assert (end.exit_code, end.stopped) == (7, "lost its lease")


def test_thirty_starts_at_once_all_run(tmp_path: Path) -> None:
    launcher = Launcher(tmp_path)
    runs = [launcher.start(spec_for("exits.py", str(code))) for code in range(30)]
    assert [end_of(run).exit_code for run in runs] == list(range(30))


def test_a_module_is_run_in_place_of_a_file_with_folders_to_import_from() -> None:
    spec = replace(spec_for("exits.py"), module="robot_framework", import_folders=("/src", "/root"))
    command = build_command(spec, python="python3", inherited={"PYTHONPATH": "/ours"})
    assert command.argv[:4] == ("python3", "-m", "robot_framework", "Tested process")
    assert command.env["PYTHONPATH"] == os.pathsep.join(["/src", "/root"])
    assert "PYTHONPATH" not in build_command(spec_for("exits.py"), python="python3", inherited={}).env
