"""Creating databases, and upgrading those of earlier versions with their data, on every kind of database."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from alembic import command
from databases import Server
from migrating import ZONE, assert_like_models, on, quoted, run_alembic
from old_databases import (
    EMOJI,
    GIT_BRANCH,
    ODD_TEXT,
    SCHEDULERS,
    V1_3,
    V2_0,
    V3_0,
    Rows,
    make_old,
    old_tables,
    read_old,
)

from OpenOrchestrator.common.errors import ConfigurationError, ConnectionFailedError, RevisionError
from OpenOrchestrator.database.annotations import AnnotatedKind
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Base
from OpenOrchestrator.database.schema import migrations, revisions
from OpenOrchestrator.database.schema.migrations import Situation, inspect_database, upgrade
from OpenOrchestrator.database.schema.upgrade_lock import exclusive
from OpenOrchestrator.database.statuses import Access, JobStatus, QueueStatus, TriggerStatus, UsedKind
from OpenOrchestrator.database.stores import notes, uses
from OpenOrchestrator.database.stores.notes import Annotated, Owner


@pytest.fixture
def special(database_server: Server) -> str:
    """Text of all scripts; earlier versions could not store that on SQL Server."""
    return "text" if database_server.kind == "mssql" else ODD_TEXT + EMOJI


def in_milliseconds(rows: Rows) -> Rows:
    """SQL Server's old dates count in steps of 3.33 ms, which become exact when they are widened."""
    for row in (row for rows_of_table in rows.values() for row in rows_of_table):
        for name, value in row.items():
            if isinstance(value, datetime):
                row[name] = value.replace(microsecond=round(value.microsecond / 1000) * 1000 % 1000000)
    return rows


def test_new_database_is_what_the_models_say(empty_database_url: str) -> None:
    assert inspect_database(empty_database_url).situation is Situation.EMPTY

    result = upgrade(empty_database_url, zone=ZONE)

    assert [change.revision for change in result.applied] == list(revisions.known_revisions())
    assert all(change.description for change in result.applied)
    assert_like_models(empty_database_url)
    database = Database(empty_database_url)
    assert str(database.zone) == ZONE
    revisions.check_exact(database)
    revisions.check_robot(database)
    database.close()
    again = upgrade(empty_database_url)
    assert (again.applied, again.changed_anything, again.zone_name) == ((), False, ZONE)


@pytest.mark.parametrize(
    ("revision", "stamped"),
    [
        pytest.param(V1_3, True, id="1.3"),
        pytest.param(SCHEDULERS, True, id="schedulers"),
        pytest.param(V2_0, True, id="2.0"),
        pytest.param(GIT_BRANCH, True, id="git branch"),
        pytest.param(V3_0, True, id="3.0"),
        pytest.param(V1_3, False, id="1.3 without revision"),
        pytest.param(V2_0, False, id="2.0 without revision"),
        pytest.param(V3_0, False, id="3.0 without revision"),
    ],
)
def test_upgrade_keeps_all_data(
    empty_database_url: str, database_server: Server, special: str, revision: str, stamped: bool
) -> None:
    # A stamped database of 3.0 was upgraded by it, which forgot to add KILLING and KILLED to the enum.
    tables = make_old(
        empty_database_url, revision, stamped=stamped, special=special, killing=False if stamped else None
    )
    before = read_old(empty_database_url, tables)
    assert all(before.values())
    state = inspect_database(empty_database_url)
    assert (state.situation, state.revision, state.stamped) == (Situation.OLDER, revision, stamped)

    result = upgrade(empty_database_url, zone=ZONE)

    known = revisions.known_revisions()
    assert tuple(change.revision for change in result.applied) == known[known.index(revision) + 1 :]
    after = read_old(empty_database_url, tables)
    if database_server.kind == "mssql":
        before, after = in_milliseconds(before), in_milliseconds(after)
    assert after == before
    assert_like_models(empty_database_url)
    triggers = quoted(empty_database_url, "Triggers")
    whitelists = {row[0] for row in on(empty_database_url, f"SELECT scheduler_whitelist FROM {triggers}")}
    if revision in (V1_3, SCHEDULERS):  # clients of version 2 do not expect NULL
        assert whitelists == {"[]"}
    for table in ("Single_Triggers", "Scheduled_Triggers"):
        assert {
            row[0] for row in on(empty_database_url, f"SELECT due_at FROM {quoted(empty_database_url, table)}")
        } == {None}


def test_old_clients_can_write_after_the_upgrade(empty_database_url: str) -> None:
    make_old(empty_database_url, V2_0, stamped=False, special="x")
    upgrade(empty_database_url, zone=ZONE)
    engine = sa.create_engine(empty_database_url, poolclass=sa.NullPool)
    for revision in (V1_3, V2_0, V3_0):
        tables = old_tables(revision, killing=True).tables
        identity = uuid.uuid4()
        with engine.begin() as connection:
            row = {
                "id": identity,
                "trigger_name": f"by {revision}",
                "process_name": "p",
                "process_path": "p.py",
                "process_status": "KILLING",
                "is_git_repo": False,
                "is_blocking": False,
                "type": "QUEUE",
            }
            if revision != V1_3:
                row |= {"priority": 1, "scheduler_whitelist": "[]"}
            connection.execute(sa.insert(tables["Triggers"]), row)
            connection.execute(
                sa.insert(tables["Queue_Triggers"]), {"id": identity, "queue_name": "q", "min_batch_size": 1}
            )
        with engine.connect() as connection:
            table = tables["Triggers"]
            found = connection.execute(sa.select(table).where(table.c.id == identity)).one()
            assert found.process_status == "KILLING"
    engine.dispose()


def test_every_state_can_be_stored(empty_database_url: str) -> None:
    make_old(empty_database_url, V3_0, stamped=True, special="x", killing=False)
    upgrade(empty_database_url, zone=ZONE)
    tables = Base.metadata.tables
    engine = sa.create_engine(empty_database_url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        for table, column, states in (("Jobs", "status", JobStatus), ("Triggers", "process_status", TriggerStatus)):
            changed = tables[table]
            row = connection.execute(sa.select(changed.c.id)).scalars().first()
            for state in states:
                connection.execute(sa.update(changed).where(changed.c.id == row).values({column: state}))
                assert connection.scalar(sa.select(changed.c[column]).where(changed.c.id == row)) is state
    engine.dispose()


def test_own_tables_without_revision_are_only_stamped(empty_database_url: str) -> None:
    engine = sa.create_engine(empty_database_url, poolclass=sa.NullPool)
    Base.metadata.create_all(engine)
    engine.dispose()
    database = Database(empty_database_url)
    revisions.check_robot(database)
    with pytest.raises(RevisionError, match="upgrade"):
        revisions.check_exact(database)
    database.close()

    result = upgrade(empty_database_url, zone=ZONE)

    assert (result.applied, result.before.stamped, result.changed_anything) == ((), False, True)
    assert_like_models(empty_database_url)


def test_tables_left_half_made_are_completed(empty_database_url: str) -> None:
    tables = old_tables(V1_3)
    engine = sa.create_engine(empty_database_url, poolclass=sa.NullPool)
    tables.create_all(engine, [tables.tables["Constants"], tables.tables["Logs"]])
    engine.dispose()
    on(empty_database_url, "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")

    upgrade(empty_database_url, zone=ZONE)

    assert_like_models(empty_database_url)


@pytest.mark.parametrize("revision", ["ffffffffffff"])
def test_newer_database_is_refused(empty_database_url: str, revision: str) -> None:
    upgrade(empty_database_url, zone=ZONE)
    on(empty_database_url, f"UPDATE alembic_version SET version_num = '{revision}'")

    with pytest.raises(RevisionError, match=f"{revision}.*newer version.*pip install"):
        upgrade(empty_database_url, zone="Europe/Berlin")

    state = inspect_database(empty_database_url)
    assert (state.situation, state.revision, state.zone_name) == (Situation.NEWER, revision, ZONE)
    database = Database(empty_database_url)
    revisions.check_robot(database)
    with pytest.raises(RevisionError, match="newer version"):
        revisions.check_exact(database)
    database.close()


def test_database_of_another_program_is_refused(empty_database_url: str) -> None:
    logs = quoted(empty_database_url, "Logs")
    on(empty_database_url, f"CREATE TABLE {logs} (number INTEGER, line VARCHAR(100))")
    with pytest.raises(RevisionError, match="Logs lacks id, log_level"):
        upgrade(empty_database_url, zone=ZONE)
    on(empty_database_url, f"DROP TABLE {logs}")
    on(empty_database_url, "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    on(empty_database_url, "INSERT INTO alembic_version VALUES ('abcdef')")
    with pytest.raises(RevisionError, match="Another program keeps its revision abcdef"):
        upgrade(empty_database_url, zone=ZONE)
    on(empty_database_url, f"UPDATE alembic_version SET version_num = '{V3_0}'")
    with pytest.raises(RevisionError, match="tables are gone"):
        upgrade(empty_database_url, zone=ZONE)


def test_tables_of_other_programs_stay(empty_database_url: str) -> None:
    on(empty_database_url, "CREATE TABLE other (number INTEGER)")
    on(empty_database_url, "INSERT INTO other VALUES (42)")
    with pytest.raises(RevisionError, match="not empty"):
        upgrade(empty_database_url, zone=ZONE, new=True)
    assert inspect_database(empty_database_url).other_tables == ("other",)

    upgrade(empty_database_url, zone=ZONE)

    assert on(empty_database_url, "SELECT number FROM other") == [(42,)]


def test_new_refuses_what_is_there(empty_database_url: str) -> None:
    upgrade(empty_database_url, zone=ZONE, new=True)
    with pytest.raises(RevisionError, match="leave out --new"):
        upgrade(empty_database_url, zone=ZONE, new=True)


def test_going_back_and_up_again(empty_database_url: str, special: str) -> None:
    tables = make_old(empty_database_url, V3_0, stamped=True, special=special)
    before = read_old(empty_database_url, tables)
    upgrade(empty_database_url, zone=ZONE)
    widened = read_old(empty_database_url, tables)
    jobs = quoted(empty_database_url, "Jobs")
    process = before["Jobs"][0]["process_name"]
    on(empty_database_url, f"UPDATE {jobs} SET status = 'TIMED_OUT', reason = 'slow' WHERE process_name = '{process}'")

    run_alembic(empty_database_url, command.downgrade, V3_0)

    state = inspect_database(empty_database_url)
    assert (state.situation, state.revision) == (Situation.OLDER, V3_0)
    for job in widened["Jobs"]:
        if job["process_name"] == process:
            job["status"] = "FAILED"
    assert read_old(empty_database_url, tables) == widened
    columns, indexes = _shape(empty_database_url)
    assert columns == {table.name: {column.name for column in table.columns} for table in tables.sorted_tables}
    assert indexes == {("Queues", "ix_Queues_queue_name"), ("Queues", "ix_Queues_created_date")}
    with pytest.raises(RevisionError, match=f"{V3_0} belongs to an earlier version.*backup"):
        run_alembic(empty_database_url, command.downgrade, GIT_BRANCH)

    upgrade(empty_database_url, zone=ZONE)

    assert read_old(empty_database_url, tables) == widened
    assert_like_models(empty_database_url)


def test_active_jobs_of_the_revision_before_know_what_started_them(empty_database_url: str) -> None:
    upgrade(empty_database_url, zone=ZONE)
    run_alembic(empty_database_url, command.downgrade, "e80b2d6f4c19")
    jobs = Base.metadata.tables["Jobs"]
    start = datetime(2026, 1, 1)
    before = [
        ("asked", "RUNNING", None, "Started on request."),
        ("by hand", "STARTING", None, "Started by hand."),
        ("due", "RUNNING", None, None),
        ("ended", "FAILED", start, "Started on request."),
    ]
    engine = sa.create_engine(empty_database_url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        for name, status, end, reason in before:
            row = {"id": uuid.uuid4(), "process_name": name, "scheduler_name": "s", "status": status}
            row |= {"start_time": start, "end_time": end, "reason": reason}
            connection.execute(sa.insert(jobs), row)

    upgrade(empty_database_url)

    with engine.connect() as connection:
        found = {row.process_name: (row.started_by, row.reason) for row in connection.execute(sa.select(jobs))}
    engine.dispose()
    assert found == {
        "asked": ("REQUEST", "Started on request."),
        "by hand": ("BY_HAND", "Started by hand."),
        "due": (None, None),
        "ended": (None, "Started on request."),
    }
    assert_like_models(empty_database_url)


def test_elements_that_two_claims_left_with_one_token_lose_it(empty_database_url: str) -> None:
    upgrade(empty_database_url, zone=ZONE)
    run_alembic(empty_database_url, command.downgrade, "f3b86a1d7c25")
    queues = Base.metadata.tables["Queues"]
    twice, once = uuid.uuid4(), uuid.uuid4()
    engine = sa.create_engine(empty_database_url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        for reference, token in [("a", twice), ("b", twice), ("c", once), ("d", None), ("e", None)]:
            row = {"id": uuid.uuid4(), "queue_name": "q", "status": "IN_PROGRESS", "reference": reference}
            row |= {"created_date": datetime(2026, 1, 1), "claim_token": token}
            connection.execute(sa.insert(queues), row)

    upgrade(empty_database_url)

    with engine.connect() as connection:
        found = connection.execute(sa.select(queues.c.reference, queues.c.status, queues.c.claim_token))
        tokens = {row.reference: (row.status, row.claim_token) for row in found}
    engine.dispose()
    held = QueueStatus.IN_PROGRESS
    assert tokens == {"a": (held, None), "b": (held, None), "c": (held, once), "d": (held, None), "e": (held, None)}
    assert_like_models(empty_database_url)


def _shape(url: str) -> tuple[dict[str, set[str]], set[tuple[str, str]]]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    inspector = sa.inspect(engine)
    tables = [name for name in inspector.get_table_names() if name != "alembic_version"]
    columns = {name: {str(column["name"]) for column in inspector.get_columns(name)} for name in tables}
    indexes = {(name, str(index["name"])) for name in tables for index in inspector.get_indexes(name)}
    engine.dispose()
    return columns, indexes


@pytest.mark.kinds("mariadb")
def test_tables_that_could_not_hold_all_characters_can(empty_database_url: str) -> None:
    name = sa.make_url(empty_database_url).database
    on(empty_database_url, f"ALTER DATABASE `{name}` CHARACTER SET latin1 COLLATE latin1_danish_ci")
    tables = make_old(empty_database_url, V3_0, stamped=True, special=ODD_TEXT)
    before = read_old(empty_database_url, tables)

    upgrade(empty_database_url, zone=ZONE)

    assert read_old(empty_database_url, tables) == before
    assert_like_models(empty_database_url)
    collations = on(
        empty_database_url,
        "SELECT DISTINCT CHARACTER_SET_NAME, COLLATION_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = "
        "DATABASE() AND CHARACTER_SET_NAME IS NOT NULL AND TABLE_NAME <> 'alembic_version'",
    )
    assert collations == [("utf8mb4", "utf8mb4_danish_ci")]
    references = "SELECT COUNT(*) FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = DATABASE()"
    assert on(empty_database_url, references) == [(3,)]
    on(empty_database_url, f"UPDATE Logs SET log_message = '{EMOJI}'")
    assert set(on(empty_database_url, "SELECT log_message FROM Logs")) == {(EMOJI,)}


@pytest.mark.kinds("mariadb")
def test_ids_of_mariadbs_own_type_stay_so(empty_database_url: str) -> None:
    # Robots on SQLAlchemy 2.1 made them, and find rows by no other.
    tables = make_old(empty_database_url, V3_0, stamped=False, native_uuid=True)
    before = read_old(empty_database_url, tables)
    upgrade(empty_database_url, zone=ZONE)
    assert read_old(empty_database_url, tables) == before
    assert_like_models(empty_database_url)
    assert len(read_old(empty_database_url, old_tables(V3_0))["Triggers"]) == len(before["Triggers"])


@pytest.mark.kinds("mariadb")
def test_dates_keep_fractions_of_seconds(empty_database_url: str) -> None:
    make_old(empty_database_url, V3_0, stamped=True)
    upgrade(empty_database_url, zone=ZONE)
    precisions = on(
        empty_database_url,
        "SELECT DISTINCT DATETIME_PRECISION FROM information_schema.COLUMNS "
        "WHERE TABLE_SCHEMA = DATABASE() AND DATA_TYPE = 'datetime'",
    )
    assert precisions == [(6,)]


@pytest.mark.kinds("sqlite")
def test_rows_that_were_orphans_before_do_not_stop_an_upgrade(empty_database_url: str) -> None:
    make_old(empty_database_url, V2_0, stamped=True)
    on(empty_database_url, "DELETE FROM \"Triggers\" WHERE type = 'QUEUE'")  # 3.0 never enforced references there
    upgrade(empty_database_url, zone=ZONE)
    assert len(on(empty_database_url, 'SELECT id FROM "Queue_Triggers"')) == 2
    assert_like_models(empty_database_url)


@pytest.mark.kinds("sqlite")
def test_work_that_breaks_references_is_rolled_back(empty_database_url: str) -> None:
    make_old(empty_database_url, V3_0, stamped=True)
    database = Database(empty_database_url)
    with pytest.raises(RuntimeError, match="Single_Triggers -> Triggers"), exclusive(database) as connection:
        connection.exec_driver_sql('DELETE FROM "Triggers"')
    database.close()
    assert len(on(empty_database_url, 'SELECT id FROM "Triggers"')) == 6


def test_time_zone_is_kept_unless_given(empty_database_url: str) -> None:
    upgrade(empty_database_url, zone=ZONE)
    assert upgrade(empty_database_url).zone_name == ZONE
    result = upgrade(empty_database_url, zone=" America/Nuuk ")
    assert (result.zone_name, result.zone_changed, result.applied) == ("America/Nuuk", True, ())
    database = Database(empty_database_url)
    assert str(database.zone) == "America/Nuuk"
    with database.connection(writing=True) as connection:
        migrations.set_time_zone(connection, ZONE)
        with pytest.raises(ConfigurationError, match="Mars/Crater"):
            migrations.set_time_zone(connection, "Mars/Crater")
    database.forget_zone()
    assert str(database.zone) == ZONE
    database.close()
    with pytest.raises(ConfigurationError, match="Mars/Crater"):
        upgrade(empty_database_url, zone="Mars/Crater")
    assert inspect_database(empty_database_url).zone_name == ZONE


@pytest.mark.kinds("sqlite")
def test_machine_without_a_named_zone_is_asked_for_one(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tzlocal.get_localzone", lambda: SimpleNamespace(key=None))  # a file without a name
    monkeypatch.setattr("tzlocal.get_localzone_name", lambda: None)
    with pytest.raises(ConfigurationError, match="--timezone Europe/Copenhagen"):
        upgrade(empty_database_url)
    assert inspect_database(empty_database_url).situation is Situation.EMPTY
    monkeypatch.setattr("tzlocal.get_localzone_name", lambda: "Asia/Tokyo")
    assert upgrade(empty_database_url).zone_name == "Asia/Tokyo"


def test_inspecting_makes_no_file(tmp_path: Path) -> None:
    assert inspect_database(f"sqlite:///{tmp_path / 'new.db'}").situation is Situation.EMPTY
    assert not list(tmp_path.iterdir())
    with pytest.raises(ConnectionFailedError, match="folder"):
        inspect_database(f"sqlite:///{tmp_path / 'missing' / 'new.db'}")


@pytest.mark.kinds("postgresql", "mariadb")
@pytest.mark.parametrize("revision", [None, V2_0, V3_0], ids=["new", "2.0", "3.0"])
def test_script_does_what_the_upgrade_does(empty_database_url: str, revision: str | None) -> None:
    if revision is not None:
        tables = make_old(empty_database_url, revision, stamped=revision == V3_0)
        before = read_old(empty_database_url, tables)

    script = migrations.upgrade_sql(empty_database_url, zone=ZONE)

    engine = sa.create_engine(empty_database_url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in script.split(";\n"):
            lines = [line for line in statement.splitlines() if line.strip() and not line.startswith("--")]
            if lines:
                connection.exec_driver_sql("\n".join(lines).replace("%", "%%"), ())
    engine.dispose()
    assert_like_models(empty_database_url)
    assert upgrade(empty_database_url).changed_anything is False
    assert inspect_database(empty_database_url).zone_name == ZONE
    if revision is not None:
        assert read_old(empty_database_url, tables) == before


def test_what_a_database_of_3_0_holds_can_be_annotated_after_the_upgrade(
    empty_database_url: str, special: str, database_server: Server
) -> None:
    tables = make_old(empty_database_url, V3_0, stamped=True, special=special)
    old = read_old(empty_database_url, tables)
    upgrade(empty_database_url, zone=ZONE)
    subjects = [(AnnotatedKind.TRIGGER, str(row["id"])) for row in old["Triggers"]]
    subjects += [(AnnotatedKind.CONSTANT, row["name"]) for row in old["Constants"]]
    subjects += [(AnnotatedKind.CREDENTIAL, row["name"]) for row in old["Credentials"]]
    subjects += [(AnnotatedKind.QUEUE, row["queue_name"]) for row in old["Queues"]]
    database = Database(empty_database_url)
    now = database.clock.utc_now().replace(microsecond=0)
    for kind, subject in dict.fromkeys(subjects):
        values = Annotated(f"about {subject}", Owner(special[:50]), ("gammel", "æøå"))
        saved = database.write(
            lambda session, kind=kind, subject=subject, values=values: notes.save(
                session, kind, subject, values, seen=notes.StoredAnnotation(), now=now
            )
        )
        assert saved
        found = database.read(lambda session, kind=kind, subject=subject: notes.read(session, kind, subject))
        assert (found.values, found.changed_at) == (values, now)
    database.close()
    after = read_old(empty_database_url, tables)
    assert after == (in_milliseconds(old) if database_server.kind == "mssql" else old), "older programs see no change"


def test_what_a_database_of_3_0_holds_can_be_noted_as_used_after_the_upgrade(
    empty_database_url: str, special: str
) -> None:
    tables = make_old(empty_database_url, V3_0, stamped=True, special=special)
    old = read_old(empty_database_url, tables)
    upgrade(empty_database_url, zone=ZONE)
    names = [(UsedKind.CONSTANT, row["name"]) for row in old["Constants"]]
    names += [(UsedKind.CREDENTIAL, row["name"]) for row in old["Credentials"]]
    names += [(UsedKind.QUEUE, row["queue_name"]) for row in old["Queues"]]
    today = date(2026, 11, 23)
    used = {uses.Use(kind, name, special[:100], Access.READ): today for kind, name in names}
    assert len(used) > 3
    database = Database(empty_database_url)
    database.verify()
    assert database.change_aside(lambda connection: uses.find_missing(connection, used), uses.note)
    for use in used:
        (found,) = database.read(lambda session, use=use: uses.of(session, use.kind, use.name))
        assert found == uses.LastUse(use.process, Access.READ, today)
    database.close()
    assert read_old(empty_database_url, tables) == old, "older programs see no change"
