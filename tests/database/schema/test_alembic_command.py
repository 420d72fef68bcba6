"""The command ``alembic`` from a checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from migrating import ROOT, on
from old_databases import V3_0

from OpenOrchestrator.database.schema import revisions


def test_alembic_command_as_people_know_it(tmp_path: Path) -> None:

    shutil.copy(ROOT / "alembic.ini", tmp_path)
    shutil.copytree(ROOT / "alembic", tmp_path / "alembic", ignore=shutil.ignore_patterns("__pycache__"))
    url = f"sqlite:///{(tmp_path / '50% off.db').as_posix()}"

    def alembic(*arguments: str, database: str | None = url) -> str:
        chosen = [] if database is None else ["-x", database]
        done = subprocess.run(
            [sys.executable, "-m", "alembic", *chosen, *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
        )
        if done.returncode:
            raise CommandError(done.stdout + done.stderr)
        return done.stdout

    with pytest.raises(CommandError, match='alembic -x "<connection string>"'):
        alembic("current", database=None)
    alembic("upgrade", "head")
    head = revisions.head_revision()
    assert f"{head} (head)" in alembic("current")
    history = alembic("history", database=None)
    assert all(revision in history for revision in revisions.known_revisions())
    assert "No new upgrade operations" in alembic("check")

    on(url, 'DROP INDEX "ix_Jobs_time"')
    with pytest.raises(CommandError, match="ix_Jobs_time"):
        alembic("check")
    alembic("revision", "--autogenerate", "-m", "Bring back an index")
    made = next((tmp_path / "alembic" / "versions").glob("*_bring_back_an_index.py")).read_text(encoding="utf-8")
    assert f"down_revision: str | None = '{head}'" in made
    assert "ix_Jobs_time" in made
    alembic("upgrade", "head")
    assert "No new upgrade operations" in alembic("check")
    alembic("downgrade", "-1")
    alembic("downgrade", V3_0)
    assert V3_0 in alembic("current")


def test_alembic_command_needs_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    config = Config(str(ROOT / "alembic.ini"), cmd_opts=Namespace(x=None))
    with pytest.raises(CommandError, match="Say which database"):
        command.current(config)
