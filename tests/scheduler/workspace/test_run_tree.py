"""The folder of a run: fresh, a clone on its branch, nobody else's; kept if the trigger says so; deleted afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from uuid import uuid4

import pytest
from repositories import Origin, contents, from_git, git_in

from OpenOrchestrator.scheduler.host.run_files import write_exit
from OpenOrchestrator.scheduler.runs.run_directory import RunDirectory
from OpenOrchestrator.scheduler.workspace.checkout import PreparedRobot, Workspace
from OpenOrchestrator.scheduler.workspace.file_lock import locked

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
DAY = 86400


# The folder of a run -------------------------------------------------------------------------------------------


def tree_of(robot: PreparedRobot) -> Path:
    return next(folder for folder in (robot.folder, *robot.folder.parents) if (folder / ".git").is_dir())


@pytest.mark.parametrize("with_spare", [False, True])
def test_every_run_starts_with_what_the_commit_holds(work: Workspace, origin: Origin, with_spare: bool) -> None:
    origin.commit("package/module.py", "x = 1")
    origin.commit(".gitignore", "downloads/\n.venv/\n")
    expected = contents(origin.folder)
    for _ in range(3):
        job = uuid4()
        robot = from_git(work, origin, "main", job)
        assert contents(robot.folder) == expected
        (robot.folder / "downloads").mkdir()
        (robot.folder / "downloads" / "yesterday.csv").touch()
        (robot.folder / ".venv").mkdir()
        (robot.folder / "main.py").write_text("changed by the robot")
        (robot.folder / "package" / "module.py").unlink()
        (robot.folder / "new.py").touch()
        work.release(job)
        assert not robot.folder.exists()
        if with_spare:
            work.make_spare(robot)


def test_two_runs_at_once_do_not_see_each_other(work: Workspace, origin: Origin) -> None:
    one, two = (from_git(work, origin, None, uuid4()) for _ in range(2))
    assert one.commit == two.commit
    (one.folder / "main.py").write_text("changed")
    git_in(one, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--all", "--message", "mine")
    shutil.rmtree(one.folder / ".git" / "objects")
    assert two.file.read_text() == "print(1)"
    assert git_in(two, "fsck", "--strict") == ""
    assert git_in(two, "rev-parse", "HEAD") == two.commit


@pytest.mark.parametrize("with_spare", [False, True])
def test_a_spare_follows_branches_tags_and_files(work: Workspace, origin: Origin, with_spare: bool) -> None:
    origin.commit("goes.py", "x = 1")
    origin.git("branch", "goes")
    first = from_git(work, origin, "main", uuid4())
    if with_spare:
        work.make_spare(first)
        assert list(work.root.glob("trees/*/spare-*.json"))
    origin.git("rm", "--quiet", "goes.py")
    origin.git("branch", "-D", "goes")
    second = origin.commit("comes.py", "x = 2")
    origin.git("branch", "comes")
    origin.git("tag", "v2")
    robot = from_git(work, origin, "main", uuid4())
    assert contents(robot.folder) == contents(origin.folder)
    assert git_in(robot, "rev-parse", "HEAD", "main", "origin/main", "origin/comes", "v2").split() == [second] * 5
    assert git_in(robot, "branch", "--remotes", "--format=%(refname:lstrip=3)").split() == ["comes", "main"]
    assert git_in(robot, "status", "--porcelain", "--ignored") == ""
    assert not list(work.root.glob("trees/*/spare-*")), "handed out"


def test_a_spare_that_somebody_changed_is_never_handed_out(work: Workspace, origin: Origin) -> None:
    for change in ("added.py", "main.py"):
        work.make_spare(from_git(work, origin, "main", uuid4()))
        [spare] = (path for path in work.root.glob("trees/*/spare-*") if path.is_dir())
        (spare / change).write_text("changed(1)")
        assert contents(from_git(work, origin, "main", uuid4()).folder) == {"main.py": "print(1)"}
        assert not spare.exists()


def test_a_run_is_on_the_branch_it_was_asked_for_as_a_clone_is(work: Workspace, origin: Origin) -> None:
    origin.git("tag", "v1")
    origin.git("checkout", "--quiet", "-b", "develop")
    second = origin.commit("main.py", "print(2)")
    origin.git("branch", "same-commit")
    expected = {None: "develop", "main": "main", "develop": "develop", "same-commit": "same-commit"}
    for reference, branch in expected.items():
        robot = from_git(work, origin, reference)
        assert git_in(robot, "symbolic-ref", "--short", "HEAD") == branch
        assert git_in(robot, "rev-parse", "--abbrev-ref", "@{upstream}") == f"origin/{branch}"
        assert git_in(robot, "remote", "get-url", "origin") == origin.url
        assert git_in(robot, "pull", "--ff-only") == "Already up to date."
    for reference in ("v1", second, second[:9]):
        robot = from_git(work, origin, reference)
        assert git_in(robot, "rev-parse", "--abbrev-ref", "HEAD") == "HEAD", "detached"


def test_a_default_branch_that_is_one_of_several_at_its_commit_is_asked_for(work: Workspace, origin: Origin) -> None:
    origin.git("branch", "a-twin")
    origin.git("branch", "z-twin")
    assert git_in(from_git(work, origin), "symbolic-ref", "--short", "HEAD") == "main"
    origin.git("checkout", "--quiet", "z-twin")
    assert git_in(from_git(work, origin), "symbolic-ref", "--short", "HEAD") == "z-twin"
    origin.git("checkout", "--quiet", "--detach")
    assert git_in(from_git(work, origin), "rev-parse", "HEAD") == origin.first


def test_what_robots_do_with_git_reaches_no_other_run(work: Workspace, origin: Origin) -> None:
    origin.git("checkout", "--quiet", "-b", "develop")
    second = origin.commit("main.py", "print(2)")
    identity = ("-c", "user.name=a", "-c", "user.email=a@b")
    robot = from_git(work, origin, "develop")
    robot.file.write_text("print('of the robot')")
    git_in(robot, *identity, "commit", "--all", "--message", "mine")
    git_in(robot, "checkout", "main")
    git_in(robot, "pull")
    git_in(robot, "checkout", "-b", "robot/work")
    git_in(robot, "gc", "--prune=now", "--quiet")
    git_in(robot, "config", "core.worktree", "/nowhere")
    assert from_git(work, origin, "develop").commit == second
    origin.git("checkout", "--quiet", "main")
    third = origin.commit("main.py", "print(3)")
    for reference, commit in (("main", third), ("develop", second)):
        again = from_git(work, origin, reference)
        assert (again.commit, git_in(again, "rev-parse", "HEAD")) == (commit, commit)
        assert git_in(again, "branch", "--format=%(refname:short)") == reference


def test_a_worktree_that_an_earlier_version_left_hinders_nobody(work: Workspace, origin: Origin) -> None:
    robot = from_git(work, origin, "main")
    [mirror] = (work.root / "cache").glob("*.git")
    worktree = robot.folder.with_name(origin.first)
    subprocess.run(["git", f"--git-dir={mirror}", "worktree", "add", "--quiet", str(worktree), "main"], check=True)
    second = origin.commit("main.py", "print(2)")
    assert from_git(work, origin, "main").commit == second


def test_a_robot_may_push(work: Workspace, origin: Origin) -> None:
    robot = from_git(work, origin, "main")
    git_in(robot, "checkout", "-b", "report")
    git_in(robot, "push", "--quiet", "--set-upstream", "origin", "report")
    assert origin.git("rev-parse", "report") == origin.first


def test_a_local_repository_with_a_relative_address(
    work: Workspace, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(origin.folder.parent)
    robot = work.prepare(origin.folder.name, True, "main")
    assert git_in(robot, "fetch") == ""


def test_a_job_that_is_prepared_again_starts_afresh(work: Workspace, origin: Origin) -> None:
    job = uuid4()
    one = from_git(work, origin, None, job)
    (one.folder / "left").touch()
    assert from_git(work, origin, None, job).folder == one.folder
    assert not (one.folder / "left").exists()


# Folders that are kept -----------------------------------------------------------------------------------------


def test_a_trigger_may_keep_what_its_robot_left(work: Workspace, origin: Origin) -> None:
    origin.commit("package/module.py", "x = 1")
    trigger, job = uuid4(), uuid4()
    one = from_git(work, origin, "main", job, kept_for=trigger)
    (one.folder / ".venv" / "lib").mkdir(parents=True)
    (one.folder / ".venv" / "pyvenv.cfg").touch()
    (one.folder / ".venv" / "lib" / "dependency.py").touch()
    (one.folder / "state.json").touch()
    # None of this may be what the next run executes.
    (one.folder / "main.py").write_text("changed")
    (one.folder / "json.py").write_text("in place of the library's")
    (one.folder / "package" / "module.py").unlink()
    (one.folder / "package" / "pyvenv.cfg").touch()
    (one.folder / "package" / "other.py").touch()
    (one.folder / "package" / "__pycache__").mkdir()
    (one.folder / "package" / "__pycache__" / "module.cpython-311.pyc").touch()
    git_in(one, "update-index", "--assume-unchanged", "main.py")
    git_in(one, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--all", "--message", "mine")
    work.release(job)
    two = from_git(work, origin, "main", uuid4(), kept_for=trigger)
    assert two.folder == one.folder, "where virtual environments have to stay"
    assert contents(two.folder) == {
        **contents(origin.folder),
        ".venv/pyvenv.cfg": "",
        ".venv/lib/dependency.py": "",
        "state.json": "",
        "package/pyvenv.cfg": "",
    }
    assert git_in(two, "rev-parse", "HEAD") == two.commit == origin.git("rev-parse", "HEAD")
    assert from_git(work, origin, "main", uuid4()).folder != two.folder


def test_a_kept_folder_whose_robot_linked_its_code_elsewhere(work: Workspace, origin: Origin, tmp_path: Path) -> None:
    origin.commit("package/module.py", "x = 1")
    trigger, job = uuid4(), uuid4()
    one = from_git(work, origin, "main", job, kept_for=trigger)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "module.py").write_text("x = 'elsewhere'")
    shutil.rmtree(one.folder / "package")
    try:
        (one.folder / "package").symlink_to(elsewhere)
        (one.folder / "linked").symlink_to(elsewhere)
    except OSError:
        pytest.skip("links cannot be made here")
    work.release(job)
    two = from_git(work, origin, "main", uuid4(), kept_for=trigger)
    assert contents(two.folder) == contents(origin.folder)
    assert not (two.folder / "linked").exists()
    assert (elsewhere / "module.py").read_text() == "x = 'elsewhere'"


def test_a_kept_folder_is_emptied_for_a_new_commit(work: Workspace, origin: Origin) -> None:
    trigger, job = uuid4(), uuid4()
    one = from_git(work, origin, "main", job, kept_for=trigger)
    (one.folder / "state.json").touch()
    work.release(job)
    second = origin.commit("main.py", "print(2)")
    two = from_git(work, origin, "main", uuid4(), kept_for=trigger)
    assert (two.folder, two.commit) == (one.folder, second)
    assert contents(two.folder) == contents(origin.folder)


def test_of_two_runs_at_once_the_second_starts_fresh(work: Workspace, origin: Origin) -> None:
    trigger, first, second = uuid4(), uuid4(), uuid4()
    one = from_git(work, origin, "main", first, kept_for=trigger)
    (one.folder / "state.json").touch()
    two = from_git(work, origin, "main", second, kept_for=trigger)
    assert two.folder != one.folder
    assert contents(two.folder) == contents(origin.folder)
    run = RunDirectory.create(work.root, first)
    assert from_git(work, origin, "main", uuid4(), kept_for=trigger).folder != one.folder
    write_exit(run.path, {"exit_code": 0, "ended_at": "2026-01-01T00:00:00+00:00"})
    work.release(second)
    third = from_git(work, origin, "main", uuid4(), kept_for=trigger)
    assert third.folder == one.folder, "the run has ended"
    assert (third.folder / "state.json").exists()


def test_a_kept_folder_handed_out_for_a_start_that_never_came_is_free_after_a_while(
    work: Workspace, origin: Origin
) -> None:
    trigger = uuid4()
    one = from_git(work, origin, None, uuid4(), kept_for=trigger)
    [used] = one.folder.parent.glob("*.used")
    os.utime(used, (time.time() - 3600,) * 2)
    assert from_git(work, origin, None, uuid4(), kept_for=trigger).folder == one.folder


# Clearing up ---------------------------------------------------------------------------------------------------


def age(robot: PreparedRobot, days: float) -> None:
    long_ago = (time.time() - days * DAY,) * 2
    for path in robot.folder.parent.glob(f"{robot.folder.name}.*"):
        os.utime(path, long_ago)


def test_prune_removes_folders_of_runs_that_are_over(work: Workspace, origin: Origin) -> None:
    over = from_git(work, origin, None, uuid4())
    running_job, starting_job = uuid4(), uuid4()
    running = from_git(work, origin, None, running_job)
    RunDirectory.create(work.root, running_job)
    starting = from_git(work, origin, None, starting_job)
    named = from_git(work, origin, None, uuid4())
    kept_job = uuid4()
    kept = from_git(work, origin, None, kept_job, kept_for=uuid4())
    work.release(kept_job)
    held_job = uuid4()
    held = from_git(work, origin, None, held_job, kept_for=uuid4())
    RunDirectory.create(work.root, held_job)
    foreign = over.folder.with_name("0" * 40)
    foreign.mkdir()
    assert work.prune() == []
    for robot in (over, running, named, kept, held):
        age(robot, 8)
    os.utime(foreign, (time.time() - 8 * DAY,) * 2)
    assert set(work.prune([named.file])) == {over.folder, foreign, kept.folder}
    assert not over.folder.exists()
    for robot in (running, starting, named, held):
        assert robot.file.exists()


def test_prune_goes_on_with_what_could_not_be_deleted(work: Workspace, origin: Origin) -> None:
    robot = from_git(work, origin, None, uuid4())
    trash = robot.folder.with_name("some.abc.trash")
    (trash / "folder").mkdir(parents=True)
    work.prune()
    assert not trash.exists()


def test_a_folder_with_read_only_files_and_folders_is_deleted(work: Workspace, origin: Origin) -> None:
    job = uuid4()
    robot = from_git(work, origin, None, job)
    locked_away = robot.folder / "read-only"
    locked_away.mkdir()
    (locked_away / "file").touch(mode=0o400)
    locked_away.chmod(0o500)
    work.release(job)
    assert list(robot.folder.parent.glob(f"{robot.folder.name}*")) == []


def test_prune_removes_a_copy_that_nobody_uses_any_more(work: Workspace, origin: Origin) -> None:
    job = uuid4()
    robot = from_git(work, origin, None, job)
    work.release(job)
    long_ago = (time.time() - 100 * DAY,) * 2
    [stamp] = (work.root / "cache").glob("*.fetched")
    os.utime(stamp, long_ago)
    [mirror] = (work.root / "cache").glob("*.git")
    assert work.prune() == [mirror]
    assert from_git(work, origin).commit == robot.commit


def test_prune_leaves_alone_what_another_process_works_on(work: Workspace, origin: Origin) -> None:
    robot = from_git(work, origin)
    age(robot, 8)
    [lock] = (work.root / "cache").glob("*.lock")
    with locked(lock, timeout=0):
        assert work.prune() == []
    assert work.prune() == [robot.folder]
