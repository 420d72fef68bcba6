"""Bringing a database up to date. It runs in a thread and reports into a progress that pages read.

It is the one change that does not go through the write of a Backend: there are no tables yet, or older ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from OpenOrchestrator.orchestrator.backend.base import off_loop
from OpenOrchestrator.orchestrator.setup.backend.connection_strings import without_secrets
from OpenOrchestrator.orchestrator.setup.backend.inspection import inspect_now

if TYPE_CHECKING:
    from OpenOrchestrator.database.schema.migrations import Progress as MigrationProgress


@dataclass(slots=True)
class UpgradeProgress:
    """How far an upgrade is. A thread writes it, pages read it.

    Attributes:
        total: Changes to make.
        done: Changes made.
        doing: The change that is being made; empty while it waits for another upgrade.
        waiting: Whether another upgrade of the same database runs.
    """

    total: int = 0
    done: int = 0
    doing: str = ""
    waiting: bool = False


async def upgrade(connection_string: str, progress: UpgradeProgress, *, zone: str | None) -> None:
    """Create a database, or bring one up to date with all its data.

    Args:
        connection_string: The database.
        progress: Told how far it is.
        zone: IANA name of the site's time zone; None keeps the stored one, or takes this machine's.

    Raises:
        OpenOrchestratorError: If it was refused or failed; says why without secrets.
    """
    from OpenOrchestrator.database.schema import migrations  # noqa: PLC0415  (loads Alembic)

    def report(step: MigrationProgress) -> None:
        progress.waiting = step.phase is migrations.Phase.WAITING
        if step.change is not None:
            progress.doing = step.change.description
        if step.phase is migrations.Phase.DONE:
            progress.done += 1

    def work() -> None:
        progress.total = len(inspect_now(connection_string).changes)
        migrations.upgrade(connection_string, zone=zone, on_progress=report)

    await off_loop(lambda: without_secrets(connection_string, work))
