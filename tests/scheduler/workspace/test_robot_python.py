"""What a robot installs, where it finds it, and that the scheduler's own Python stays as it is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import time
import venv
import zipfile
from pathlib import Path
from uuid import UUID, uuid4

import pytest

import OpenOrchestrator
from OpenOrchestrator.common.errors import LaunchError
from OpenOrchestrator.scheduler.host.run_files import write_exit
from OpenOrchestrator.scheduler.runs.run_directory import RunDirectory
from OpenOrchestrator.scheduler.workspace.checkout import run_has_ended
from OpenOrchestrator.scheduler.workspace.interpreters import RobotPython
from OpenOrchestrator.scheduler.workspace.robot_python import RobotEnvironments

DAY = 86400
SAY_WHERE = "import json, sys, OpenOrchestrator, sqlalchemy; print(json.dumps([sys.prefix, OpenOrchestrator.__file__]))"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "work space's"


@pytest.fixture
def environments(root: Path) -> RobotEnvironments:
    return RobotEnvironments(root, lambda job_id: run_has_ended(root, job_id))


def wheel(folder: Path) -> Path:
    """A package with a program, as a robot installs one."""
    path = folder / "shouting-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("shouting.py", "def main():\n    print('AH')\n")
        file.writestr("shouting-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: shouting\nVersion: 1.0\n")
        file.writestr("shouting-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr("shouting-1.0.dist-info/entry_points.txt", "[console_scripts]\nshouting = shouting:main\n")
        file.writestr("shouting-1.0.dist-info/RECORD", "")
    return path


def run(python: RobotPython, *command: str | Path) -> str:
    """What a robot gets that starts a program."""
    path = os.pathsep.join([*python.path, os.environ["PATH"]])
    env = os.environ | {"PATH": path, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    # Windows looks for a program on the PATH of the one that starts it.
    program = shutil.which(command[0], path=path) or str(command[0])
    done = subprocess.run([program, *map(str, command[1:])], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_robot_sees_the_packages_of_the_scheduler_and_its_tools(environments: RobotEnvironments) -> None:
    python = environments.provide(sys.executable, uuid4(), uuid4())
    prefix, package = json.loads(run(python, python.executable, "-c", SAY_WHERE))
    assert Path(package) == Path(OpenOrchestrator.__file__)
    assert Path(prefix) != Path(sys.prefix)
    tools = [Path(folder) for folder in python.path]
    assert tools[0] == Path(python.executable).parent
    assert tools[1] == Path(sys.executable).parent


@pytest.mark.parametrize("how", ["module", "program"])
def test_what_a_robot_installs_is_on_its_path_and_nowhere_else(
    environments: RobotEnvironments, tmp_path: Path, how: str
) -> None:
    trigger, job = uuid4(), uuid4()
    python = environments.provide(sys.executable, trigger, job)
    pip: list[str | Path] = [python.executable, "-m", "pip"] if how == "module" else ["pip"]
    run(python, *pip, "install", "--quiet", "--no-index", wheel(tmp_path))
    assert run(python, "shouting").strip() == "AH"
    assert run(python, python.executable, "-c", "import shouting; shouting.main()").strip() == "AH"
    own = subprocess.run([sys.executable, "-c", "import shouting"], capture_output=True, check=False)
    assert own.returncode != 0, "the scheduler's own Python is as it was"
    other = environments.provide(sys.executable, uuid4(), uuid4())
    with pytest.raises(AssertionError, match="No module named"):
        run(other, other.executable, "-c", "import shouting")
    environments.release(job)
    again = environments.provide(sys.executable, trigger, uuid4())
    assert again == python, "the trigger's next run finds it"
    assert run(again, "shouting").strip() == "AH"


def test_a_newer_version_of_a_package_of_the_scheduler_is_installed_beside_it(
    environments: RobotEnvironments, tmp_path: Path
) -> None:
    python = environments.provide(sys.executable, uuid4(), uuid4())
    path = tmp_path / "croniter-99.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("croniter/__init__.py", "of_the_robot = True\n")
        file.writestr("croniter-99.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: croniter\nVersion: 99.0\n")
        file.writestr("croniter-99.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr("croniter-99.0.dist-info/RECORD", "")
    run(python, "pip", "install", "--quiet", "--no-index", path)
    run(python, python.executable, "-c", "import croniter; assert croniter.of_the_robot")
    subprocess.run([sys.executable, "-c", "from croniter import croniter"], check=True)


def test_two_runs_at_once_do_not_share_an_environment(environments: RobotEnvironments, root: Path) -> None:
    trigger, first, second = uuid4(), uuid4(), uuid4()
    one = environments.provide(sys.executable, trigger, first)
    directory = RunDirectory.create(root, first)
    two = environments.provide(sys.executable, trigger, second)
    assert one.executable != two.executable
    assert environments.provide(sys.executable, trigger, first) == one, "a job keeps its own"
    environments.release(second)
    assert not Path(two.executable).exists()
    write_exit(directory.path, {"exit_code": 0, "ended_at": "2026-01-01T00:00:00+00:00"})
    assert environments.provide(sys.executable, trigger, uuid4()) == one, "the run has ended"


def test_an_environment_of_another_python_or_a_damaged_one_is_made_anew(
    environments: RobotEnvironments, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trigger, job = uuid4(), uuid4()
    python = environments.provide(sys.executable, trigger, job)
    [made] = root.glob("environments/*/openorchestrator.json")
    left = made.parent / "left"
    left.touch()
    assert environments.provide(sys.executable, trigger, job) == python
    assert left.exists()
    monkeypatch.setattr(sys, "version", "3.99")
    environments.provide(sys.executable, trigger, job)
    assert not left.exists()
    made.unlink()
    assert run(environments.provide(sys.executable, trigger, job), python.executable, "-c", "print(1)").strip() == "1"


def test_a_python_that_cannot_make_environments_is_named(
    environments: RobotEnvironments, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows Pythons without their launcher for environments: venv warns, and goes on."""

    def create(_: venv.EnvBuilder, folder: Path) -> None:
        purelib = sysconfig.get_path("purelib", "nt" if os.name == "nt" else "posix_prefix", {"base": str(folder)})
        Path(purelib).mkdir(parents=True)

    monkeypatch.setattr(venv.EnvBuilder, "create", create)
    with pytest.raises(LaunchError) as caught:
        environments.provide(sys.executable, uuid4(), uuid4())
    assert f"the module venv of {sys.executable} put no interpreter there" in str(caught.value)
    assert "OpenOrchestratorPython" in str(caught.value)
    assert "Make room" not in str(caught.value)


def test_an_interpreter_that_was_chosen_is_used_as_it_is(environments: RobotEnvironments, tmp_path: Path) -> None:
    chosen = tmp_path / "chosen" / ("python.exe" if os.name == "nt" else "python")
    chosen.parent.mkdir()
    chosen.touch(mode=0o755)
    python = environments.provide(str(chosen), uuid4(), uuid4())
    assert python == RobotPython(str(chosen), (str(chosen.parent),))
    assert environments.provide("there-is-no-such-python", uuid4(), uuid4()).path == ()


def test_prune_removes_what_nobody_uses(environments: RobotEnvironments, root: Path) -> None:
    def provided(job: UUID) -> Path:
        return Path(environments.provide(sys.executable, uuid4(), job).executable).parents[1]

    released, running = uuid4(), uuid4()
    old, held, fresh = provided(released), provided(running), provided(uuid4())
    environments.release(released)
    RunDirectory.create(root, running)
    assert environments.prune() == []
    for environment in (old, held):
        os.utime(environment / "openorchestrator.json", (time.time() - 91 * DAY,) * 2)
    assert environments.prune() == [old]
    assert held.exists()
    assert fresh.exists()
