"""The command line as people type it: names, help, errors, secrets. Each in a process of its own, as in real life."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from OpenOrchestrator import __version__
from OpenOrchestrator.cli.main import main
from OpenOrchestrator.common.crypto_util import generate_key, validate_key
from OpenOrchestrator.common.settings import setting_names
from OpenOrchestrator.database.schema.revisions import head_revision

ROOT = Path(__file__).parents[3]
COMMANDS = ("orchestrator", "scheduler", "run", "upgrade", "key", "demo")


def call(*words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    hidden = {name.upper() for name in setting_names().values()} | {"OPENORCHESTRATORPASSWORD"}
    inherited = {name: value for name, value in os.environ.items() if name.upper() not in hidden}
    return subprocess.run(
        [sys.executable, "-m", "OpenOrchestrator", *words],
        cwd=cwd,
        env={**inherited, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", **environment},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def test_version(tmp_path: Path) -> None:
    done = call("--version", cwd=tmp_path)
    assert (done.returncode, done.stdout.strip()) == (0, f"OpenOrchestrator {__version__}")


def test_the_version_with_a_database_says_its_revision_and_site_and_no_secret(tmp_path: Path) -> None:
    url = "sqlite+pysqlite:///site.db"
    made = call("upgrade", url, "--site-name", "TEST", "--site-colour", "green", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    done = call("--version", "--connection", url, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"OpenOrchestrator {__version__}",
        f"Database: {url}",
        f"Revision: {head_revision()}, the one of this version",
        "Site:     TEST",
    ]
    assert call("upgrade", url, "--site-name", "", cwd=tmp_path).returncode == 0
    assert "Site:     without a name" in call("--version", "--connection", url, cwd=tmp_path).stdout


def test_the_version_with_an_older_database_says_how_to_upgrade_it(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "old.db")) as connection, connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        connection.execute("INSERT INTO alembic_version VALUES ('1c87ed320c78')")
    done = call("--version", "--connection", "sqlite:///old.db", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (
        f"Revision: 1c87ed320c78; this version needs {head_revision()}: python -m OpenOrchestrator upgrade"
        in done.stdout
    )
    assert "Site:     without a name" in done.stdout
    (tmp_path / "empty.db").touch()
    assert "Revision: none stored; this" in call("--version", "--connection", "sqlite:///empty.db", cwd=tmp_path).stdout


@pytest.mark.parametrize("option", [["--connection", "{}"], ["--connection={}"]])
def test_the_version_of_a_database_that_cannot_be_reached_repeats_no_secret(tmp_path: Path, option: list[str]) -> None:
    url = "postgresql+psycopg://robot:s3cr3t%40word@127.0.0.1:1/nowhere"
    done = call("--version", *(part.format(url) for part in option), cwd=tmp_path)
    assert done.returncode == 1
    assert "Cannot connect to postgresql+psycopg://robot:***@127.0.0.1:1/nowhere" in done.stderr
    assert "s3cr3t" not in done.stderr + done.stdout
    missing = call("--version", "--connection", "sqlite:///none.db", cwd=tmp_path)
    assert "There is no SQLite database" in missing.stderr
    assert not (tmp_path / "none.db").exists()


def test_a_connection_without_version_is_wrong_usage(tmp_path: Path) -> None:
    done = call("--connection", "postgresql://u:s3cr3t@h/d", "key", cwd=tmp_path)
    assert done.returncode == 2
    assert "goes with --version only" in done.stderr
    assert "s3cr3t" not in done.stderr + done.stdout


def test_help_names_every_command(tmp_path: Path) -> None:
    done = call("--help", cwd=tmp_path)
    assert done.returncode == 0
    assert [command for command in COMMANDS if f"  {command} " not in done.stdout] == []


@pytest.mark.parametrize(
    "command", ["orchestrator", "o", "-o", "scheduler", "s", "-s", "run", "upgrade", "u", "-u", "key", "demo"]
)
def test_every_command_has_help_with_examples(tmp_path: Path, command: str) -> None:
    done = call(command, "--help", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Examples:" in done.stdout


@pytest.mark.parametrize("words", [["--help"], ["scheduler", "--help"], ["-o", "--help"], ["demo", "--help"]])
def test_help_loads_nothing_heavy(words: list[str]) -> None:
    code = (
        "import sys\n"
        "from OpenOrchestrator.cli import main\n"
        f"try: main.main({words!r})\n"
        "except SystemExit: pass\n"
        "heavy = {'sqlalchemy', 'pydantic_settings', 'alembic', 'git', 'cryptography', 'psutil', 'nicegui',\n"
        "    'fastapi', 'OpenOrchestrator.orchestrator', 'rich'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_without_arguments_it_shows_the_help(tmp_path: Path) -> None:
    done = call(cwd=tmp_path)
    shown = done.stdout + done.stderr
    assert "Usage: openorchestrator" in shown
    assert [command for command in COMMANDS if f"  {command} " not in shown] == []
    assert "Traceback" not in shown


def test_the_app_does_not_let_others_in_without_a_password(tmp_path: Path) -> None:
    done = call("-o", "--host", "0.0.0.0", "--no-browser", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: Listening on 0.0.0.0 lets others reach this app, so it needs a password")
    assert done.stderr.count("\n") == 1


def test_wrong_usage_is_status_2(tmp_path: Path) -> None:
    assert call("no-such-command", cwd=tmp_path).returncode == 2
    assert call("run", cwd=tmp_path).returncode == 2


def test_key_prints_a_key_and_nothing_else(tmp_path: Path) -> None:
    done = call("key", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert validate_key(done.stdout.strip())
    assert done.stdout.count("\n") == 1
    assert validate_key(json.loads(call("key", "--json", cwd=tmp_path).stdout)["key"])


@pytest.mark.parametrize("command", [["scheduler"], ["run", "x"]])
def test_what_is_missing_is_said_in_one_line(tmp_path: Path, command: list[str]) -> None:
    done = call(*command, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Error: There is no connection string.")
    assert done.stderr.count("\n") == 1
    assert str(tmp_path / ".env") in done.stderr


def test_settings_come_from_the_file_in_the_current_folder(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OpenOrchestratorConnString=sqlite:///none.db\n", encoding="utf-8")
    done = call("scheduler", cwd=tmp_path)
    assert "There is no key." in done.stderr


def test_a_missing_database_names_the_command_that_makes_it(tmp_path: Path) -> None:
    key = call("key", cwd=tmp_path).stdout.strip()
    done = call(
        "scheduler",
        cwd=tmp_path,
        OpenOrchestratorConnString="sqlite:///none.db",
        OpenOrchestratorKey=key,
        OpenOrchestratorWorkspace=str(tmp_path / "work"),
    )
    assert done.returncode == 1
    assert f'upgrade "sqlite:///{tmp_path.as_posix()}/none.db"' in done.stderr
    assert not (tmp_path / "none.db").exists()
    assert done.stderr.count("\n") == 1


def test_no_secret_in_an_error(tmp_path: Path) -> None:
    key = call("key", cwd=tmp_path).stdout.strip()
    url = "postgresql+psycopg://robot:s3cr3t%40word@127.0.0.1:1/nowhere"
    by_option = call("run", "x", "--connection-string", url, "--key", key, "--workspace", str(tmp_path), cwd=tmp_path)
    by_environment = call(
        "run",
        "x",
        cwd=tmp_path,
        OpenOrchestratorConnString=url,
        OpenOrchestratorKey=key,
        OpenOrchestratorWorkspace=str(tmp_path),
    )
    for done in (by_option, by_environment):
        assert done.returncode == 1
        assert "Cannot connect to" in done.stderr
        assert done.stderr.count("\n") == 1
        for secret in ("s3cr3t%40word", "s3cr3t@word", key):
            assert secret not in done.stderr + done.stdout


@pytest.mark.parametrize("command", ["scheduler", "s", "upgrade", "u", "orchestrator", "o", "run", "key", "demo"])
def test_wrong_usage_repeats_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    key = generate_key().decode()
    for words in (
        ["a", "postgresql://u:s3cr3t@h/d", key],
        ["a", "b", "DRIVER=x;PWD=s3cr3t;UID=a"],
        ["--timezone=a", "--nothing=postgresql://u:s3cr3t@h/d", "b", "c"],
        ["a", "b", f"-k{key}", key],
    ):
        with pytest.raises(SystemExit) as ended:
            main([command, *words])
        assert ended.value.code == 2
        shown = capsys.readouterr()
        assert "Usage: openorchestrator" in shown.err
        assert "s3cr3t" not in shown.err + shown.out
        assert key not in shown.err + shown.out


def test_a_defect_shows_its_traceback_without_secrets() -> None:
    code = (
        "from OpenOrchestrator.cli import main\n"
        "def broken(): raise KeyError('postgresql://u:hunter22@h/d')\n"
        "main.application = lambda: lambda **_: broken()\n"
        "main.main(['run', 'x', '-c', 'postgresql://u:hunter22@h/d'])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "KeyError" in done.stderr
    assert "hunter22" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows allows no control characters in names of files")
def test_a_path_cannot_steer_the_terminal(tmp_path: Path) -> None:
    folder = tmp_path / "a\x1b[2Jb"
    folder.mkdir()
    file = folder / "o.db"
    file.touch(0o644)
    file.chmod(0o644)
    done = call("upgrade", "--yes", "--timezone", "UTC", f"sqlite+pysqlite:///{file}", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Other accounts of this machine may open" in done.stdout
    assert r"a\x1b[2Jb" in done.stdout
    assert "\x1b" not in done.stdout
