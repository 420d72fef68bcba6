"""What robots, schedulers and apps say to a database of another revision."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from migrating import ZONE, on
from old_databases import V3_0, make_old

from OpenOrchestrator.common.errors import RevisionError
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.schema import revisions
from OpenOrchestrator.database.schema.migrations import upgrade


def test_ordinary_checks_take_one_statement(empty_database_url: str) -> None:
    upgrade(empty_database_url, zone=ZONE)
    database = Database(empty_database_url)
    database.verify()
    seen: list[str] = []
    sa.event.listen(database.engine, "before_cursor_execute", lambda _c, _u, statement, *_: seen.append(statement))
    revisions.check_exact(database)
    revisions.check_robot(database)
    assert str(database.zone) == ZONE
    database.close()
    assert len([statement for statement in seen if not statement.startswith("BEGIN")]) == 2


def test_robots_and_programs_refuse_what_is_older(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    masked = database.masked_connection_string
    for check in (revisions.check_robot, revisions.check_exact):
        with pytest.raises(RevisionError) as caught:
            check(database)
        assert f'python -m OpenOrchestrator upgrade "{masked}"' in str(caught.value)
    make_old(empty_database_url, V3_0, stamped=False)
    for check in (revisions.check_robot, revisions.check_exact):
        with pytest.raises(RevisionError, match="upgrade"):
            check(database)
    on(empty_database_url, "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    on(empty_database_url, f"INSERT INTO alembic_version VALUES ('{V3_0}')")
    for check in (revisions.check_robot, revisions.check_exact):
        with pytest.raises(RevisionError, match=V3_0):
            check(database)
    on(empty_database_url, "INSERT INTO alembic_version VALUES ('1234567890ab')")
    with pytest.raises(RevisionError, match="several revisions"):
        revisions.check_robot(database)
    database.close()
