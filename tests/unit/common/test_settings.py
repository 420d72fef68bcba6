"""Settings: which source wins, and what is said about a bad one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from OpenOrchestrator.common.crypto_util import generate_key
from OpenOrchestrator.common.errors import ConfigurationError
from OpenOrchestrator.common.settings import (
    LogFormat,
    StopPolicy,
    load_settings,
    secrets_to_hide,
    setting_names,
    with_absolute_path,
)
from OpenOrchestrator.scheduler.options import scheduler_options


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in setting_names().values():
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)


def test_defaults() -> None:
    settings = load_settings()
    assert settings.name
    assert (settings.whitelisted_only, settings.max_jobs, settings.poll_interval) == (False, 32, 1.0)
    assert (settings.log_format, settings.on_stop) == (LogFormat.TEXT, StopPolicy.WAIT)


def test_option_wins_over_environment_over_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("OpenOrchestratorMaxJobs=3\nOpenOrchestratorName=from file\n", encoding="utf-8")
    assert (load_settings().max_jobs, load_settings().name) == (3, "from file")
    monkeypatch.setenv("OpenOrchestratorMaxJobs", "4")
    assert (load_settings().max_jobs, load_settings().name) == (4, "from file")
    assert load_settings(max_jobs=5, name=None).max_jobs == 5


@pytest.mark.parametrize("variable", ["OPENORCHESTRATORCONNSTRING", "openorchestratorconnstring"])
def test_case_of_names_does_not_matter(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "sqlite://")
    assert load_settings().require_connection_string() == "sqlite://"


def test_empty_variable_counts_as_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OpenOrchestratorConnString", "")
    monkeypatch.setenv("OpenOrchestratorMaxJobs", "")
    assert load_settings().connection_string is None
    assert load_settings().max_jobs == 32


def test_unrelated_lines_in_the_file_are_ignored() -> None:
    without = load_settings()
    Path(".env").write_text("DJANGO_SECRET=1\nOpenOrchestratorFuture=2\n", encoding="utf-8")
    assert load_settings() == without


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OpenOrchestratorMaxJobs", "0"),
        ("OpenOrchestratorMaxJobs", "many"),
        ("OpenOrchestratorPollInterval", "0"),
        ("OpenOrchestratorOnStop", "explode"),
        ("OpenOrchestratorLogFormat", "xml"),
        ("OpenOrchestratorWhitelistedOnly", "perhaps"),
        ("OpenOrchestratorName", "x" * 101),
    ],
)
def test_a_bad_value_is_named_with_its_places(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    message = str(caught.value)
    assert message.startswith(f"{variable}: ")
    assert str(Path(".env").resolve()) in message
    assert "the option --" in message


def test_missing_connection_string_and_key_say_where_they_may_come_from() -> None:
    with pytest.raises(ConfigurationError, match=r"--connection-string.*OpenOrchestratorConnString.*\.env"):
        load_settings().require_connection_string()
    with pytest.raises(ConfigurationError, match=r"--key.*OpenOrchestratorKey.*OpenOrchestrator key"):
        load_settings().require_key()


def test_a_malformed_key_is_refused_without_showing_it() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(key="not-a-key-at-all").require_key()
    assert "not-a-key-at-all" not in str(caught.value)
    assert load_settings(key=generate_key().decode()).require_key()


def test_settings_never_show_their_secrets() -> None:
    settings = load_settings(connection_string="postgresql://u:pa55word@h/d", key="topsecret")
    assert "pa55word" not in repr(settings)
    assert "topsecret" not in repr(settings)


def test_a_connection_string_without_a_password_is_no_secret() -> None:
    assert secrets_to_hide("sqlite:///a.db", None) == ()
    assert "abcd" in secrets_to_hide("sqlite:///a.db", "abcd")
    assert "pa55word" in secrets_to_hide("postgresql://u:pa55word@h/d", None)


def test_options_need_a_python_and_a_workspace_that_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="OpenOrchestratorPython"):
        scheduler_options(load_settings(python=str(tmp_path / "no-python"), workspace=tmp_path))
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="OpenOrchestratorWorkspace"):
        scheduler_options(load_settings(workspace=tmp_path / "file"))
    with pytest.raises(ConfigurationError, match="OpenOrchestratorName"):
        scheduler_options(load_settings(name="  ", workspace=tmp_path))
    options = scheduler_options(load_settings(name=" worker ", workspace=tmp_path / "new"), once=True)
    assert (options.name, options.once) == ("worker", True)
    assert (tmp_path / "new" / "runs").is_dir()


def test_the_template_names_every_setting() -> None:
    template = (Path(__file__).parents[3] / ".env-template").read_text(encoding="utf-8")
    assert [variable for variable in setting_names().values() if f"{variable}=" not in template] == []


def test_a_relative_sqlite_file_is_made_absolute_for_robots(tmp_path: Path) -> None:
    settings = load_settings(connection_string="sqlite+pysqlite:///data/site.db?timeout=5")
    expected = f"sqlite+pysqlite:///{(tmp_path / 'data/site.db').as_posix()}?timeout=5"
    assert settings.require_connection_string() == expected


@pytest.mark.parametrize(
    "connection_string",
    [
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:site.db?uri=true",
        pytest.param(
            "sqlite+pysqlite:////var/lib/site.db",
            marks=pytest.mark.skipif(
                sys.platform == "win32", reason="on Windows this path has no drive: it is relative"
            ),
        ),
        "postgresql+psycopg://robot:secret@server/database",
        "mssql+pyodbc:///?odbc_connect=DRIVER",
    ],
)
def test_other_connection_strings_stay_as_they_are(connection_string: str) -> None:
    assert with_absolute_path(connection_string) == connection_string


@pytest.mark.parametrize("drive", ["C%3A", "c%3a", "C:"])
def test_a_drive_is_a_drive_though_it_is_encoded(drive: str) -> None:
    made = with_absolute_path(f"sqlite+pysqlite:///{drive}/Robots/orchestrator.db?timeout=5")
    assert made.endswith(f"{drive[0]}:/Robots/orchestrator.db?timeout=5")
    assert "%3" not in made
