"""What state a database is in, as people are told: for Settings and the first run. Changes nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from OpenOrchestrator.common.errors import RevisionError
from OpenOrchestrator.common.redaction import mask_connection_string
from OpenOrchestrator.database.engine.dialects import KINDS
from OpenOrchestrator.database.models import Base
from OpenOrchestrator.database.schema.inspection import Situation
from OpenOrchestrator.database.schema.revisions import head_revision
from OpenOrchestrator.orchestrator.backend.base import off_loop
from OpenOrchestrator.orchestrator.setup.backend.connection_strings import without_secrets

__all__ = ["DatabaseReport", "Situation", "inspect", "inspect_now"]


@dataclass(frozen=True, slots=True)
class DatabaseReport:
    """What a database holds, as people are told.

    Attributes:
        masked: The connection string without its password.
        kind: ``PostgreSQL``.
        situation: Whether and how it can be brought up to date.
        revision: Its revision; None before the first.
        wanted: The revision that this program works with.
        zone_name: The stored time zone; None where none is stored.
        changes: What an upgrade does, in order.
        tables: How many tables it makes in an empty database.
        other_tables: How many tables of other programs there are.
        problem: For databases that are refused: why, and what to do.
        seconds: How long it took to find out.
    """

    masked: str
    kind: str
    situation: Situation
    revision: str | None
    wanted: str
    zone_name: str | None
    changes: tuple[str, ...]
    tables: int
    other_tables: int
    problem: str
    seconds: float


async def inspect(connection_string: str) -> DatabaseReport:
    """Look into a database; changes nothing and makes no file.

    Raises:
        OpenOrchestratorError: If it cannot be reached or read; says why without secrets.
    """
    return await off_loop(lambda: without_secrets(connection_string, lambda: inspect_now(connection_string)))


def inspect_now(connection_string: str) -> DatabaseReport:
    """As ``inspect``, in this thread, and with errors as they come: they may hold secrets."""
    from OpenOrchestrator.database.schema import migrations  # noqa: PLC0415  (loads Alembic)

    begun = time.perf_counter()
    state = migrations.inspect_database(connection_string)
    seconds = time.perf_counter() - begun
    problem = ""
    try:
        migrations.require_upgradable(state, connection_string)
    except RevisionError as error:
        problem = str(error)
    upgradable = state.situation in (Situation.EMPTY, Situation.OLDER, Situation.CURRENT)
    pending = migrations.pending_changes(state) if upgradable else ()
    scheme = urlsplit(connection_string).scheme.partition("+")[0]
    return DatabaseReport(
        masked=mask_connection_string(connection_string),
        kind=KINDS.get(scheme, scheme or "Database"),
        situation=state.situation,
        revision=state.revision,
        wanted=head_revision(),
        zone_name=state.zone_name,
        changes=tuple(change.description for change in pending),
        tables=len(Base.metadata.tables),
        other_tables=len(state.other_tables),
        problem=problem,
        seconds=seconds,
    )
