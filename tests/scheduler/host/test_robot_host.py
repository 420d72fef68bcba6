"""One robot under its host: how it ends, what it writes, how it is stopped, and that nothing of it is left.

The faults are those of the reliability list: 9 hangs, 10 escapes, 11 floods, 12 exit codes, 13 open pipes, 16 disk.
"""

from __future__ import annotations

import ast
import ctypes
import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from running import (
    KEY,
    PASSWORD,
    ROBOTS,
    end_all,
    end_of,
    eventually,
    is_running,
    records_of,
    spec_for,
    text_of,
    wait_for_text,
)

import OpenOrchestrator
from OpenOrchestrator.common.errors import LaunchError
from OpenOrchestrator.common.redaction import redact
from OpenOrchestrator.scheduler.host import robot_host, robot_output, robot_tree, run_files
from OpenOrchestrator.scheduler.host.robot_output import OutputFile
from OpenOrchestrator.scheduler.host.stream_redactor import StreamRedactor
from OpenOrchestrator.scheduler.runs.launcher import Launcher
from OpenOrchestrator.scheduler.runs.run_directory import RunDirectory

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="needs fork and signals of POSIX")
needs_console = pytest.mark.skipif(
    sys.platform == "win32" and hasattr(ctypes.WinDLL("ntdll"), "wine_get_version"),
    reason="needs consoles, which Wine does not have here",
)
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: /proc and prlimit")


@pytest.fixture
def launcher(tmp_path: Path) -> Iterator[Launcher]:
    yield Launcher(tmp_path / "workspace")
    end_all(tmp_path / "workspace")


# How it ends ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [0, 1, 255])
def test_exit_status_is_kept(launcher: Launcher, code: int) -> None:
    end = end_of(launcher.start(spec_for("exits.py", str(code))))
    assert (end.exit_code, end.signal, end.error, end.stopped, end.timed_out) == (code, None, None, None, False)
    assert end.output_error is None
    assert end.survivors == ()


@posix_only
@pytest.mark.parametrize("name", ["SIGSEGV", "SIGKILL"])
def test_signal_is_kept_by_number_and_name(launcher: Launcher, name: str) -> None:
    end = end_of(launcher.start(spec_for("exits.py", name)))
    assert (end.exit_code, end.signal) == (-signal.Signals[name], name)
    assert end.stopped is None


def test_times_are_in_order(launcher: Launcher) -> None:
    run = launcher.start(spec_for("chatters.py", "1"))
    end = end_of(run)
    host = run.read_host()
    assert host is not None
    assert host.started_at is not None
    assert host.started_at <= records_of(run)[0].written_at
    assert host.started_at <= end.ended_at
    assert host.started_at.utcoffset() is not None


def test_a_robot_that_cannot_be_started_ends_the_run_with_the_reason(tmp_path: Path) -> None:
    launcher = Launcher(tmp_path, python=str(tmp_path / "no python here"))
    end = end_of(launcher.start(spec_for("exits.py")))
    assert end.exit_code is None
    assert "no python here" in (end.error or "")


def test_an_argument_with_a_nul_ends_the_run_with_the_reason(launcher: Launcher) -> None:
    end = end_of(launcher.start(spec_for("exits.py", "a\0b")))
    assert end.exit_code is None
    assert "null" in (end.error or "")


def test_the_host_is_gone_after_the_end(launcher: Launcher) -> None:
    run = launcher.start(spec_for("exits.py", "0"))
    assert run.host_alive()
    end_of(run)
    eventually(lambda: not run.host_alive(), "the end of the host")


@posix_only
def test_a_grandchild_with_the_pipes_open_does_not_delay_the_end(launcher: Launcher) -> None:
    run = launcher.start(spec_for("leaves_pipe_open.py"))
    host = eventually(lambda: (host := run.read_host()) and host.robot_pid and host, "start")
    assert host.robot_pid is not None
    eventually(lambda: not is_running(host.robot_pid or 0), "the end of the robot")
    # The contract is a second on an idle machine; the grandchild would stay for ten minutes.
    end = end_of(run, seconds=5.0)
    assert end.exit_code == 5
    assert text_of(run) == "last words"
    assert text_of(run, "stderr") == "e" * 40_000
    eventually(lambda: run.leftovers() == [], "the end of all processes, the host's last")


@linux_only
def test_a_stranger_with_a_pipe_open_does_not_delay_the_end_either(launcher: Launcher, tmp_path: Path) -> None:
    run = launcher.start(spec_for("stubborn.py", str(tmp_path / "end")))
    wait_for_text(run, "ready")
    host = run.read_host()
    assert host is not None
    # This process is none of the run's, so nobody ends it, and there is no end of the stream.
    with Path(f"/proc/{host.robot_pid}/fd/1").open("wb", buffering=0) as pipe:
        (tmp_path / "end").touch()
        assert end_of(run, seconds=5.0).exit_code == 0
        eventually(lambda: _is_broken(pipe), "the end of the host, last reader of the pipe", seconds=5.0)
    assert text_of(run) == "ready\ntold to end\n"


# What it writes ------------------------------------------------------------------------------------------------


def test_seventy_kilobytes_of_errors_do_not_hang(launcher: Launcher, tmp_path: Path) -> None:
    script = tmp_path / "errors.py"
    script.write_text("import sys; sys.stderr.write('x' * 70_000); sys.stdout.write('done')")
    run = launcher.start(spec_for(script))
    assert end_of(run).exit_code == 0
    assert text_of(run, "stderr") == "x" * 70_000
    assert text_of(run) == "done"


def test_many_small_lines_become_few_records_in_order(launcher: Launcher) -> None:
    run = launcher.start(spec_for("chatters.py", "100000", output_limit=10_000_000))
    assert end_of(run, seconds=60).exit_code == 0
    records = records_of(run)
    assert [record.sequence for record in records] == list(range(1, len(records) + 1))
    for stream, first in (("stdout", 0), ("stderr", 1)):
        wanted = [f"line {number}" for number in range(100_000) if number // 1000 % 2 == first]
        assert text_of(run, stream).splitlines() == wanted
    # Far below one record to a line. How far depends on how fast the robot comes to write.
    assert len(records) < 5_000


def test_output_is_there_while_the_robot_runs(launcher: Launcher, tmp_path: Path) -> None:
    run = launcher.start(spec_for("stubborn.py", str(tmp_path / "end")))
    wait_for_text(run, "ready\n")
    assert run.read_exit() is None
    (tmp_path / "end").touch()
    assert end_of(run).exit_code == 0
    assert text_of(run) == "ready\ntold to end\n"


def test_output_can_be_read_bit_by_bit(launcher: Launcher) -> None:
    run = launcher.start(spec_for("chatters.py", "3000"))
    end_of(run)
    path = run.path / run_files.OUTPUT_FILE
    whole = path.read_bytes()
    everything = records_of(run)
    assert len(everything) >= 3
    path.write_bytes(whole[:-1])
    first, offset = run.read_output()
    assert first == everything[:-1], "the record without its end is left alone"
    assert run.read_output(offset) == ([], offset)
    path.write_bytes(whole)
    assert run.read_output(offset) == ([everything[-1]], len(whole))


def test_text_waits_for_more_before_it_becomes_a_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(robot_output, "COALESCE_SECONDS", 1000.0)
    path = tmp_path / run_files.OUTPUT_FILE
    output = OutputFile(path, 1_000_000)
    for _ in range(1000):
        output.add("stdout", "ten chars\n")
        output.flush_due()
    assert path.read_bytes() == b""
    monkeypatch.setattr(robot_output, "COALESCE_SECONDS", 0.0)
    output.flush_due()
    [record] = path.read_bytes().splitlines()
    assert json.loads(record)["x"] == "ten chars\n" * 1000
    output.add("stdout", "x" * 40_000)
    assert len(path.read_bytes().splitlines()) == 3, "whole records do not wait"
    output.close()
    assert len(path.read_bytes().splitlines()) == 4


@linux_only
def test_a_flood_is_cut_and_costs_little_memory(launcher: Launcher) -> None:
    run = launcher.start(spec_for("floods.py", "200", output_limit=500_000))
    host = run.read_host()
    assert host is not None
    peak = 0
    while (end := run.read_exit()) is None:
        peak = max(peak, _peak_memory(host.host_pid))
        time.sleep(0.01)
    assert end.exit_code == 3
    assert end.output_error is None
    assert 0 < peak < 64 * 1024 * 1024
    records = records_of(run)
    [mark] = [record for record in records if record.cut is not None]
    before = "".join(record.text for record in records if record.sequence < mark.sequence)
    assert 499_990 <= len(before.encode()) <= 500_000
    after = {
        stream: "".join(r.text for r in records if r.sequence > mark.sequence and r.stream == stream)
        for stream in ("stdout", "stderr")
    }
    assert after["stdout"].endswith("the very end")
    assert after["stderr"] == "the very end of the errors"
    assert 60_000 < len(after["stdout"].encode()) <= 64 * 1024
    # The invalid bytes count as what is stored for them; so what is cut is more than what is left of 200 MB.
    assert mark.cut is not None
    assert mark.cut > 200 * 1024 * 1024 - 600_000
    assert f"{mark.cut:,} bytes" in mark.text
    assert all(len(record.text) <= 16_000 for record in records)
    assert "\0" not in before
    assert "\ufffd\ufffd\ufffd\ufffdabcdefghæ" in before
    assert (run.path / run_files.OUTPUT_FILE).stat().st_size < 2_000_000


def test_little_more_than_the_limit_is_complete_without_a_mark(launcher: Launcher) -> None:
    run = launcher.start(spec_for("chatters.py", "1000", output_limit=1000))
    end_of(run)
    assert text_of(run).splitlines() == [f"line {number}" for number in range(1000)]
    assert all(record.cut is None for record in records_of(run))


@pytest.mark.parametrize("secret", [PASSWORD, KEY, "Hem%40meligt7"])
def test_a_secret_that_comes_byte_by_byte_never_reaches_the_disk(
    launcher: Launcher, tmp_path: Path, secret: str
) -> None:
    text = f"blåbær {secret} grød"
    go = tmp_path / "go"
    run = launcher.start(spec_for("trickles.py", f"{text.encode().hex()}|{go}"))
    wait_for_text(run, "blåbær ")
    eventually(Path(f"{go}.awaited").exists, "the silence in the middle of the secret")
    # What the robot wrote of the secret must not be released by waiting, so wait several times as long as text does.
    time.sleep(5 * robot_output.COALESCE_SECONDS)
    assert text_of(run) == "blåbær "
    go.touch()
    end_of(run)
    assert text_of(run) == "blåbær *** grød"
    for path in run.path.rglob("*"):
        assert secret.encode() not in path.read_bytes(), path


def test_an_unfinished_secret_at_the_end_is_not_shown() -> None:
    redactor = StreamRedactor([PASSWORD])
    assert redactor.feed(f"password: {PASSWORD[:-1]}") == "password: "
    assert redactor.finish() == "***"
    short = StreamRedactor([PASSWORD])
    assert short.feed("He") + short.finish() == "He"


def test_text_that_only_looks_like_a_beginning_comes_through() -> None:
    redactor = StreamRedactor(["abcabd", "bcaX"])
    shown = [redactor.feed(piece) for piece in ("abca", "bca", "bd", "abc", "aX", "ab", "c")]
    assert "".join(shown) + redactor.finish() == "abc***a***abc"


@given(
    st.lists(st.text("abc", min_size=1, max_size=5), min_size=1, max_size=4), st.text("abcd", max_size=60), st.data()
)
def test_pieces_are_redacted_like_the_whole(secrets: list[str], text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    redactor = StreamRedactor(secrets)
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    # The last character belongs to no secret, so nothing is held in the end.
    shown = "".join(redactor.feed(piece) for piece in [*pieces, "."])
    assert shown == redact(text + ".", secrets)
    assert redactor.finish() == ""


def test_a_character_is_never_broken_between_records(tmp_path: Path) -> None:
    output = OutputFile(tmp_path / "output.jsonl", 50_001)
    text = "".join(random.Random(7).choices("aæ€\U0001f41d", k=40_000))
    for start in range(0, len(text), 777):
        output.add("stdout", text[start : start + 777])
    output.close()
    lines = [json.loads(line) for line in (tmp_path / "output.jsonl").read_text("utf-8").splitlines()]
    kept = "".join(line["x"] for line in lines if "cut" not in line)
    [cut] = [line["cut"] for line in lines if "cut" in line] or [0]
    assert len(kept.encode()) + cut == len(text.encode())
    assert text.startswith(kept[:15_000])
    assert text.endswith(kept[-15_000:])


# How it is stopped ---------------------------------------------------------------------------------------------


KILLED = 1 if sys.platform == "win32" else -9
"""How a robot ends that is killed."""


@needs_console
def test_a_polite_robot_ends_by_itself_when_asked(launcher: Launcher) -> None:
    run = launcher.start(spec_for("polite.py"))
    wait_for_text(run, "ready")
    run.request_stop("kill", 20)
    end = end_of(run, seconds=10)
    assert (end.exit_code, end.stopped, end.timed_out) == (7, "kill", False)
    assert "cleaned up" in text_of(run)


@needs_console
def test_a_robot_that_ignores_the_request_is_killed_after_the_grace(launcher: Launcher, tmp_path: Path) -> None:
    run = launcher.start(spec_for("stubborn.py", str(tmp_path / "never")))
    wait_for_text(run, "ready")
    run.request_stop("kill", 0.3)
    end = end_of(run)
    assert (end.exit_code, end.stopped) == (KILLED, "kill")
    assert "TERM ignored" in text_of(run)


def test_a_stop_leaves_the_robot_its_grace_and_the_host_records_the_end(launcher: Launcher, tmp_path: Path) -> None:
    """Also where it cannot be asked: without a console on Windows."""
    script = tmp_path / "finishes.py"
    script.write_text(
        "import pathlib, signal, sys, time\n"
        "for name in ('SIGTERM', 'SIGBREAK'):\n"
        "    if hasattr(signal, name): signal.signal(getattr(signal, name), signal.SIG_IGN)\n"
        "print('ready', flush=True)\n"
        "while not pathlib.Path(sys.argv[4]).exists(): time.sleep(0.02)\n"
        "time.sleep(2)  # its host looks for requests many times in this\n"
        "print('finished', flush=True)\n"
    )
    run = launcher.start(spec_for(script, str(tmp_path / "workspace" / "asked")))
    wait_for_text(run, "ready")
    run.request_stop("kill", 600)
    (tmp_path / "workspace" / "asked").touch()
    end = end_of(run)
    assert (end.exit_code, end.stopped, end.error) == (0, "kill", None)
    assert "finished" in text_of(run)


def test_a_robot_that_does_not_end_within_its_grace_is_killed_and_the_end_recorded(
    launcher: Launcher, tmp_path: Path
) -> None:
    run = launcher.start(spec_for("stubborn.py", str(tmp_path / "never")))
    wait_for_text(run, "ready")
    run.request_stop("kill", 0.3)
    end = end_of(run)
    assert (end.exit_code, end.stopped, end.error, end.survivors) == (KILLED, "kill", None, ())


@needs_console
def test_asking_again_shortens_the_grace(launcher: Launcher, tmp_path: Path) -> None:
    run = launcher.start(spec_for("stubborn.py", str(tmp_path / "never")))
    wait_for_text(run, "ready")
    run.request_stop("scheduler stops", 600)
    wait_for_text(run, "TERM ignored")
    run.request_stop("kill", 0)
    end = end_of(run)
    assert (end.exit_code, end.stopped) == (KILLED, "scheduler stops")


def test_without_grace_nothing_is_asked(launcher: Launcher) -> None:
    run = launcher.start(spec_for("polite.py"))
    wait_for_text(run, "ready")
    run.request_stop("kill", 0)
    assert end_of(run).exit_code == KILLED
    assert "cleaned up" not in text_of(run)


@posix_only
def test_a_suspended_robot_can_be_stopped(launcher: Launcher) -> None:
    run = launcher.start(spec_for("polite.py"))
    wait_for_text(run, "ready")
    host = run.read_host()
    assert host is not None
    assert host.robot_pid is not None
    os.kill(host.robot_pid, signal.SIGSTOP)
    run.request_stop("kill", 20)
    assert end_of(run, seconds=10).exit_code == 7


def test_a_robot_that_hangs_runs_out_of_time(launcher: Launcher, tmp_path: Path) -> None:
    run = launcher.start(spec_for("stubborn.py", str(tmp_path / "never"), timeout=0.5, grace=0.3))
    end = end_of(run)
    assert (end.timed_out, end.stopped, end.exit_code) == (True, "timeout", KILLED)


@posix_only
@pytest.mark.parametrize("then", ["end", "stay"])
def test_no_process_of_the_run_is_left(launcher: Launcher, tmp_path: Path, then: str) -> None:
    run = launcher.start(spec_for("escapes.py", f"{tmp_path}|{then}"))
    names = ("child", "group", "session", "double", "nameless")
    pids = [
        int(eventually(lambda path=tmp_path / f"{name}.pid": path.exists() and path.read_text(), f"{name} out"))
        for name in names
    ]
    if then == "stay":
        assert all(is_running(pid) for pid in pids)
        run.request_stop("kill", 0.2)
    end = end_of(run)
    assert end.exit_code == (4 if then == "end" else -signal.SIGTERM)
    assert end.survivors == ()
    assert [pid for pid in pids if is_running(pid)] == []
    eventually(lambda: run.leftovers() == [], "the end of all processes, the host's last")


@linux_only
@pytest.mark.parametrize("then", ["end", "stay"])
def test_what_forks_again_and_again_does_not_outrun_the_kill(launcher: Launcher, tmp_path: Path, then: str) -> None:
    held = tmp_path / "held"
    run = launcher.start(spec_for("forks_on.py", f"{held}|{then}"))
    wait_for_text(run, "it is out")
    if then == "stay":
        run.request_stop("kill", 0)
    end = end_of(run)
    assert end.survivors == ()
    assert _is_unlocked(held), "a process of the run has it open"
    assert end.exit_code == (4 if then == "end" else -signal.SIGKILL)


@linux_only
def test_processes_that_cannot_be_ended_are_told_within_a_bounded_time(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROBOTS / "tree_survivors.py"), str(tmp_path / "held")],
        env=os.environ | {"PYTHONPATH": str(Path(OpenOrchestrator.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == ("told", "")
    assert _is_unlocked(tmp_path / "held")


@linux_only
def test_what_is_not_below_the_host_is_ended_by_its_mark(launcher: Launcher, tmp_path: Path) -> None:
    job_id = uuid4()
    run = launcher.start(spec_for("stubborn.py", str(tmp_path / "end"), job_id=job_id))
    wait_for_text(run, "ready")
    # As if the robot had asked a service of the machine to start it: no child of the host, and no orphan for it.
    marked = os.environ | {run_files.JOB_VARIABLE: str(job_id)}
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], env=marked)
    try:
        (tmp_path / "end").touch()
        assert end_of(run).exit_code == 0
        assert stranger.wait(5) == -signal.SIGKILL
    finally:
        stranger.kill()
        stranger.wait()


@posix_only
@pytest.mark.parametrize("number", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_the_host_does_not_leave_its_robot_alone(launcher: Launcher, tmp_path: Path, number: str) -> None:
    run = launcher.start(spec_for("stubborn.py", str(tmp_path / "end")))
    wait_for_text(run, "ready")
    host = run.read_host()
    assert host is not None
    os.kill(host.host_pid, signal.Signals[number])
    (tmp_path / "end").touch()
    assert end_of(run).exit_code == 0
    assert text_of(run) == "ready\ntold to end\n", "the robot was not signalled"


@linux_only
def test_what_a_killed_host_leaves_is_found_and_ended(launcher: Launcher, tmp_path: Path) -> None:
    run = launcher.start(spec_for("escapes.py", f"{tmp_path}|stay"))
    wait_for_text(run, "all out")
    host = run.read_host()
    assert host is not None
    os.kill(host.host_pid, signal.SIGKILL)
    eventually(lambda: not run.host_alive(), "the end of the host")
    assert run.read_exit() is None
    nameless = int((tmp_path / "nameless.pid").read_text())
    try:
        # Robot, child, group, session and double. The one without environment and host is out of anybody's sight.
        assert len(run.leftovers()) == 5
        assert run.kill_leftovers() == []
        assert run.leftovers() == []
    finally:
        os.kill(nameless, signal.SIGKILL)


@linux_only
def test_what_a_killed_host_leaves_without_the_mark_is_found_by_the_session(launcher: Launcher, tmp_path: Path) -> None:
    run = launcher.start(spec_for("sheds_mark.py", str(tmp_path)))
    wait_for_text(run, "all out")
    pids = {int((tmp_path / f"{name}.pid").read_text()) for name in ("session", "group", "below")}
    host = run.read_host()
    assert host is not None
    assert host.robot_pid is not None
    try:
        # Once without the robot, which leads the session and carries the mark: its number still means the same.
        for pid in (host.host_pid, host.robot_pid):
            os.kill(pid, signal.SIGKILL)
            eventually(lambda pid=pid: not is_running(pid), "the end of a process")
            rest = {*pids, host.robot_pid} if pid == host.host_pid else pids
            assert {process.pid for process in run.leftovers()} == rest
        assert run.kill_leftovers() == []
        assert [pid for pid in pids if is_running(pid)] == []
    finally:
        for pid in filter(is_running, pids):
            os.kill(pid, signal.SIGKILL)


# A full disk ---------------------------------------------------------------------------------------------------


@linux_only
def test_when_the_disk_is_full_the_run_goes_on_and_its_end_is_kept(launcher: Launcher, tmp_path: Path) -> None:
    script = tmp_path / "writes.py"
    script.write_text(
        "import pathlib, sys, time\n"
        "print('ready', flush=True)\n"
        "while not pathlib.Path(sys.argv[4]).exists(): time.sleep(0.01)\n"
        "for _ in range(20): sys.stdout.write('x' * 50_000)\n"
        "sys.exit(6)\n"
    )
    run = launcher.start(spec_for(script, str(tmp_path / "go"), output_limit=10_000_000))
    wait_for_text(run, "ready")
    host = run.read_host()
    assert host is not None
    # From now on no file of the host can grow beyond this: the kernel answers with an error as on a full disk.
    import resource

    resource.prlimit(host.host_pid, resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
    (tmp_path / "go").touch()
    end = end_of(run)
    assert (end.exit_code, end.output_error) == (6, os.strerror(errno.EFBIG))
    output = (run.path / run_files.OUTPUT_FILE).read_bytes()
    assert output.endswith(b"\n"), "half a record was taken back"
    assert text_of(run).startswith("ready\nxxx")


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "tiny"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=128k", "none", str(folder)]
    if sys.platform != "linux" or subprocess.run(mounting, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a tmpfs is not permitted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_flood_on_a_tiny_disk_ends_with_exit_status_and_reason(tiny_disk: Path) -> None:
    run = Launcher(tiny_disk).start(spec_for("floods.py", "2", output_limit=10_000_000))
    end = end_of(run)
    assert end.exit_code == 3
    assert end.output_error == os.strerror(errno.ENOSPC)
    records = records_of(run)
    assert records, "what fitted is there"
    assert len((run.path / run_files.OUTPUT_FILE).read_bytes()) > 30_000


def test_on_a_full_disk_nothing_is_started(tiny_disk: Path) -> None:
    launcher = Launcher(tiny_disk)
    (tiny_disk / "runs").mkdir()
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        (tiny_disk / "filler").write_bytes(b"x" * 1024 * 1024)
    spec = spec_for("exits.py", "0")
    with pytest.raises(LaunchError, match="Make room"):
        launcher.start(spec)
    assert list((tiny_disk / "runs").iterdir()) == []
    (tiny_disk / "filler").unlink()
    assert end_of(launcher.start(spec)).exit_code == 0


# The host as a program -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("handed_over", ["", '{"job": "half of what was to be han'])
def test_a_host_whose_launcher_died_starts_nothing_and_says_so(tmp_path: Path, handed_over: str) -> None:
    run = RunDirectory.create(tmp_path, uuid4())
    command = [sys.executable, "-I", "-S", robot_host.__file__, str(run.path)]
    subprocess.run(command, input=handed_over, text=True, check=False, timeout=30, env={})
    end = run.read_exit()
    assert end is not None
    assert end.exit_code is None
    assert "No robot was started" in (end.error or "")


def test_the_exit_fits_into_the_space_taken_for_it(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path, uuid4())
    content = {"error": "\U0001f41d" * 1000, "ended_at": "2026-01-01T00:00:00+00:00", "survivors": [10**7] * 100}
    run_files.write_exit(run.path, content)
    assert (run.path / run_files.EXIT_FILE).stat().st_size == run_files.EXIT_RESERVE_BYTES
    end = run.read_exit()
    assert end is not None
    assert end.error == content["error"]


def test_host_uses_the_standard_library_only(tmp_path: Path) -> None:
    neighbours = {path.stem for path in Path(robot_host.__file__).parent.glob("*.py")}
    code = (
        "import runpy, sys; before = set(sys.modules); "
        f"sys.argv = ['x']; runpy.run_path({robot_host.__file__!r}, run_name='host'); "
        f"ours = {neighbours!r}; "
        "new = {name.partition('.')[0] for name in set(sys.modules) - before} - ours; "
        "print(sorted(new - set(sys.stdlib_module_names)))"
    )
    found = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_process_tree_of_this_system_keeps_its_contract() -> None:
    checkout = Path(OpenOrchestrator.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, str(ROBOTS / "tree_contract.py")],
        env=os.environ | {"PYTHONPATH": str(checkout)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == ("contract kept", "")


def test_both_process_trees_have_the_same_methods() -> None:
    """The one of the other system cannot be imported here; mypy checks its types with ``--platform``."""
    folder = Path(robot_tree.__file__).parent
    twins = [
        ast.parse((folder / name).read_text("utf-8")) for name in ("robot_tree.py", "posix_tree.py", "windows_tree.py")
    ]
    methods = {
        node.name: {
            method.name: ast.unparse(method.args) + " -> " + ast.unparse(method.returns or ast.Constant(None))
            for method in node.body
            if isinstance(method, ast.FunctionDef) and not method.name.startswith("_")
        }
        for tree in twins
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.name in {"ProcessTree", "PosixTree", "WindowsTree"}
    }
    assert methods["PosixTree"] == methods["WindowsTree"] == methods["ProcessTree"]
    assert methods["ProcessTree"].keys() == {"start", "wait", "ask", "soft_stop", "kill", "exit_code"}


def _is_unlocked(path: Path) -> bool:
    """Whether no process is left that has the file open with the lock that ``forks_on.py`` took."""
    import fcntl

    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def _is_broken(pipe: BinaryIO | FileIO) -> bool:
    try:
        pipe.write(b"too late")
    except BrokenPipeError:
        return True
    return False


def _peak_memory(pid: int) -> int:
    """Most resident memory of a process so far, in bytes; 0 when it is gone."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0
