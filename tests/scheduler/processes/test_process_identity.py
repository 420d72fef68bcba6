"""Which process is which, although ids are used again, clocks are set, and containers have ids of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from scheduler_site import ROOT

from OpenOrchestrator.scheduler.processes import process_identity as module
from OpenOrchestrator.scheduler.processes.process_identity import (
    LONGEST_IDENTITY,
    LinuxProcesses,
    PortableProcesses,
    Processes,
    Sight,
    process_identity,
    sight_of,
)

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc")

ENDED = 2**22 + 1
"""An id that no process has: above the largest that Linux gives."""


@pytest.fixture(params=[pytest.param(LinuxProcesses, marks=on_linux), PortableProcesses])
def twin(request: pytest.FixtureRequest) -> Processes:
    made: Processes = request.param()
    return made


def test_a_process_is_known_while_it_lives_and_gone_afterwards(twin: Processes) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        identity = twin.identity(process.pid)
        assert identity is not None
        assert len(identity) <= LONGEST_IDENTITY
        assert twin.identity(process.pid) == identity
        assert twin.sight(process.pid, identity) is Sight.ALIVE
        assert twin.sight(os.getpid(), identity) is Sight.GONE, "its id was given to another process"
        process.communicate(b"\n")
    assert twin.sight(process.pid, identity) is Sight.GONE


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no zombies")
def test_a_process_that_nobody_has_read_the_end_of_is_gone(twin: Processes) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert process.stdout is not None
    identity = twin.identity(process.pid)
    assert identity is not None
    process.stdout.read()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert twin.sight(process.pid, identity) is Sight.GONE
    process.communicate()


def test_there_is_no_identity_without_a_process(twin: Processes) -> None:
    with pytest.raises(psutil.NoSuchProcess):
        twin.identity(ENDED)


@pytest.mark.parametrize("identity", ["", "nonsense", "linux:1", "created:x:y:z", "created:", "ticks:", "linux:::::"])
def test_of_an_unreadable_identity_nothing_is_known(twin: Processes, identity: str) -> None:
    assert twin.sight(os.getpid(), identity) is Sight.UNKNOWN
    assert twin.sight(ENDED, identity) is Sight.UNKNOWN


def test_of_a_process_without_identity_nothing_is_known() -> None:
    assert sight_of(ENDED, None) is Sight.UNKNOWN


def fake_proc(
    folder: Path, *, boot: str = "boot", namespace: int = 1, times: int = 1, ticks: dict[int, int] | None = None
) -> Path:
    """Make a proc file system that shows this process and others; without a time namespace if that is 0."""
    me = folder / str(os.getpid())
    (me / "ns").mkdir(parents=True)
    (me / "ns" / "pid").symlink_to(f"pid:[{namespace}]")
    if times:
        (me / "ns" / "time").symlink_to(f"time:[{times}]")
    (folder / "self").symlink_to(str(os.getpid()))
    (folder / "sys/kernel/random").mkdir(parents=True)
    (folder / "sys/kernel/random/boot_id").write_text(f"{boot}\n")
    for pid, start in (ticks or {}).items():
        (folder / str(pid)).mkdir(exist_ok=True)
        (folder / str(pid) / "stat").write_text(f"{pid} (a) b) S " + "0 " * 18 + f"{start} 0 0\n")
    return folder


@on_linux
@pytest.mark.parametrize(
    ("there", "expected"),
    [
        ({}, Sight.GONE),
        ({"boot": "another"}, Sight.UNKNOWN),
        ({"namespace": 2}, Sight.UNKNOWN),
        ({"times": 2}, Sight.UNKNOWN),
        ({"times": 0}, Sight.UNKNOWN),
    ],
)
def test_dead_is_only_said_of_the_same_boot_and_namespace(
    tmp_path: Path, there: dict[str, object], expected: Sight
) -> None:
    holder = LinuxProcesses(fake_proc(tmp_path / "there", ticks={ENDED: 5}, **there))  # type: ignore[arg-type]
    identity = holder.identity(ENDED)
    assert identity is not None
    assert holder.sight(ENDED, identity) is Sight.ALIVE
    assert LinuxProcesses(fake_proc(tmp_path / "empty")).sight(ENDED, identity) is expected
    other = LinuxProcesses(fake_proc(tmp_path / "other", ticks={ENDED: 6}))
    assert other.sight(ENDED, identity) is expected


@on_linux
def test_a_system_without_time_namespaces_tells_its_own_processes_apart(tmp_path: Path) -> None:
    old = LinuxProcesses(fake_proc(tmp_path / "old", times=0, ticks={ENDED: 5}))
    identity = old.identity(ENDED)
    assert identity is not None
    assert old.sight(ENDED, identity) is Sight.ALIVE
    assert LinuxProcesses(fake_proc(tmp_path / "empty", times=0)).sight(ENDED, identity) is Sight.GONE


@on_linux
def test_the_proc_file_system_of_another_namespace_tells_nothing(tmp_path: Path) -> None:
    proc = fake_proc(tmp_path / "proc", ticks={ENDED: 5})
    (proc / "self").unlink()
    (proc / "self").symlink_to("1")
    assert LinuxProcesses(proc).identity(ENDED) is None
    assert LinuxProcesses(proc).sight(ENDED, "linux:boot:1:5") is Sight.UNKNOWN


@on_linux
def test_a_process_that_is_hidden_from_this_user_is_not_called_gone(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        hiding = LinuxProcesses(fake_proc(tmp_path))
        assert hiding.sight(process.pid, "linux:boot:1:5") is Sight.UNKNOWN
        process.communicate(b"\n")


@on_linux
def test_what_earlier_versions_wrote_is_understood() -> None:
    linux = LinuxProcesses()
    identity = linux.identity(os.getpid())
    assert identity is not None
    _, boot, namespace, _, ticks = identity.split(":")
    assert linux.sight(os.getpid(), f"linux:{boot}:{namespace}:{ticks}") is Sight.ALIVE
    assert linux.sight(os.getpid(), f"linux:{boot}:{namespace}:{int(ticks) - 1}") is Sight.GONE
    assert linux.sight(os.getpid(), f"linux:{boot}:0:{ticks}") is Sight.UNKNOWN
    assert linux.sight(os.getpid(), f"ticks:{boot}:{ticks}") is Sight.ALIVE
    assert linux.sight(os.getpid(), f"ticks:{boot}:{int(ticks) - 1}") is Sight.GONE
    assert linux.sight(os.getpid(), f"ticks:another:{ticks}") is Sight.UNKNOWN
    created = psutil.Process().create_time()
    assert PortableProcesses().sight(os.getpid(), f"created:{created:.3f}") is Sight.ALIVE
    assert PortableProcesses().sight(os.getpid(), f"created:{created - 5:.3f}") is Sight.GONE


@on_linux
def test_a_step_of_the_clock_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    identity = process_identity(os.getpid())
    real = psutil.Process.create_time
    # psutil adds the time of the boot, which moves with the clock.
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: real(self) + 3600)
    monkeypatch.setattr(psutil, "boot_time", lambda: 0.0)
    assert process_identity(os.getpid()) == identity
    assert sight_of(os.getpid(), identity) is Sight.ALIVE


def test_where_the_time_of_the_boot_moved_nobody_is_called_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    portable = PortableProcesses()
    identity = portable.identity(os.getpid())
    assert identity is not None
    booted = psutil.boot_time()
    monkeypatch.setattr(psutil, "boot_time", lambda: booted + 3600)
    assert portable.sight(os.getpid(), identity) is Sight.ALIVE
    assert portable.sight(ENDED, identity) is Sight.UNKNOWN


def test_a_machine_of_the_same_name_is_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    identity = PortableProcesses().identity(os.getpid())
    assert identity is not None
    monkeypatch.setattr(module, "_machine_id", lambda: "clone")
    assert PortableProcesses().sight(ENDED, identity) is Sight.UNKNOWN


@on_linux
@pytest.mark.parametrize("kind", [["-p", "--mount-proc"], ["--time", "--boottime", "100000"]], ids=["pid", "time"])
def test_in_a_second_namespace_of_this_machine_nobody_here_is_called_gone(kind: list[str]) -> None:
    unshare = ["unshare", "-f", *kind]
    if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("unshare may not make a namespace here (needs CAP_SYS_ADMIN, and for times Linux 5.6)")
    identity = process_identity(os.getpid())
    code = (
        "import os, sys\n"
        "from OpenOrchestrator.scheduler.processes.process_identity import process_identity, sight_of\n"
        "print(sight_of(int(sys.argv[1]), sys.argv[2]).name, process_identity(os.getpid()), os.getpid())"
    )
    seen = subprocess.run(
        [*unshare, sys.executable, "-c", code, str(os.getpid()), str(identity)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert seen[0] == "UNKNOWN"
    assert sight_of(int(seen[2]), seen[1]) is Sight.UNKNOWN, "nor the other way around"
