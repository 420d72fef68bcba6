"""The tables of SQL Server, as its dialect writes them: every text holds every character, every date microseconds.

Alembic cannot tell VARCHAR from NVARCHAR, so this is asserted here on what is sent to the server.
"""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa
from old_databases import REVISIONS, V1_3, V3_0, old_tables
from sqlalchemy.dialects import mssql
from sqlalchemy.schema import CreateIndex, CreateTable

from OpenOrchestrator.database.models import Base
from OpenOrchestrator.database.schema.migrations import upgrade_sql

URL = "mssql+pyodbc://user:very-secret@server/db?driver=ODBC+Driver+18+for+SQL+Server"
ZONE = "Europe/Copenhagen"

Columns = dict[tuple[str, str], str]

# Texts that only we write, in ASCII.
ASCII_TEXTS = {
    ("Annotations", "kind"),
    ("Annotations", "subject_hash"),
    ("Attachments", "owner_kind"),
    ("Attachments", "sha256"),
    ("Calendars", "country"),
    ("Calendars", "working_days"),
    ("Constant_Overrides", "name_hash"),
    ("Constant_Overrides", "scheduler_hash"),
    ("Jobs", "commit_sha"),
    ("Jobs", "environment"),
    ("Jobs", "secret_passing"),
    ("Jobs", "started_by"),
    ("Jobs", "status"),
    ("Jobs", "trigger_before"),
    ("Job_Output", "stream"),
    ("Logs", "log_level"),
    ("Queue_Attempts", "ended_as"),
    ("Queue_Guards", "name_hash"),
    ("Queue_References", "queue_hash"),
    ("Queue_References", "reference_hash"),
    ("Queue_References", "status"),
    ("Queue_Settings", "name_hash"),
    ("Queue_Settings", "unique_references"),
    ("Queue_Settings", "when_robot_died"),
    ("Queues", "status"),
    ("Scheduled_Triggers", "closed_days"),
    ("Scheduled_Triggers", "missed"),
    ("Triggers", "status_after"),
    ("Schedulers", "process_identity"),
    ("Schedulers", "version"),
    ("Triggers", "environment"),
    ("Triggers", "desktop"),
    ("Triggers", "process_status"),
    ("Triggers", "retry_after"),
    ("Triggers", "secret_passing"),
    ("Triggers", "when_lost"),
    ("Triggers", "type"),
    ("Uses", "access"),
    ("Uses", "kind"),
    ("Uses", "use_hash"),
}


def compiled(metadata: sa.MetaData) -> str:
    dialect = mssql.dialect(deprecate_large_types=True)
    return "\n".join(str(CreateTable(table).compile(dialect=dialect)) + ";\nGO\n" for table in metadata.sorted_tables)


def columns_after(script: str, columns: Columns | None = None) -> Columns:
    """Follow a script, and return the type and nullability of every column in the end."""
    result = dict(columns or {})
    for batch in re.split(r"^GO$", script, flags=re.MULTILINE):
        table = re.search(r"(?:CREATE|ALTER) TABLE \[?(\w+)\]?", batch)
        if table is None:
            continue
        if created := re.search(r"CREATE TABLE \[?\w+\]? \((.*)\)\s*;", batch, re.DOTALL):
            for line in created.group(1).splitlines():
                found = re.match(r"\s*\[?(\w+)\]? ([A-Z].*?),?\s*$", line)
                if found and found.group(1) not in ("CONSTRAINT", "PRIMARY", "FOREIGN"):
                    result[table.group(1), found.group(1)] = found.group(2)
        elif changed := re.search(r"ALTER COLUMN \[?(\w+)\]? (.*?);", batch):
            assert (table.group(1), changed.group(1)) in result
            result[table.group(1), changed.group(1)] = changed.group(2)
        elif added := re.search(r"TABLE \[\w+\] ADD (?!CONSTRAINT|DEFAULT)\[?(\w+)\]? (.*?);", batch):
            assert (table.group(1), added.group(1)) not in result
            result[table.group(1), added.group(1)] = added.group(2)
        elif default := re.search(r"ADD DEFAULT '(\w+)' FOR (\w+)", batch):
            result[table.group(1), default.group(2)] += f" DEFAULT '{default.group(1)}'"
    return result


def normal(columns: Columns) -> dict[tuple[str, str], tuple[str, bool, str | None]]:
    result = {}
    for name, definition in columns.items():
        default = re.search(r"DEFAULT '(\w+)'", definition)
        kind = re.match(r"[A-Z][A-Z ]*?[A-Z0-9]*(?:\(\w+\))?(?= |$)", definition)
        assert kind is not None, definition
        result[name] = (kind.group(0), "NOT NULL" in definition, default.group(1) if default else None)
    return result


def head_script(revision: str) -> str:
    return upgrade_sql(URL, from_revision=revision, zone=ZONE)


@pytest.mark.parametrize("revision", ["base", *REVISIONS])
def test_every_road_leads_to_the_models(revision: str) -> None:
    start = {} if revision == "base" else columns_after(compiled(old_tables(revision)))
    reached = columns_after(head_script(revision), start)
    wanted = columns_after(compiled(Base.metadata))
    reached = {name: definition for name, definition in reached.items() if name[0] != "alembic_version"}
    assert {name for name, _column in wanted} == set(Base.metadata.tables)
    assert normal(reached) == normal(wanted)


@pytest.mark.parametrize("revision", ["base", V1_3, V3_0])
def test_texts_and_dates_are_wide(revision: str) -> None:
    start = {} if revision == "base" else columns_after(compiled(old_tables(revision)))
    reached = normal(columns_after(head_script(revision), start))
    reached.pop(("alembic_version", "version_num"), None)
    narrow = {name for name, (kind, *_) in reached.items() if kind.startswith("VARCHAR")}
    assert narrow == ASCII_TEXTS
    assert reached.pop(("Uses", "last_day")) == ("DATE", True, None)  # a day has no fractions
    dates = {kind for kind, *_ in reached.values() if kind.startswith("DATE")}
    assert dates == {"DATETIME2(6)"}
    assert reached["Logs", "log_message"] == ("NVARCHAR(max)", True, None)
    assert reached["Jobs", "status"] == ("VARCHAR(9)", True, None)


def test_what_depends_on_a_column_is_dropped_before_and_made_again() -> None:
    script = head_script(V3_0)

    def position(text: str) -> int:
        assert script.count(text) == 1, text
        return script.index(text)

    widened = position("[Queues] ALTER COLUMN created_date DATETIME2(6) NOT NULL")
    assert script.index("DROP INDEX [ix_Queues_created_date]") < widened
    assert widened < position("CREATE INDEX [ix_Queues_created_date]")
    for table, key in (("Constants", "name"), ("Credentials", "name"), ("Schedulers", "machine_name")):
        changed = position(f"ALTER TABLE [{table}] ALTER COLUMN {key} NVARCHAR(100) NOT NULL")
        assert position(f"EXEC(N'ALTER TABLE [{table}] DROP CONSTRAINT ' + @key)") < changed
        assert changed < position(f"ALTER TABLE [{table}] ADD CONSTRAINT [pk_{table}] PRIMARY KEY ({key})")
    assert position("c.name IN (N'priority'); EXEC sp_executesql @drops") < position("ADD DEFAULT '0' FOR priority")
    assert "ALTER COLUMN priority" not in script


def test_new_tables_are_not_changed_again() -> None:
    assert "ALTER COLUMN" not in head_script("base").partition("6b81e0d4a2f7")[0]


def test_script_has_the_indexes_of_the_models() -> None:
    script = head_script("base")
    for table in Base.metadata.sorted_tables:
        for index in table.indexes:
            assert str(CreateIndex(index).compile(dialect=mssql.dialect())) in script


def test_script_stops_at_an_error_stores_the_zone_and_shows_no_password() -> None:
    script = head_script(V3_0)
    assert "very-secret" not in script
    assert script.index("SET XACT_ABORT ON;\nGO") < script.index("BEGIN TRANSACTION;")
    assert f"VALUES (N'timezone', N'{ZONE}');\nGO\n" in script
    assert script.rindex("COMMIT;") > script.index("CREATE INDEX [ix_Jobs_scheduler]")


@pytest.mark.parametrize("url", ["postgresql+psycopg://h/db", "mysql+pymysql://h/db", "mariadb+pymysql://h/db"])
def test_scripts_of_the_other_servers_need_no_connection(url: str) -> None:
    script = upgrade_sql(url, from_revision=V3_0, zone=ZONE)
    quote = '"' if url.startswith("postgresql") else "`"
    assert f"CREATE TABLE {quote}Job_Output{quote}" in script
    assert f"CREATE INDEX {quote}ix_Queues_next{quote} ON {quote}Queues{quote}" in script
    if url.startswith("postgresql"):
        for member in ("KILLING", "KILLED"):
            assert f"ALTER TYPE triggerstatus ADD VALUE IF NOT EXISTS '{member}';" in script
        for member in ("STARTING", "TIMED_OUT", "LOST"):
            assert f"ALTER TYPE jobstatus ADD VALUE IF NOT EXISTS '{member}';" in script
    else:
        assert "ALTER TABLE `Single_Triggers` MODIFY `next_run` DATETIME(6) NOT NULL;" in script
        assert "MODIFY `end_date` DATETIME(6) NULL" in script
        assert "CONVERT TO CHARACTER SET utf8mb4 COLLATE" in script
        assert "'PAUSING','KILLING','KILLED'" in script
        assert "LIKE 'utf8mb4%'," in script
