"""The command ``upgrade`` as people and scripts type it."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import sqlalchemy as sa
import typer
from old_databases import V2_0, V3_0, make_old, read_old
from typer.testing import CliRunner, Result

from OpenOrchestrator import __version__
from OpenOrchestrator.cli import upgrade as command
from OpenOrchestrator.common.errors import OpenOrchestratorError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.schema.migrations import Situation, inspect_database, upgrade
from OpenOrchestrator.database.schema.revisions import head_revision, known_revisions
from OpenOrchestrator.database.stores import site_identity
from OpenOrchestrator.database.stores.queue_backoff import longest_pause
from OpenOrchestrator.database.stores.site_identity import SiteIdentity

ROOT = Path(__file__).parents[3]
ZONE = "Europe/Copenhagen"


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("OpenOrchestratorConnString", raising=False)
    monkeypatch.chdir(tmp_path)


def invoke(*arguments: str, typed: str | None = None) -> Result:
    """Run the command in this process; ``typed`` is what a person answers, None means that nobody is there."""
    app = typer.Typer(rich_markup_mode=None)
    app.callback()(lambda: None)
    command.register(app)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "can_ask", lambda: typed is not None)
        return CliRunner().invoke(app, list(arguments), input=typed)


def refusal(result: Result) -> str:
    """Return the message of the error that the command line shows in one line."""
    assert isinstance(result.exception, OpenOrchestratorError), result.output
    return str(result.exception)


def test_new_database_is_made_without_asking(empty_database_url: str) -> None:
    result = invoke("upgrade", empty_database_url, "--timezone", ZONE)
    assert result.exit_code == 0, result.output
    masked = sa.make_url(empty_database_url).render_as_string()
    first, *hints = result.output.splitlines()
    assert first == f"Created {masked}: revision {head_revision()}, time zone {ZONE}."
    assert all("may open" in hint for hint in hints)  # the file was there, made by a test
    assert inspect_database(empty_database_url).situation is Situation.CURRENT
    again = invoke("upgrade", empty_database_url)
    assert again.exit_code == 0
    assert again.output.splitlines()[0] == f"Nothing to do for {masked}: revision {head_revision()}, time zone {ZONE}."


def test_existing_database_is_changed_only_after_a_yes(empty_database_url: str) -> None:
    tables = make_old(empty_database_url, V2_0, stamped=True, special="x")
    before = read_old(empty_database_url, tables)

    nobody = invoke("upgrade", empty_database_url, "--timezone", ZONE)
    assert "add --yes" in refusal(nobody)
    no = invoke("upgrade", empty_database_url, "--timezone", ZONE, typed="n\n")
    assert refusal(no) == "Nothing was changed."
    assert inspect_database(empty_database_url).revision == V2_0
    assert f"{V2_0} -> {head_revision()} (OpenOrchestrator {__version__})" in no.output
    assert "Table of jobs" in no.output
    assert "Back the database up first" in no.output

    yes = invoke("upgrade", empty_database_url, "--timezone", ZONE, typed="y\n")
    assert yes.exit_code == 0, yes.output
    steps = len(known_revisions()) - known_revisions().index(V2_0) - 1
    assert f"1/{steps} Triggers have a git branch" in yes.output
    assert f"{steps}/{steps}" in yes.output
    assert inspect_database(empty_database_url).situation is Situation.CURRENT
    assert read_old(empty_database_url, tables) == before


@pytest.mark.kinds("sqlite")
def test_yes_asks_nothing_and_old_names_work(empty_database_url: str) -> None:
    make_old(empty_database_url, V3_0, stamped=False)
    result = invoke("u", empty_database_url, "-y", "--timezone", ZONE)
    assert result.exit_code == 0, result.output
    assert "not stored; recognised by its tables" in result.output
    assert inspect_database(empty_database_url).stamped


@pytest.mark.kinds("sqlite")
def test_another_time_zone_is_a_change_too(empty_database_url: str) -> None:
    upgrade(empty_database_url, zone=ZONE)
    assert "add --yes" in refusal(invoke("upgrade", empty_database_url, "--timezone", "Asia/Tokyo"))
    assert inspect_database(empty_database_url).zone_name == ZONE
    assert invoke("upgrade", empty_database_url, "--timezone", "Asia/Tokyo", "--yes").exit_code == 0
    assert inspect_database(empty_database_url).zone_name == "Asia/Tokyo"


def test_new_takes_only_an_empty_database(tmp_path: Path) -> None:
    url = f"sqlite:///{(tmp_path / 'made.db').as_posix()}"
    assert invoke("upgrade", "-n", url).exit_code == 0
    assert "leave out --new" in refusal(invoke("upgrade", "-n", url))
    assert "leave out --new" in refusal(invoke("upgrade", "--new", "--yes", url))


def test_connection_string_from_settings_or_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Say which database" in refusal(invoke("upgrade"))
    (tmp_path / ".env").write_text("OpenOrchestratorConnString=sqlite:///from_env_file.db\n", encoding="utf-8")
    assert invoke("upgrade").exit_code == 0
    assert (tmp_path / "from_env_file.db").exists()
    monkeypatch.setenv("OpenOrchestratorConnString", "sqlite:///from_environment.db")
    assert invoke("upgrade").exit_code == 0
    assert (tmp_path / "from_environment.db").exists()
    monkeypatch.delenv("OpenOrchestratorConnString")
    (tmp_path / ".env").unlink()
    assert invoke("upgrade", typed="sqlite:///typed.db\n").exit_code == 0
    assert (tmp_path / "typed.db").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nonsense",), "not a SQLAlchemy URL"),
        (("nonsense", "--sql"), "not a SQLAlchemy URL"),
        (("sqlite:///x.db", "--timezone", "Mars/Crater"), "Mars/Crater"),
        (("sqlite:///missing/x.db",), "folder"),
        (("sqlite:///x.db", "--sql"), "no script for SQLite"),
        (("postgresql+psycopg://u:very-secret@127.0.0.1:1/db",), "Cannot connect"),
        (("postgresql+psycopg://u:very-secret@127.0.0.1:1/db", "--sql"), "Cannot connect"),
        (("postgresql+psycopg://u:very-secret@h/db", "--sql", "--from", "abc"), "no revision 'abc'"),
        (("nosuch+driver://u:very-secret@h/db",), "driver"),
    ],
)
def test_refusals_say_what_is_wrong_without_secrets(arguments: tuple[str, ...], message: str, tmp_path: Path) -> None:
    result = invoke("upgrade", *arguments, "--yes")
    assert message in refusal(result)
    assert "very-secret" not in refusal(result) + result.output
    assert not list(tmp_path.iterdir())


def test_wrong_usage_ends_with_status_2() -> None:
    assert invoke("upgrade", "sqlite:///x.db", "--from", V3_0).exit_code == 2
    assert invoke("upgrade", "mysql://h/db", "--sql", "--new", "--from", V3_0).exit_code == 2
    assert invoke("upgrade", "a", "b").exit_code == 2
    assert invoke("upgrade", "--unknown").exit_code == 2


@pytest.mark.kinds("postgresql", "mariadb")
def test_script_is_all_that_is_printed(empty_database_url: str) -> None:
    make_old(empty_database_url, V3_0, stamped=True)
    result = invoke("upgrade", empty_database_url, "--sql", "--timezone", ZONE)
    assert result.exit_code == 0
    assert result.stderr == ""
    assert result.stdout.startswith(f"-- OpenOrchestrator {__version__}: from revision {V3_0} to {head_revision()}\n")
    assert f"version_num='{head_revision()}'" in result.stdout
    assert f"'{ZONE}'" in result.stdout
    assert inspect_database(empty_database_url).revision == V3_0
    upgrade(empty_database_url, zone=ZONE)
    assert invoke("upgrade", empty_database_url, "--sql").stdout.endswith("-- Nothing to do.\n")


def test_the_whole_command_line(tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "OpenOrchestrator", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=60,
        )

    made = run("upgrade", "sqlite:///a.db")
    assert (made.returncode, made.stderr) == (0, "")
    assert "\x1b[" not in made.stdout
    refused = run("upgrade", "-n", "sqlite:///a.db")
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "leave out --new" in refused.stderr
    secret = run("upgrade", "postgresql+psycopg://u:very-secret@127.0.0.1:1/db")
    assert secret.returncode == 1
    assert "very-secret" not in secret.stderr + secret.stdout
    assert run("upgrade", "--bad-option").returncode == 2


def test_works_from_an_installed_wheel_in_any_folder(tmp_path: Path) -> None:
    wheels, site, elsewhere = tmp_path / "wheels", tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    _build_wheel(wheels)
    wheel = next(wheels.glob("*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    url = f"sqlite:///{(elsewhere / 'a.db').as_posix()}"
    make_old(url, V3_0, stamped=False)
    code = (
        "import OpenOrchestrator, pathlib; from OpenOrchestrator.database.schema.revisions import migrations_folder; "
        "print(pathlib.Path(OpenOrchestrator.__file__).parent); print(migrations_folder())"
    )
    environment = {**os.environ, "PYTHONPATH": str(site)}
    where = subprocess.run(
        [sys.executable, "-c", code], cwd=elsewhere, env=environment, capture_output=True, text=True, check=True
    )
    assert where.stdout.split("\n")[:2] == [str(site / "OpenOrchestrator"), str(site / "OpenOrchestrator/migrations")]

    subprocess.run(
        [sys.executable, "-m", "OpenOrchestrator", "upgrade", url, "--yes"], cwd=elsewhere, env=environment, check=True
    )

    assert inspect_database(url).situation is Situation.CURRENT


def _build_wheel(folder: Path) -> None:
    if importlib.util.find_spec("hatchling"):
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    elif importlib.util.find_spec("uv"):
        build = [sys.executable, "-m", "uv", "build", "--wheel", "--out-dir", str(folder)]
    else:
        pytest.skip("a wheel cannot be built: neither hatchling nor uv is installed")
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr


def test_the_longest_rest_of_queue_triggers_is_set_on_a_database_that_is_up_to_date(empty_database_url: str) -> None:
    assert invoke("upgrade", empty_database_url, "--timezone", ZONE).exit_code == 0
    for seconds in ("90", "30"):
        result = invoke("upgrade", empty_database_url, "--queue-poll", seconds)
        assert result.exit_code == 0, result.output
        assert f"rest for {seconds} s at most" in result.output
        with sa.create_engine(empty_database_url).connect() as connection:
            assert longest_pause(connection) == int(seconds)
    assert invoke("upgrade", empty_database_url, "--queue-poll", "0").exit_code == 2
    assert invoke("upgrade", empty_database_url, "--queue-poll", "5", "--sql").exit_code == 2


def site_of(url: str) -> SiteIdentity:
    database = Database(url)
    try:
        return database.read(site_identity.read)
    finally:
        database.close()


def test_name_and_colour_of_the_site_are_set_with_the_upgrade_and_later(empty_database_url: str) -> None:
    make_old(empty_database_url, V3_0, stamped=True, special="x")
    result = invoke(
        "upgrade", empty_database_url, "--timezone", ZONE, "--yes", "--site-name", "TEST", "--site-colour", "green"
    )
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[-1] == "The site is called TEST, in green."
    assert site_of(empty_database_url) == SiteIdentity("TEST", "green")
    result = invoke("upgrade", empty_database_url, "--site-colour", "#C2302A")
    assert result.output.splitlines()[-1] == "The site is called TEST, in #c2302a."
    assert invoke("upgrade", empty_database_url).exit_code == 0
    assert site_of(empty_database_url) == SiteIdentity("TEST", "#c2302a"), "an upgrade without the options keeps it"
    result = invoke("upgrade", empty_database_url, "--site-name", "")
    assert result.output.splitlines()[-1] == "The site has no name."
    assert site_of(empty_database_url) == SiteIdentity()
    assert "A site without a name has no colour" in refusal(
        invoke("upgrade", empty_database_url, "--site-colour", "red")
    )


def test_a_name_or_colour_that_cannot_be_is_refused_before_anything_is_changed(tmp_path: Path) -> None:
    url = "sqlite:///x.db"
    assert "'crimson' is no colour" in refusal(invoke("upgrade", url, "--site-name", "A", "--site-colour", "crimson"))
    assert "may have 40" in refusal(invoke("upgrade", url, "--site-name", "x" * 41))
    assert "U+001B" in refusal(invoke("upgrade", url, "--site-name", "\x1b[31mTEST"))
    assert not list(tmp_path.iterdir())
    assert invoke("upgrade", "mysql://h/db", "--sql", "--site-name", "A").exit_code == 2
    assert invoke("upgrade", "mysql://h/db", "--sql", "--site-colour", "red").exit_code == 2


def test_an_earlier_version_has_a_site_without_a_name(empty_database_url: str) -> None:
    make_old(empty_database_url, V3_0, stamped=True, special="x")
    database = Database(empty_database_url)
    try:
        with database.connection() as connection:
            assert site_identity.read_if_there(connection) == SiteIdentity()
    finally:
        database.close()
