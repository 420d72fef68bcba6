"""What a robot loads before it is ready, and at its first calls."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from OpenOrchestrator.database.models import Base

CHECKOUT = Path(__file__).resolve().parents[2]

NEVER = [
    "nicegui",
    "alembic",
    "croniter",
    "git",
    "typer",
    "rich",
    "pydantic",
    "pydantic_settings",
    "psutil",
    "yaml",
    "fastapi",
    "starlette",
    "uvicorn",
    "OpenOrchestrator.scheduler",
    "OpenOrchestrator.cli",
    "OpenOrchestrator.orchestrator",
    "OpenOrchestrator.site",
    "OpenOrchestrator.database.schema.migrations",
    "OpenOrchestrator.database.db_util",
    "OpenOrchestrator.common.cron",
    "OpenOrchestrator.orchestrator_connection.log_batch",
    "OpenOrchestrator.orchestrator_connection.log_handler",
]
NOT_BEFORE_READY = [
    "sqlalchemy.orm",
    "cryptography",
    "sqlalchemy.dialects.mssql",
    "sqlalchemy.dialects.mysql",
    "sqlalchemy.dialects.postgresql",
]
NOT_WITHOUT_A_CREDENTIAL = [
    "cryptography",
    "OpenOrchestrator.database.triggers",
    "OpenOrchestrator.database.jobs",
    "sqlalchemy.dialects.mssql",
]


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = f"sqlite+pysqlite:///{(tmp_path / 'robot.db').as_posix()}"
    engine = sa.create_engine(url)
    Base.metadata.create_all(engine)
    engine.dispose()
    return url


def loaded(code: str, *arguments: str) -> set[str]:
    program = f"import sys\n{code}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


IMPORT = "from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection, QueueStatus"
CONNECT = f"{IMPORT}\nconnection = OrchestratorConnection('p', sys.argv[1], '', '')"
WORK = f"""{CONNECT}
connection.log_info("text")
connection.create_queue_element("q")
element = connection.get_next_queue_element("q")
connection.set_queue_element_status(element.id, QueueStatus.DONE)
"""


def test_importing_loads_no_database_library() -> None:
    modules = loaded(IMPORT)
    assert not modules & {"sqlalchemy", *NEVER, *NOT_BEFORE_READY}


def test_a_robot_that_is_ready_has_loaded_no_more_than_it_needs(url: str) -> None:
    modules = loaded(CONNECT, url)
    assert "sqlalchemy" in modules
    assert not modules & {*NEVER, *NOT_BEFORE_READY}


def test_a_working_robot_loads_nothing_of_the_scheduler_or_the_app(url: str) -> None:
    modules = loaded(WORK, url)
    assert "sqlalchemy.orm" in modules
    assert not modules & {*NEVER, *NOT_WITHOUT_A_CREDENTIAL}


def test_the_garbage_collector_is_as_before(url: str) -> None:
    loaded(f"import gc\n{CONNECT}\nassert gc.isenabled()", url)
    loaded(f"import gc\ngc.disable()\n{CONNECT}\nassert not gc.isenabled()", url)
