"""The command ``queue purge``: deletes elements of one queue that ended long ago."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from OpenOrchestrator.cli import sweeping
from OpenOrchestrator.cli.scheduler import ConnectionString
from OpenOrchestrator.cli.site_database import AsJson, opened
from OpenOrchestrator.cli.sweeping import DryRun, Yes

_MOST_SECONDS = 36_500 * 86_400


def _older_than(status: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        f"--{status}-older-than", metavar="AGE", help=f"Those that are {status} and ended so long ago: 90d, 12h."
    )
    return option


def register(group: typer.Typer) -> None:
    """Add the command to the group of those about queues."""
    group.command("purge")(purge)


def purge(  # noqa: PLR0917  (each parameter is an option of the command)
    queue: Annotated[str, typer.Argument(metavar="QUEUE", help="Name of the queue, to the last character.")],
    done: Annotated[str | None, _older_than("done")] = None,
    failed: Annotated[str | None, _older_than("failed")] = None,
    abandoned: Annotated[str | None, _older_than("abandoned")] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    connection_string: ConnectionString = None,
    as_json: AsJson = False,
) -> None:
    """Delete elements of a queue that ended long ago: as old as is said, or as the queue's own settings say.

    What is New or In Progress stays. References that are unique for ever stay taken. Asks first; without a terminal it
    needs --yes.

    \b
    Examples:
      openorchestrator queue purge Orders --dry-run
      openorchestrator queue purge Orders --done-older-than 90d --failed-older-than 1d --yes
    """  # noqa: D301  (the backspace is how the help keeps these lines apart)
    from OpenOrchestrator.common.errors import InvalidInputError  # noqa: PLC0415
    from OpenOrchestrator.database.lifecycle.retention import certain_site_now  # noqa: PLC0415
    from OpenOrchestrator.database.lifecycle.retention_rules import Kept, Portion, of_queue  # noqa: PLC0415
    from OpenOrchestrator.database.statuses import QueueStatus  # noqa: PLC0415
    from OpenOrchestrator.database.stores import queue_rules  # noqa: PLC0415

    ages = {
        QueueStatus.DONE: _age(done, "--done-older-than"),
        QueueStatus.FAILED: _age(failed, "--failed-older-than"),
        QueueStatus.ABANDONED: _age(abandoned, "--abandoned-older-than"),
    }
    with opened(connection_string) as database:
        now = certain_site_now(database)
        if any(age is not None for age in ages.values()):
            wanted = tuple(
                Portion(Kept.ELEMENTS, now - age, queue, status) for status, age in ages.items() if age is not None
            )
        else:
            wanted = of_queue(
                queue, database.read(lambda session: queue_rules.read(session, queue)).rules, site_now=now
            )
        if not wanted:
            raise InvalidInputError(
                f"The queue {queue!r} says for no status how long its elements are kept. Say it here, such as "
                "--done-older-than 90d, or in the settings of the queue."
            )
        sweeping.purge(database, wanted, dry_run=dry_run, yes=yes, as_json=as_json, with_leftovers=False)


def _age(text: str | None, option: str) -> timedelta | None:
    from OpenOrchestrator.site import durations  # noqa: PLC0415

    if text is None:
        return None
    seconds = durations.read(text.strip())
    if seconds is None or seconds > _MOST_SECONDS:
        raise typer.BadParameter(f"{text!r} is no age, such as 90d, 12h or 1d 6h.", param_hint=option)
    return timedelta(seconds=seconds)
