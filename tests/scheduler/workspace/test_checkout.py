"""Robots from files and from real git repositories, and what happens when git, the server or a scheduler fails."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psutil
import pytest
from repositories import Origin, from_git
from running import eventually

import OpenOrchestrator
from OpenOrchestrator.common.errors import LaunchError
from OpenOrchestrator.common.repository_address import RepositoryAddress
from OpenOrchestrator.common.robot_entry import RobotEntry
from OpenOrchestrator.scheduler.workspace import git_cache
from OpenOrchestrator.scheduler.workspace.checkout import PreparedRobot, Workspace
from OpenOrchestrator.scheduler.workspace.file_lock import locked
from OpenOrchestrator.scheduler.workspace.git_command import GitCommand
from OpenOrchestrator.scheduler.workspace.git_environment import MARK_VARIABLE

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
CHECKOUT = Path(OpenOrchestrator.__file__).parents[1]
DAY = 86400


# Local files ---------------------------------------------------------------------------------------------------


def test_a_local_file_is_used_where_it_is(work: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "robots" / "one" / "run me.PY"
    file.parent.mkdir(parents=True)
    file.touch()
    assert work.prepare(f" {file} ", False, None) == PreparedRobot(file, file.parent, None, file.parent, top=tmp_path)
    (tmp_path / "robots" / "requirements.txt").touch()
    assert work.prepare(str(file), False, None).project == tmp_path / "robots"


@pytest.mark.parametrize(
    ("path", "says"),
    [("", "no process path"), ("nothing.py", "no file"), ("folder.py", "no file"), ("text.txt", "not a Python file")],
)
def test_what_is_not_a_python_file_is_refused(work: Workspace, tmp_path: Path, path: str, says: str) -> None:
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "text.txt").touch()
    with pytest.raises(LaunchError, match=says):
        work.prepare(str(tmp_path / path) if path else " ", False, None)


def test_an_address_that_is_taken_for_a_file_is_shown_without_its_token(work: Workspace) -> None:
    for url in ("https://bot:to/ken7@git.example/robot.git", "https://bot:to/ken7@git.example/main.py"):
        with pytest.raises(LaunchError, match=r"https://\*\*\*@git\.example/") as caught:
            work.prepare(url, False, None)
        assert "ken7" not in str(caught.value)


# Which commit, which file --------------------------------------------------------------------------------------


def test_branch_tag_commit_and_head(work: Workspace, origin: Origin) -> None:
    origin.git("tag", "light")
    origin.git("tag", "-m", "annotated", "v1.0")
    origin.git("checkout", "--quiet", "-b", "feature/one")
    second = origin.commit("main.py", "print(2)")
    origin.git("checkout", "--quiet", "main")
    third = origin.commit("main.py", "print(3)")
    wanted = {
        None: third,
        "": third,
        "main": third,
        "feature/one": second,
        "refs/heads/feature/one": second,
        "light": origin.first,
        "v1.0": origin.first,
        origin.first: origin.first,
        second[:8]: second,
        second.upper(): second,
    }
    for reference, commit in wanted.items():
        robot = from_git(work, origin, reference)
        assert robot.commit == commit
        assert robot.file == robot.folder / "main.py"
        assert robot.file.read_text() == f"print({[origin.first, second, third].index(commit) + 1})"


def test_a_branch_comes_before_a_tag_and_both_before_a_commit(work: Workspace, origin: Origin) -> None:
    origin.git("tag", "name")
    second = origin.commit("main.py", "print(2)")
    origin.git("branch", "name")
    origin.git("tag", origin.first[:7], second)
    assert from_git(work, origin, "name").commit == second
    assert from_git(work, origin, origin.first[:7]).commit == second


def test_what_was_pushed_meanwhile_is_run(work: Workspace, origin: Origin) -> None:
    for branch in (None, "main"):
        assert from_git(work, origin, branch).commit == origin.git("rev-parse", "HEAD")
        second = origin.commit("main.py", f"print({branch!r})")
        assert from_git(work, origin, branch).commit == second
    origin.git("commit", "--quiet", "--amend", "--message", "history rewritten")
    assert from_git(work, origin, "main").commit == origin.git("rev-parse", "HEAD")


def test_a_branch_may_turn_into_a_folder_of_branches_and_head_may_move(work: Workspace, origin: Origin) -> None:
    origin.git("branch", "topic")
    assert from_git(work, origin, "topic").commit == origin.first
    origin.git("branch", "-D", "topic")
    origin.git("checkout", "--quiet", "-b", "topic/one")
    second = origin.commit("main.py", "print(2)")
    assert from_git(work, origin, "topic/one").commit == second
    assert from_git(work, origin).commit == second
    with pytest.raises(LaunchError, match='no branch, tag or commit "topic"'):
        from_git(work, origin, "topic")


def test_a_commit_on_no_branch_is_had_if_the_server_gives_it_out(work: Workspace, origin: Origin) -> None:
    origin.git("checkout", "--quiet", "--detach")
    lonely = origin.commit("main.py", "print('lonely')")
    origin.git("checkout", "--quiet", "main")
    origin.git("config", "uploadpack.allowAnySHA1InWant", "true")
    assert from_git(work, origin, lonely).commit == lonely


def test_a_known_full_commit_needs_no_server(work: Workspace, origin: Origin) -> None:
    robot = from_git(work, origin)
    shutil.rmtree(origin.folder)
    assert from_git(work, origin, robot.commit).commit == robot.commit
    with pytest.raises(LaunchError, match="fatal: "):
        from_git(work, origin, "main")


@pytest.mark.parametrize("name", ["--upload-pack=touch", "a b", "a..b", "HEAD~1", "x:y", "/x", "a\nb", "x.lock"])
def test_names_that_no_branch_can_have_never_reach_git(work: Workspace, origin: Origin, name: str) -> None:
    with pytest.raises(LaunchError, match="not the name of a branch"):
        from_git(work, origin, name)
    assert not (work.root / "cache").exists()


@pytest.mark.parametrize("url", ["--upload-pack=touch x", "ext::sh -c touch% ran"])
def test_addresses_that_would_run_a_command_are_refused(
    work: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LaunchError):
        work.prepare(url, True, None)
    assert not list(tmp_path.rglob("ran"))


def test_the_robot_is_the_shallowest_main_then_the_first(work: Workspace, tmp_path: Path) -> None:
    origin = Origin(tmp_path / "many")
    origin.git("rm", "--quiet", "main.py")
    for name in ("a/deep/main.py", "z/main.py", "b/main.py", "b/not_main.py", "main.python"):
        origin.commit(name, "")
    robot = from_git(work, origin)
    root = robot.folder.parent
    assert robot.file == root / "b" / "main.py"
    assert robot.project == root
    (tmp_path / "many" / "main.py").touch()
    origin.commit("b/pyproject.toml", "")
    origin.git("rm", "--quiet", "main.py")
    origin.commit("x", "")
    robot = from_git(work, origin)
    assert robot.project == robot.folder, "the nearest declaration holds"


def test_a_repository_without_main_is_reported_every_time(work: Workspace, origin: Origin) -> None:
    origin.git("mv", "main.py", "other.py")
    origin.commit("x", "")
    for _ in range(2):
        with pytest.raises(LaunchError, match=r"no file main\.py"):
            from_git(work, origin)


# Many at once --------------------------------------------------------------------------------------------------


def count_fetches(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    fetches: list[float] = []
    run = GitCommand.run

    def counted(self: GitCommand, *arguments: str | Path, deadline: float, folder: Path | None = None) -> str:
        if "fetch" in arguments:
            fetches.append(time.monotonic())
        return run(self, *arguments, deadline=deadline, folder=folder)

    monkeypatch.setattr(GitCommand, "run", counted)
    return fetches


@pytest.mark.parametrize("cloned", [False, True])
def test_thirty_that_ask_at_once_share_one_fetch(
    work: Workspace, origin: Origin, monkeypatch: pytest.MonkeyPatch, cloned: bool
) -> None:
    if cloned:
        from_git(work, origin)
    second = origin.commit("main.py", "print(2)")
    fetches = count_fetches(monkeypatch)
    name = git_cache.cache_name(RepositoryAddress(origin.url))
    (work.root / "cache").mkdir(parents=True, exist_ok=True)
    waiting: list[Path] = []

    @contextmanager
    def counted(path: Path, *, timeout: float) -> Iterator[None]:
        waiting.append(path)
        with locked(path, timeout=timeout):
            yield

    monkeypatch.setattr(git_cache, "locked", counted)
    with ThreadPoolExecutor(30) as pool:
        with locked(work.root / "cache" / f"{name}.lock", timeout=0):
            robots = [pool.submit(from_git, work, origin, None, uuid4()) for _ in range(30)]
            eventually(lambda: len(waiting) == 30, "thirty in the queue")
        prepared = [robot.result() for robot in robots]
    assert len(fetches) == 1
    assert {robot.commit for robot in prepared} == {second}
    assert len({robot.folder for robot in prepared}) == 30


def test_a_fetch_that_began_before_the_question_is_not_an_answer(
    work: Workspace, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    from_git(work, origin)
    fetches = count_fetches(monkeypatch)
    from_git(work, origin)
    from_git(work, origin, "main")
    assert len(fetches) == 2


PREPARE = """
import sys
from pathlib import Path
from uuid import uuid4
sys.path.insert(0, {checkout!r})
from OpenOrchestrator.scheduler.workspace.checkout import Workspace
work = Workspace(Path({root!r}))
for _ in range(5):
    print(work.prepare({url!r}, True, "main", timeout={timeout}, job_id=uuid4()).commit, flush=True)
"""


def preparing(work: Workspace, url: str, *, timeout: float = 60) -> subprocess.Popen[str]:
    code = PREPARE.format(checkout=str(CHECKOUT), root=str(work.root), url=url, timeout=timeout)
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_several_processes_share_one_copy(work: Workspace, origin: Origin) -> None:
    processes = [preparing(work, origin.url) for _ in range(4)]
    for process in processes:
        output, errors = process.communicate(timeout=60)
        assert (output.split(), errors) == ([origin.first] * 5, "")
    assert len(list((work.root / "cache").glob("*.git"))) == 1
    assert len(list((work.root / "trees").glob("*/*/main.py"))) == 20


def test_waiting_for_another_process_has_an_end(work: Workspace, origin: Origin) -> None:
    from_git(work, origin)
    [lock] = (work.root / "cache").glob("*.lock")
    with locked(lock, timeout=0), pytest.raises(LaunchError, match="busy for 0 s"):
        work.prepare(origin.url, True, None, timeout=0.2)


# Failures ------------------------------------------------------------------------------------------------------


@contextmanager
def silent_server() -> Iterator[tuple[str, list[socket.socket]]]:
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken: list[socket.socket] = []

        def take() -> None:
            while True:
                try:
                    taken.append(listener.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/repository.git", taken
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for connection in taken:
                connection.close()
            thread.join()


def git_processes(work: Workspace) -> list[psutil.Process]:
    marks = {path.stem for path in (work.root / "cache").glob("*.git")}
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK_VARIABLE) in marks and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_a_silent_server_costs_the_time_out_and_no_process_stays(work: Workspace) -> None:
    with silent_server() as (url, taken):
        with pytest.raises(LaunchError, match="git fetch did not finish in time"):
            work.prepare(url, True, None, timeout=0.5)
        assert taken, "the server was asked"
        assert git_processes(work) == []


@pytest.mark.skipif(sys.platform == "win32", reason="needs kill -9")
def test_git_left_by_a_killed_scheduler_is_ended_by_the_next(work: Workspace) -> None:
    with silent_server() as (url, taken):
        scheduler = preparing(work, url)
        eventually(lambda: taken, "the question to the server")
        scheduler.send_signal(signal.SIGKILL)
        scheduler.communicate()
        orphans = git_processes(work)
        assert orphans, "git goes on without its scheduler"
        with pytest.raises(LaunchError, match="did not finish in time"):
            work.prepare(url, True, None, timeout=0.5)
        assert git_processes(work) == []


def test_what_killed_git_leaves_behind_is_repaired(work: Workspace, origin: Origin) -> None:
    robot = from_git(work, origin)
    [mirror] = (work.root / "cache").glob("*.git")
    second = origin.commit("main.py", "print(2)")
    for leftover in ("HEAD.lock", "packed-refs.lock", "config.lock", "shallow.lock", "refs/heads/main.lock"):
        (mirror / leftover).touch()
    (mirror / "objects" / "pack" / "tmp_pack_abc").touch()
    (mirror / "objects" / "tmp_objdir-incoming-abc").mkdir()
    half_made = robot.folder.with_name("spare-0123.abc.tmp")
    half_made.mkdir()
    (half_made / "main.py").write_text("half of it")
    mirror.with_name(f"{mirror.name}.abc.tmp").mkdir()
    # The mark of one who works, whose lock ended with him.
    mirror.with_suffix(".busy").touch()
    again = from_git(work, origin)
    assert again.commit == second
    assert again.file.read_text() == "print(2)"
    assert from_git(work, origin, robot.commit, uuid4()).file.read_text() == "print(1)"
    assert list(work.root.rglob("*.lock")) == [mirror.with_suffix(".lock")]
    assert list(work.root.rglob("*tmp*")) == []


@pytest.mark.parametrize("damage", ["no HEAD", "empty objects", "no objects"])
def test_a_damaged_copy_is_made_anew(work: Workspace, origin: Origin, damage: str) -> None:
    robot = from_git(work, origin)
    second = origin.commit("main.py", "print(2)")
    [mirror] = (work.root / "cache").glob("*.git")
    if damage == "no HEAD":
        (mirror / "HEAD").unlink()
    elif damage == "no objects":
        shutil.rmtree(mirror / "objects")
    else:
        for path in (mirror / "objects").rglob("*"):
            if path.is_file():
                path.chmod(0o600)
                path.write_bytes(b"")
    assert from_git(work, origin).commit == second
    assert from_git(work, origin, robot.commit).file.read_text() == "print(1)"


def test_a_failure_names_address_and_branch_without_credentials(work: Workspace) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    url = f"http://someone:Geheim99@127.0.0.1:{port}/team/robot.git"
    with pytest.raises(LaunchError) as caught:
        work.prepare(url, True, "develop")
    message = str(caught.value)
    assert f"http://***@127.0.0.1:{port}/team/robot.git" in message
    assert '"develop"' in message
    assert "onnect" in message, "git's own words"
    assert "Geheim99" not in message
    assert "someone" not in message


def test_git_is_not_installed(work: Workspace, origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(LaunchError, match="git is not installed"):
        from_git(work, origin)


def test_a_local_robot_is_started_as_its_entry_says(work: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "robots" / "one"
    (folder / "src" / "robot_framework").mkdir(parents=True)
    for name in ("main.py", "night.py", "src/robot_framework/__main__.py"):
        (folder / name).touch()
    assert work.prepare(str(folder), False, None).file == folder / "main.py"
    night = work.prepare(str(folder / "main.py"), False, None, entry=RobotEntry(file="night.py"))
    assert (night.file, night.folder, night.module) == (folder / "night.py", folder, None)
    module = work.prepare(str(folder), False, None, entry=RobotEntry(module="robot_framework"))
    assert (module.folder, module.module) == (folder, "robot_framework")
    assert module.import_folder == folder / "src"
    with pytest.raises(LaunchError, match=r'no file "day\.py"'):
        work.prepare(str(folder), False, None, entry=RobotEntry(file="day.py"))
    (folder / "main.py").unlink()
    with pytest.raises(LaunchError, match=r"holds no file main\.py"):
        work.prepare(str(folder), False, None)


def test_a_robot_from_git_is_started_as_its_entry_says(work: Workspace, origin: Origin) -> None:
    origin.commit("jobs/robot_framework/__main__.py", "print(2)")
    origin.commit("jobs/night.py", "print(3)")
    night = work.prepare(origin.url, True, None, entry=RobotEntry(file="jobs/night.py"))
    assert (night.file.name, night.folder.name, night.file.is_file()) == ("night.py", "jobs", True)
    module = work.prepare(origin.url, True, None, entry=RobotEntry(module="robot_framework"))
    assert (module.folder.name, module.module, module.file) == ("jobs", "robot_framework", module.folder)
    with pytest.raises(LaunchError, match=r'no file "day\.py"'):
        work.prepare(origin.url, True, None, entry=RobotEntry(file="day.py"))
