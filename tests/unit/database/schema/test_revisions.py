"""The chain of revisions, read without Alembic."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from OpenOrchestrator.common.errors import RevisionError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.schema import revisions
from OpenOrchestrator.database.schema.migrations import upgrade

ROOT = Path(__file__).parents[4]


def write(folder: Path, revision: str, parent: str | None, *, single: bool = False) -> None:
    quote = "'" if single else '"'
    quoted = "None" if parent is None else f"{quote}{parent}{quote}"
    annotation = "" if single else ": str | None"
    (folder / "versions").mkdir(exist_ok=True)
    (folder / "versions" / f"{revision}_x.py").write_text(
        f'"""Text\n\nRevision ID: {revision}\nRevises: {parent}\n"""\n'
        f"revision{annotation} = {quote}{revision}{quote}\ndown_revision{annotation} = {quoted}\n",
        encoding="utf-8",
    )


def test_chain_is_alembics() -> None:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "alembic").replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    assert revisions.known_revisions() == tuple(script.revision for script in reversed(list(scripts.walk_revisions())))
    assert revisions.head_revision() == scripts.get_current_head()
    assert revisions.known_revisions()[:5] == (
        "b67b7649b282",
        "526b6edac328",
        "90d46abd44a3",
        "9698388a0709",
        "1c87ed320c78",
    )


def test_files_in_any_order_and_style(tmp_path: Path) -> None:
    write(tmp_path, "c", "a", single=True)
    write(tmp_path, "a", None)
    write(tmp_path, "b", "c")
    assert revisions._chain(tmp_path) == ("a", "c", "b")


def test_two_heads_and_gaps_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "a", None)
    write(tmp_path, "b", "a")
    write(tmp_path, "c", "a")
    with pytest.raises(RevisionError, match="Two migrations follow a"):
        revisions._chain(tmp_path)
    write(tmp_path, "c", "missing")
    with pytest.raises(RevisionError, match="one line"):
        revisions._chain(tmp_path)
    (tmp_path / "versions" / "d.py").write_text("nothing = 1\n", encoding="utf-8")
    with pytest.raises(RevisionError, match=r"d\.py does not say"):
        revisions._chain(tmp_path)


def test_checks_load_neither_alembic_nor_models(tmp_path: Path) -> None:
    url = f"sqlite:///{(tmp_path / 'a.db').as_posix()}"
    upgrade(url, zone="Europe/Copenhagen")
    code = (
        "import sys; from OpenOrchestrator.database.schema import revisions; "
        "from OpenOrchestrator.database.engine.database import Database; "
        f"d = Database({url!r}); revisions.check_robot(d); revisions.check_exact(d); print(d.zone); "
        "print(sorted({'alembic', 'sqlalchemy.orm', 'tzlocal', 'OpenOrchestrator.database.models'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["Europe/Copenhagen", "[]"]


def test_checking_makes_no_database(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{(tmp_path / 'a.db').as_posix()}")
    for check in (revisions.check_robot, revisions.check_exact, revisions.stored_revision):
        with pytest.raises(RuntimeError, match="There is no SQLite database"):
            check(database)
    assert not list(tmp_path.iterdir())


def test_password_is_not_in_the_command_to_run(tmp_path: Path) -> None:
    command = revisions.upgrade_command("postgresql://user:***@server/db")
    assert command == 'python -m OpenOrchestrator upgrade "postgresql://user:***@server/db"'
