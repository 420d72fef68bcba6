"""Git is led nowhere else, asks nobody, and gives credentials to nobody but the repository's own server."""

from __future__ import annotations

import base64
import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from repositories import Origin, contents, from_git, git_in

from OpenOrchestrator.common.errors import LaunchError
from OpenOrchestrator.common.repository_address import RepositoryAddress
from OpenOrchestrator.scheduler.workspace.checkout import Workspace
from OpenOrchestrator.scheduler.workspace.git_environment import access_variables

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


# Where git looks -----------------------------------------------------------------------------------------------


@pytest.fixture
def other(tmp_path: Path) -> Origin:
    """A repository that happens to be named in the scheduler's environment."""
    repository = Origin(tmp_path / "other")
    repository.commit("main.py", "print('of another repository')")
    return repository


@pytest.mark.parametrize("renewed", [False, True])
def test_no_variable_leads_git_to_another_repository(
    work: Workspace, origin: Origin, other: Origin, monkeypatch: pytest.MonkeyPatch, renewed: bool
) -> None:
    if renewed:
        work.make_spare(from_git(work, origin, "main", uuid4()))
    index = (other.folder / ".git" / "index").read_bytes()
    variables = {
        "GIT_DIR": other.folder / ".git",
        "GIT_WORK_TREE": other.folder,
        "GIT_INDEX_FILE": other.folder / ".git" / "index",
        "GIT_OBJECT_DIRECTORY": other.folder / ".git" / "objects",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": other.folder / ".git" / "objects",
        "GIT_COMMON_DIR": other.folder / ".git",
        "GIT_NAMESPACE": "elsewhere",
        "GIT_CEILING_DIRECTORIES": "/",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{other.url}.insteadOf",
        "GIT_CONFIG_VALUE_0": origin.url,
        "GIT_CONFIG_PARAMETERS": f"'core.worktree={other.folder}'",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, str(value))
    robot = from_git(work, origin, "main", uuid4())
    kept = from_git(work, origin, "main", uuid4(), kept_for=uuid4())
    for name in variables:
        monkeypatch.delenv(name)
    for each in (robot, kept):
        assert each.commit == origin.first == git_in(each, "rev-parse", "HEAD")
        assert contents(each.folder) == {"main.py": "print(1)"}
        assert git_in(each, "status", "--porcelain") == ""
    assert (other.folder / ".git" / "index").read_bytes() == index
    assert other.git("status", "--porcelain") == ""


def test_hooks_and_templates_of_the_machine_do_not_run(
    work: Workspace, origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks = tmp_path / "template" / "hooks"
    hooks.mkdir(parents=True)
    hook = hooks / "post-checkout"
    hook.write_text("#!/bin/sh\necho changed > main.py\n")
    hook.chmod(0o755)
    settings = tmp_path / "gitconfig"
    settings.write_text(f"[init]\ntemplateDir = {hooks.parent.as_posix()}\n[core]\nhooksPath = {hooks.as_posix()}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    assert from_git(work, origin, "main").file.read_text() == "print(1)"
    assert from_git(work, origin, origin.first).file.read_text() == "print(1)"


def test_something_else_in_the_folder_than_the_commit_is_refused(
    work: Workspace, origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A git that does not do what it is told: here a program of that name that changes what git put there."""
    if sys.platform == "win32":
        pytest.skip("the program in front of git is a shell script")
    real = shutil.which("git")
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "git"
    program.write_text(
        f'#!/bin/sh\n{real} "$@" || exit $?\n'
        f'case "$*" in *"reset --quiet --hard"*) cd ../; '
        f"{real} -C *.tmp -c user.name=a -c user.email=a@b commit -q --allow-empty -m other;; esac\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(LaunchError, match="put something else into the folder"):
        from_git(work, origin, "main")


@pytest.mark.parametrize("url", ["oops::http://127.0.0.1/x", "oops://127.0.0.1/x"])
def test_no_program_is_run_for_an_unknown_protocol(
    work: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    ran = tmp_path / "ran"
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "git-remote-oops"
    program.write_text(f"#!/bin/sh\ntouch '{ran}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "oops")
    with pytest.raises(LaunchError, match="transport 'oops' not allowed"):
        work.prepare(url, True, None)
    assert not ran.exists()


# Asking --------------------------------------------------------------------------------------------------------


def test_git_never_asks_anybody(work: Workspace, origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_ASKPASS", "/would/ask")
    monkeypatch.setenv("SSH_ASKPASS", "/would/ask")
    monkeypatch.delenv("GIT_SSH", raising=False)
    monkeypatch.delenv("GIT_SSH_COMMAND", raising=False)
    seen: list[dict[str, str]] = []
    popen = subprocess.Popen.__init__

    def watched(self: object, args: list[str], *rest: object, **named: object) -> None:
        seen.append(named["env"])  # type: ignore[arg-type]
        popen(self, args, *rest, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(subprocess.Popen, "__init__", watched)
    from_git(work, origin)
    assert seen
    for env in seen:
        assert env["GIT_TERMINAL_PROMPT"] == "0"
        assert env["GCM_INTERACTIVE"] == "never"
        assert env["GIT_ASKPASS"] == env["SSH_ASKPASS"] == ""
        assert "BatchMode=yes" in env["GIT_SSH_COMMAND"]
    seen.clear()
    monkeypatch.setenv("GIT_SSH_COMMAND", "plink -batch")
    from_git(work, origin)
    assert {env["GIT_SSH_COMMAND"] for env in seen} == {"plink -batch"}


# Credentials ---------------------------------------------------------------------------------------------------


class _Guarded(http.server.SimpleHTTPRequestHandler):
    """Files for those who know user and password; git can read a repository this way."""

    expected = "Basic " + base64.b64encode(b"some one:Geh:eim/99").decode()
    asked: list[str | None]

    def do_GET(self) -> None:
        given = self.headers.get("Authorization")
        self.asked.append(given)
        if given == self.expected:
            super().do_GET()
        else:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="test"')
            self.end_headers()

    def log_message(self, *_: object) -> None:
        return


class _Redirecting(_Guarded):
    """Sends everybody elsewhere, with the path and without a question."""

    target = ""

    def do_GET(self) -> None:
        self.send_response(302)
        self.send_header("Location", f"{self.target}{self.path}")
        self.end_headers()


class _WithToken(_Guarded):
    """Wants a token behind the question mark, and takes the path out of it, as git builds it."""

    def do_GET(self) -> None:
        place, _, query = self.path.partition("?token=Tok/99")
        self.asked.append(self.path)
        self.path = place + query.partition("&")[0]
        if _:
            http.server.SimpleHTTPRequestHandler.do_GET(self)
        else:
            self.send_error(403)


@contextmanager
def serving(
    folder: Path, kind: type[_Guarded] = _Guarded, **attributes: object
) -> Iterator[tuple[str, list[str | None]]]:
    """Serve a folder, and tell with which credentials it was asked."""
    asked: list[str | None] = []
    handler = functools.partial(type("Handler", (kind,), {**attributes, "asked": asked}), directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()


@pytest.fixture
def served(origin: Origin, tmp_path: Path) -> Path:
    """The folder of a server, with a copy of the repository."""
    return serve_copy(origin, tmp_path / "served" / "robot.git").parent


def serve_copy(origin: Origin, bare: Path) -> Path:
    subprocess.run(["git", "clone", "--quiet", "--bare", str(origin.folder), str(bare)], check=True)
    subprocess.run(["git", "-C", str(bare), "update-server-info"], check=True)
    return bare


def assert_no_file_holds(root: Path, *secrets: str) -> None:
    for path in root.rglob("*"):
        if path.is_file():
            assert not any(secret.encode() in path.read_bytes() for secret in secrets), path


def watch_arguments(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    seen: list[str] = []
    popen = subprocess.Popen.__init__

    def watched(self: object, args: list[str], *rest: object, **named: object) -> None:
        seen.extend(map(str, args))
        popen(self, args, *rest, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(subprocess.Popen, "__init__", watched)
    return seen


def test_credentials_of_the_address_are_used_and_are_in_no_file_and_no_argument(
    work: Workspace, origin: Origin, served: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = watch_arguments(monkeypatch)
    with serving(served) as (place, _):
        for password in ("Geh%3Aeim%2F99", "Geh:eim/99"):
            url = f"http://some%20one:{password}@{place}/robot.git"
            robot = work.prepare(url, True, "main")
            assert robot.commit == origin.first
        with pytest.raises(LaunchError, match="Authentication failed") as wrong:
            work.prepare(f"http://some%20one:Fal/sch@{place}/robot.git", True, "main")
        with pytest.raises(LaunchError, match="could not read Username"):
            work.prepare(f"http://{place}/robot.git", True, "main")
        # The robot's own git needs its environment for it.
        assert git_in(robot, "remote", "get-url", "origin") == f"http://{place}/robot.git"
        with pytest.raises(subprocess.CalledProcessError):
            subprocess.run(
                ["git", "fetch"], cwd=robot.folder, check=True, capture_output=True,
                env=os.environ | {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": ""},
            )  # fmt: skip
        for name, value in access_variables(RepositoryAddress(url)).items():
            monkeypatch.setenv(name, value)
        assert git_in(robot, "pull", "--ff-only") == "Already up to date."
    assert len(list((work.root / "cache").glob("*.git"))) == 1, "a changed password does not mean another copy"
    assert "Fal/sch" not in str(wrong.value)
    secrets = ("Geh:eim/99", "Geh%3Aeim%2F99", "Fal/sch")
    assert not any(secret in argument for argument in seen for secret in secrets)
    assert_no_file_holds(work.root, *secrets)


def test_credentials_do_not_follow_a_redirect_to_another_host_or_port(
    work: Workspace, origin: Origin, served: Path
) -> None:
    with (
        serving(served) as (elsewhere, asked),
        serving(served, _Redirecting, target=f"http://{elsewhere}") as (place, _),
    ):
        with pytest.raises(LaunchError, match="could not read Username"):
            work.prepare(f"http://some%20one:Geh%3Aeim%2F99@{place}/robot.git", True, "main")
        assert asked, "it was redirected"
        assert set(asked) == {None}
        # Whose credentials it has, gets them, redirected or not.
        assert (
            work.prepare(f"http://some%20one:Geh%3Aeim%2F99@{elsewhere}/robot.git", True, "main").commit == origin.first
        )


def test_a_token_behind_the_question_mark_is_used_and_written_nowhere(
    work: Workspace, origin: Origin, served: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = watch_arguments(monkeypatch)
    with serving(served, _WithToken) as (place, asked):
        robot = work.prepare(f"http://{place}/robot.git?token=Tok/99", True, "main")
        with pytest.raises(LaunchError) as wrong:
            work.prepare(f"http://{place}/robot.git?token=Fal/sch", True, "main")
    assert robot.commit == origin.first
    assert all(path is not None and "token=" in path for path in asked)
    assert git_in(robot, "remote", "get-url", "origin") == f"http://{place}/robot.git"
    assert "Fal/sch" not in str(wrong.value)
    assert not any(secret in argument for argument in seen for secret in ("Tok/99", "Fal/sch"))
    assert_no_file_holds(work.root, "Tok/99", "Fal/sch")


def test_a_user_alone_leaves_the_password_to_those_who_keep_it(
    work: Workspace, origin: Origin, served: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "gitconfig"
    settings.write_text(
        '[credential]\nhelper = "!f() { test \\"$1\\" = get && echo password=Geh:eim/99; }; f"\n', encoding="utf-8"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    with serving(served) as (place, _):
        assert work.prepare(f"http://some%20one@{place}/robot.git", True, "main").commit == origin.first


def test_a_robot_reaches_other_repositories_of_the_same_server_as_its_account_does(tmp_path: Path) -> None:
    known = tmp_path / "known"
    known.write_text("http://account:of-the-account@git.example\n")
    settings = tmp_path / "gitconfig"
    settings.write_text(f"[credential]\n\thelper = store --file={known.as_posix()}\n")
    address = RepositoryAddress("http://bot:of-the-robot@git.example/team/robot.git")
    environment = {**os.environ, **access_variables(address), "GIT_CONFIG_GLOBAL": str(settings)}

    def password_of(path: str) -> str:
        asked = f"protocol=http\nhost=git.example\npath={path}\n\n"
        told = subprocess.run(
            ["git", "credential", "fill"], input=asked, env=environment, capture_output=True, text=True, check=True
        )
        return dict(line.split("=", 1) for line in told.stdout.splitlines())["password"]

    assert password_of("team/robot.git") == "of-the-robot"
    assert password_of("team/other.git") == "of-the-account"


# Submodules and LFS --------------------------------------------------------------------------------------------


def add_submodule(origin: Origin, url: str, path: str, source: Path) -> None:
    origin.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(source), path)
    origin.git("config", "--file", ".gitmodules", f"submodule.{path}.url", url)
    origin.commit("x", "")


def test_submodules_are_cloned_also_in_kept_and_spare_folders(work: Workspace, origin: Origin, tmp_path: Path) -> None:
    library = Origin(tmp_path / "library")
    library.commit("helper.py", "x = 1")
    add_submodule(origin, "../library", "libs/library", library.folder)
    trigger = uuid4()
    expected = "x = 1"
    for kept_for in (None, None, trigger, trigger):
        job = uuid4()
        robot = from_git(work, origin, "main", job, kept_for=kept_for)
        helper = robot.folder / "libs" / "library" / "helper.py"
        assert helper.read_text() == expected
        assert git_in(robot, "status", "--porcelain", "--untracked-files=no") == ""
        helper.write_text("changed by the robot")
        work.release(job)
        work.make_spare(robot)
    shutil.rmtree(library.folder)
    (missing,) = from_git(work, origin, "main").missing
    assert missing.startswith('Its submodule "libs/library" cannot be had: ')


def test_submodules_get_the_credentials_of_their_own_server_only(
    work: Workspace, origin: Origin, served: Path, tmp_path: Path
) -> None:
    library = Origin(tmp_path / "library")
    serve_copy(library, served / "library.git")
    with serving(served) as (elsewhere, asked), serving(served) as (place, _):
        for host, works in ((place, True), (elsewhere, False)):
            add_submodule(origin, f"http://{host}/library.git", f"on-{works}", library.folder)
            shutil.rmtree(served / "robot.git")
            serve_copy(origin, served / "robot.git")
            url = f"http://some%20one:Geh%3Aeim%2F99@{place}/robot.git"
            robot = work.prepare(url, True, "main")
            assert (robot.folder / "on-True" / "main.py").exists()
            assert bool(robot.missing) is not works
        assert asked, "it was asked for"
        assert set(asked) == {None}


def test_files_of_lfs_that_are_missing_are_named(
    work: Workspace, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    origin.commit(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
    origin.commit("small.bin", "a file that is no pointer")
    origin.commit("data/model.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
    (missing,) = from_git(work, origin, "main").missing
    assert "only pointers: data/model.bin. Install git-lfs" in missing
    monkeypatch.setenv("GIT_LFS_SKIP_SMUDGE", "1")
    assert from_git(work, origin, "main").missing == ()
