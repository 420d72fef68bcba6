"""What the demo judges, shows and refuses, without running one."""

from __future__ import annotations

import io
import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path, PureWindowsPath
from uuid import UUID, uuid4

import pytest
from rich.console import Console
from sqlalchemy.engine import make_url

from OpenOrchestrator.cli import demo, demo_processes, demo_setup, demo_view
from OpenOrchestrator.cli.demo_processes import browser_is_seen
from OpenOrchestrator.cli.demo_setup import DemoSite, make_folder, make_site
from OpenOrchestrator.cli.demo_view import LiveView, PlainView, make_view
from OpenOrchestrator.cli.demo_watch import Expectation, LogLine, Run, Snapshot, shortcomings
from OpenOrchestrator.common.errors import ConfigurationError
from OpenOrchestrator.database.statuses import JobStatus, LogLevel, QueueStatus

EXPECTED = Expectation(triggers=("Report", "Worker"), queue="Orders", elements=5, failing=1)
DONE = {QueueStatus.DONE: 4, QueueStatus.FAILED: 1}
NOON = datetime(2026, 1, 1, 12)


def run(
    trigger: str, status: JobStatus = JobStatus.DONE, *, job_id: UUID | None = None, reason: str | None = None
) -> Run:
    return Run(
        job_id=job_id or uuid4(),
        trigger=trigger,
        status=status,
        started=NOON,
        took=timedelta(seconds=1.5),
        commit=None,
        reason=reason,
    )


def snapshot(*runs: Run, lines: tuple[LogLine, ...] = (), elements: Mapping[QueueStatus, int] = DONE) -> Snapshot:
    return Snapshot(runs=runs, lines=lines, elements=elements)


def line(message: str) -> LogLine:
    return LogLine(log_id=uuid4(), time=NOON, process="Worker", level=LogLevel.INFO, message=message)


# --- verdict ---------------------------------------------------------------------------------------------------------


def test_a_demo_in_which_everything_ended_well_is_a_success() -> None:
    assert shortcomings(snapshot(run("Report"), run("Report"), run("Worker")), EXPECTED) == ()


def test_a_trigger_that_was_never_started_is_no_success() -> None:
    assert shortcomings(snapshot(run("Report")), EXPECTED) == ('The trigger "Worker" was not started.',)


@pytest.mark.parametrize("status", [JobStatus.FAILED, JobStatus.KILLED, JobStatus.TIMED_OUT, JobStatus.LOST])
def test_one_bad_run_among_good_ones_is_no_success(status: JobStatus) -> None:
    reasons = shortcomings(
        snapshot(run("Report"), run("Worker"), run("Report", status, reason="exit code 1")), EXPECTED
    )
    assert reasons == (f'A run of "Report" ended as {status.value}: exit code 1',)


def test_a_run_that_has_not_ended_is_no_success() -> None:
    reasons = shortcomings(snapshot(run("Report"), run("Worker", JobStatus.RUNNING)), EXPECTED)
    assert reasons == ('A run of "Worker" has not ended after 2 s.',)


@pytest.mark.parametrize(
    "elements",
    [
        {QueueStatus.DONE: 3, QueueStatus.FAILED: 1, QueueStatus.NEW: 1},
        {QueueStatus.DONE: 3, QueueStatus.FAILED: 2},
        {QueueStatus.DONE: 4, QueueStatus.FAILED: 1, QueueStatus.ABANDONED: 1},
        {QueueStatus.DONE: 5},
        {},
    ],
)
def test_a_queue_that_was_not_worked_through_as_planned_is_no_success(elements: Mapping[QueueStatus, int]) -> None:
    assert shortcomings(snapshot(run("Report"), run("Worker"), elements=elements), EXPECTED)


# --- display ---------------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(demo_view, "is_terminal", lambda stream: stream.isatty())  # Windows looks for a console


@pytest.mark.usefixtures("colours")
def test_a_terminal_gets_the_picture_and_a_file_gets_lines() -> None:
    assert isinstance(make_view("Orders", Terminal()), LiveView)
    assert isinstance(make_view("Orders", io.StringIO()), PlainView)


@pytest.mark.usefixtures("colours")
@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_a_terminal_that_wants_no_picture_gets_lines(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    assert isinstance(make_view("Orders", Terminal()), PlainView)


def test_plain_lines_say_each_thing_once() -> None:
    stream = io.StringIO()
    view = PlainView("Orders", stream, now=lambda: 0.0)
    report = run("Report", JobStatus.RUNNING, job_id=UUID(int=1))
    said = line("Sent 2 pieces.")
    with view:
        view.show(snapshot(report, elements={QueueStatus.NEW: 2}), "The demo")
        view.show(snapshot(report, lines=(said,), elements={QueueStatus.NEW: 2}), "The demo")
        ended = run("Report", JobStatus.FAILED, job_id=report.job_id, reason="exit code 1")
        view.show(snapshot(ended, lines=(said, line("Bye.")), elements={QueueStatus.DONE: 2}), "The demo")
    assert [text.strip() for text in stream.getvalue().splitlines()] == [
        "The demo",
        "12:00:01  Report: Running",
        "Queue Orders: 2 New",
        "12:00:00  Worker: Info: Sent 2 pieces.",
        "12:00:00  Worker: Info: Bye.",
        "12:00:01  Report: Failed after 1.5 s: exit code 1",
        "Queue Orders: 2 Done",
    ]


def test_plain_lines_do_not_repeat_the_counts_of_a_queue_all_the_time() -> None:
    stream = io.StringIO()
    seconds = iter([0.0, 0.5, 1.0, 3.0])
    view = PlainView("Orders", stream, now=lambda: next(seconds))
    busy = run("Worker", JobStatus.RUNNING)
    for left in (9, 8, 7, 6):
        view.show(snapshot(busy, elements={QueueStatus.NEW: left}), "The demo")
    assert [text.strip() for text in stream.getvalue().splitlines() if "Queue" in text] == [
        "Queue Orders: 9 New",
        "Queue Orders: 6 New",
    ]


def test_what_robots_log_cannot_steer_the_terminal() -> None:
    evil = "\x1b[2J\x1b]0;title\x07 [bold]markup[/bold]\r\nsecond \u202eline"
    plain = io.StringIO()
    PlainView("Orders", plain).show(snapshot(lines=(line(evil),)), "The demo")
    assert plain.getvalue().replace("\n", "").isprintable()
    assert r"\x1b[2J\x1b]0;title\x07 [bold]markup[/bold] second \u202eline" in plain.getvalue()

    picture = io.StringIO()
    console = Console(file=picture, force_terminal=True, width=160, height=30, legacy_windows=False)
    with LiveView("Orders", console) as view:
        odd = replace(run("Worker", JobStatus.DONE), commit="\x1b[2J\x1b]0;a")
        view.show(snapshot(odd, lines=(line(evil),)), "The demo")
    assert "\x1b[2J\x1b]0;" not in picture.getvalue()
    assert "[bold]markup[/bold]" in picture.getvalue()


def test_the_folder_of_a_demo_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path("/a\x1b[2Jb")
    demo._tell_where(
        DemoSite(
            folder=folder,
            connection_string="sqlite://",
            key="key",
            python=folder / "python",
            expected=Expectation(triggers=(), queue="Orders", elements=1, failing=0),
        )
    )
    shown = capsys.readouterr().out
    assert rf'cd "{Path("/a")}\x1b[2Jb"' in shown
    assert "\x1b" not in shown


def test_characters_that_the_stream_cannot_hold_are_replaced() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    PlainView("Orders", stream).show(snapshot(lines=(line("Blåbær"),)), "The demo")
    assert b"Bl?b?r" in raw.getvalue()


@pytest.mark.parametrize(("width", "height"), [(40, 10), (80, 24), (200, 60)])
def test_the_picture_fits_any_terminal_and_stays_at_the_end(width: int, height: int) -> None:
    picture = io.StringIO()
    console = Console(file=picture, force_terminal=True, width=width, height=height, legacy_windows=False)
    runs = tuple(run(f"Trigger {number}") for number in range(30))
    with LiveView("Orders", console) as view:
        view.show(snapshot(*runs, lines=tuple(line(f"Line {number}") for number in range(100))), "The demo")
    shown = picture.getvalue()
    assert "Trigger 29" in shown
    assert "Line 99" in shown
    assert shown.rstrip().endswith("╯")


# --- folder ----------------------------------------------------------------------------------------------------------


def test_each_demo_gets_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    first, second = make_folder(None), make_folder(None)
    assert first != second
    if os.name == "posix":
        assert first.stat().st_mode & 0o077 == 0


def test_a_folder_that_holds_something_is_refused_untouched(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ConfigurationError, match="not empty"):
        make_folder(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="--folder"):
        make_folder(tmp_path / "file" / "demo")


def test_without_git_the_demo_says_so_and_makes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(ConfigurationError, match="git is not installed"):
        make_site(make_folder(tmp_path / "demo"))
    assert list((tmp_path / "demo").iterdir()) == []


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_repository_of_the_demo_is_its_own_whatever_git_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.git"
    monkeypatch.setenv("GIT_DIR", str(other))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    folder = make_folder(tmp_path / "demo")
    make_site(folder)
    assert (folder / "order_intake" / ".git" / "HEAD").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["demo"]


@pytest.mark.skipif(os.name == "nt", reason="Windows does not permit ? in names of folders")
def test_a_folder_whose_name_means_something_in_a_connection_string_works_or_is_refused(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "what?mode=memory%20#")
    try:
        make_site(folder)
    except ConfigurationError:  # SQLAlchemy 2.0 has no way to write such a path
        assert list(folder.iterdir()) == []
    else:
        assert (folder / "demo.db").stat().st_size > 0


# --- the admin app ---------------------------------------------------------------------------------------------------

LINK = "http://127.0.0.1:34538/enter?token=" + "t" * 43


def test_plain_lines_tell_each_link_of_the_app_once() -> None:
    stream = io.StringIO()
    view = PlainView("Orders", stream)
    for link in ("", LINK, LINK, f"{LINK}2", f"{LINK}2"):
        view.show(snapshot(), "Demo", link)
    assert stream.getvalue().count("works once") == 2
    assert f"works once: {LINK}\n" in stream.getvalue()


@pytest.mark.parametrize("width", [60, 100])
def test_the_picture_has_the_whole_link_of_the_app(width: int) -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=width, height=24, force_terminal=True, color_system=None)
    with LiveView("Orders", console) as view:
        view.show(snapshot(), "Demo", LINK)
        shown = re.sub(r"\x1b\][^\x1b]*\x1b\\\\|\x1b\[[^A-Za-z]*[A-Za-z]", "", stream.getvalue())
    assert LINK in "".join(line.strip() for line in shown.splitlines())


@pytest.mark.parametrize(
    ("terminal", "variables", "seen"),
    [
        (True, {"DISPLAY": ":0"}, True),
        (True, {"WAYLAND_DISPLAY": "wayland-0"}, True),
        (True, {"DISPLAY": ":0", "CI": "true"}, False),
        (False, {"DISPLAY": ":0"}, False),
        (True, {}, sys.platform in ("win32", "darwin")),
    ],
)
def test_a_browser_is_opened_only_where_somebody_sees_it(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, variables: dict[str, str], seen: bool
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "CI"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(demo_processes, "is_terminal", lambda _stream: terminal)
    assert browser_is_seen() is seen


@pytest.mark.parametrize("name", ["demo", "a b", "æøå", "50%", "#1"])
def test_a_drive_of_windows_is_written_as_one(name: str) -> None:
    file = PureWindowsPath(f"C:\\Users\\{name}\\orchestrator.db")
    text = demo_setup.connection_string_of(file)
    assert text.startswith("sqlite+pysqlite:///C:/Users/")
    assert make_url(text).database == file.as_posix()
