"""The commands ``queue list``, ``show``, ``add``, ``import``, ``export`` and ``requeue``: queues from a terminal.

Owns files and terminals. What is done is what the app does, by its backend, which is imported when a command runs.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from OpenOrchestrator.cli import queue_pause, queue_purge
from OpenOrchestrator.cli.scheduler import ConnectionString
from OpenOrchestrator.cli.site_database import AsJson, By, opened, say, say_json, who
from OpenOrchestrator.cli.terminal import can_ask, is_terminal
from OpenOrchestrator.cli.text_table import print_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from OpenOrchestrator.database.engine.database import Database
    from OpenOrchestrator.database.queues import QueueElement
    from OpenOrchestrator.database.statuses import QueueStatus
    from OpenOrchestrator.orchestrator.queues.backend.matching_elements import Matching, MatchingElementsBackend

STANDARD_STREAM = "-"

Queue = Annotated[str, typer.Argument(metavar="QUEUE", help="Name of the queue.")]
Status = Annotated[
    list[str] | None,
    typer.Option("--status", "-s", metavar="STATUS", help="Only elements in this status; may be given several times."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application, as a group."""
    group = typer.Typer(
        help="List queues, pause and resume them, show, add, import, export, requeue and purge their elements.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    group.command("list")(list_queues)
    group.command("show")(show)
    group.command("add")(add)
    group.command("import")(import_file)
    group.command("export")(export)
    group.command("requeue")(requeue)
    queue_pause.register(group)
    queue_purge.register(group)
    app.add_typer(group, name="queue")


def list_queues(connection_string: ConnectionString = None, as_json: AsJson = False) -> None:
    """List all queues, with how many elements are in which status.

    \b
    Examples:
      openorchestrator queue list
      openorchestrator queue list --json
    """  # noqa: D301  (the backspace is how the help keeps these lines apart)
    from OpenOrchestrator.database.statuses import QueueStatus  # noqa: PLC0415
    from OpenOrchestrator.database.stores import queue_counts  # noqa: PLC0415

    with opened(connection_string) as database:
        found = database.read(queue_counts.count_by_status)
    if as_json:
        say_json(
            queues=[
                {"queue": name, **{status.name: counts.get(status, 0) for status in QueueStatus}}
                for name, counts in sorted(found.items())
            ]
        )
        return
    rows = [
        (name, *(str(counts.get(status) or "") for status in QueueStatus)) for name, counts in sorted(found.items())
    ]
    print_table(("Queue", *(status.value for status in QueueStatus)), rows, numbers=len(QueueStatus))


def show(  # noqa: PLR0917  (each parameter is an option of the command)
    queue: Queue,
    status: Status = None,
    reference: Annotated[
        str | None, typer.Option("--reference", "-r", help="Only elements with exactly this reference.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-l", min=1, help="How many at most.")] = 20,
    connection_string: ConnectionString = None,
    as_json: AsJson = False,
) -> None:
    """Show the newest elements of a queue.

    \b
    Examples:
      openorchestrator queue show Orders
      openorchestrator queue show Orders --status failed --limit 100 --json
    """  # noqa: D301  (the backspace is how the help keeps these lines apart)
    from OpenOrchestrator.database.stores import queue_elements  # noqa: PLC0415

    wanted = _statuses(status) or (None,)
    with opened(connection_string) as database:
        found = database.read(
            lambda session: [
                element
                for each in wanted
                for element in queue_elements.select(
                    session,
                    queue_elements.ElementFilter(queue_name=queue, reference=reference, status=each),
                    descending=True,
                    limit=limit,
                )
            ]
        )
    found = sorted(found, key=lambda element: element.created_date, reverse=True)[:limit]
    if as_json:
        say_json(queue=queue, elements=[_values(each) for each in found])
        return
    rows = [
        (
            each.reference or str(each.id),
            each.status.value,
            f"{each.created_date:%Y-%m-%d %H:%M:%S}",
            each.message or "",
        )
        for each in found
    ]
    print_table(("Reference", "Status", "Created", "Message"), rows)


def add(  # noqa: PLR0917  (each parameter is an option of the command)
    queue: Queue,
    reference: Annotated[str | None, typer.Option("--reference", "-r", help="To find it by.")] = None,
    data: Annotated[
        str | None, typer.Option("--data", "-d", help="What the robot needs to know; - for standard input.")
    ] = None,
    by: By = None,
    connection_string: ConnectionString = None,
    as_json: AsJson = False,
) -> None:
    """Add a New element to a queue, which is there as soon as it has one.

    \b
    Examples:
      openorchestrator queue add Orders --reference 1001 --data '{"amount": 2}'
      jq -c .order mail.json | openorchestrator queue add Orders --data -
    """  # noqa: D301  (the backspace is how the help keeps these lines apart)
    from uuid import uuid4  # noqa: PLC0415

    from OpenOrchestrator.common.errors import InvalidInputError  # noqa: PLC0415
    from OpenOrchestrator.database.lifecycle import element_creation  # noqa: PLC0415

    text = sys.stdin.buffer.read().decode("utf-8-sig").rstrip("\r\n") if data == STANDARD_STREAM else data
    element_id = uuid4()
    with opened(connection_string) as database:
        made = element_creation.create(
            database,
            queue_name=queue,
            reference=reference,
            data=text,
            created_by=who(by),
            created_date=database.site_now(),
            element_id=element_id,
            wishes=element_creation.Wishes(),
        )
    if made.id != element_id:
        raise InvalidInputError(
            f"The queue {queue!r} has an element with the reference {reference!r}, which is {made.status.value}, and "
            "says that references are unique. Choose another reference."
        )
    if as_json:
        say_json(**_values(made))
    else:
        say(f"Added to {made.queue_name}: {made.reference or made.id}.")


def import_file(
    queue: Queue,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A CSV file; - for standard input.")],
    known: Annotated[
        bool, typer.Option("--known", help="Also lines whose reference the queue has already; else left out.")
    ] = False,
    connection_string: ConnectionString = None,
    as_json: AsJson = False,
) -> None:
    """Add the lines of a CSV file to a queue as New elements: all of them or, if one cannot be stored, none.

    Columns are taken as by the import of the app: reference, data and created by, or others, which become JSON data.

    \b
    Examples:
      openorchestrator queue import Orders orders.csv
      openorchestrator queue export Orders | openorchestrator queue import Copies -
    """  # noqa: D301  (the backspace is how the help keeps these lines apart)
    from OpenOrchestrator.common.errors import ConfigurationError, InvalidInputError  # noqa: PLC0415
    from OpenOrchestrator.orchestrator.queues.backend.csv_import import CsvImportBackend  # noqa: PLC0415

    try:
        content = sys.stdin.buffer.read() if file == STANDARD_STREAM else Path(file).read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}.") from error
    name = "standard input" if file == STANDARD_STREAM else Path(file).name
    with opened(connection_string) as database:
        backend = CsvImportBackend(database, database.clock)
        preview = asyncio.run(backend.preview(queue, name, content))
        wrong = [line for line in preview.lines if line.problem]
        if wrong:
            first = wrong[0]
            raise InvalidInputError(
                f"Nothing was imported: {len(wrong)} of {len(preview.lines)} lines of {name} cannot be, the first is "
                f"line {first.number}: {first.problem}"
            )
        lines = preview.chosen(known_too=known)
        imported = asyncio.run(backend.write(preview, lines)) if lines else 0
    left_out = len(preview.lines) - imported
    if as_json:
        say_json(queue=queue, imported=imported, left_out=left_out)
    else:
        more = f"; {left_out} left out, because the queue has their reference" if left_out else ""
        say(f"Imported into {queue}: {imported}{more}.")


def export(
    queue: Queue,
    file: Annotated[
        str, typer.Argument(metavar="[FILE]", help="The CSV file to write; - for standard output.")
    ] = STANDARD_STREAM,
    status: Status = None,
    connection_string: ConnectionString = None,
) -> None:
    """Write the elements of a queue as a CSV file, the oldest first.

    \b
    Examples:
      openorchestrator queue export Orders orders.csv
      openorchestrator queue export Orders --status failed > failed.csv
    """  # noqa: D301  (the backspace is how the help keeps these lines apart)
    from OpenOrchestrator.common.errors import ConfigurationError  # noqa: PLC0415
    from OpenOrchestrator.orchestrator.queues.backend import csv_export  # noqa: PLC0415

    with opened(connection_string) as database:
        matching = _matching(database, queue, _statuses(status))
        pieces = csv_export.elements(database, matching)
        if file == STANDARD_STREAM:
            _write_all(pieces)
            return
        try:
            _replace(Path(file), pieces)
        except OSError as error:
            raise ConfigurationError(f"{file} cannot be written: {error.strerror}.") from error


def requeue(
    queue: Queue,
    status: Status = None,
    yes: Yes = False,
    connection_string: ConnectionString = None,
    as_json: AsJson = False,
) -> None:
    """Make elements of a queue New again: those that Failed and were Abandoned, or those in the given statuses.

    What a robot works on is left alone. Asks first; without a terminal it needs --yes.

    \b
    Examples:
      openorchestrator queue requeue Orders
      openorchestrator queue requeue Orders --status failed --yes --json
    """  # noqa: D301  (the backspace is how the help keeps these lines apart)
    from OpenOrchestrator.common.errors import ConfigurationError  # noqa: PLC0415
    from OpenOrchestrator.database.statuses import QueueStatus  # noqa: PLC0415
    from OpenOrchestrator.orchestrator.queues.backend.matching_elements import MatchingElementsBackend  # noqa: PLC0415

    chosen = _statuses(status) or (QueueStatus.FAILED, QueueStatus.ABANDONED)
    with opened(connection_string) as database:
        backend = MatchingElementsBackend(database, database.clock)
        matching = _matching(database, queue, chosen)
        total = asyncio.run(backend.counts(matching)).total
        if total and not yes:
            if not can_ask():
                raise ConfigurationError(
                    "Nothing was changed, because nobody can be asked here. To go ahead, add --yes."
                )
            if not typer.confirm(f"Make {total} elements of {queue} New again?"):
                raise ConfigurationError("Nothing was changed.")
        changed = asyncio.run(_requeue_all(backend, matching, total)) if total else 0
    if as_json:
        say_json(queue=queue, requeued=changed)
    else:
        say(f"New again in {queue}: {changed}.")


async def _requeue_all(backend: MatchingElementsBackend, matching: Matching, total: int) -> int:
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress  # noqa: PLC0415

    from OpenOrchestrator.database.statuses import QueueStatus  # noqa: PLC0415

    changed, after = 0, None
    with Progress(console=Console(file=sys.stderr), disable=not is_terminal(sys.stderr), transient=True) as progress:
        task = progress.add_task("Requeue", total=total)
        while True:
            step = await backend.set_status_next(matching, QueueStatus.NEW, after)
            changed, after = changed + step.changed, step.last
            progress.update(task, completed=changed)
            if after is None:
                return changed


def _matching(database: Database, queue: str, statuses: Sequence[QueueStatus]) -> Matching:
    from OpenOrchestrator.orchestrator.queues.backend.element_rows import ElementQuery  # noqa: PLC0415
    from OpenOrchestrator.orchestrator.queues.backend.matching_elements import MatchingElementsBackend  # noqa: PLC0415

    query = ElementQuery(queue=queue, statuses=tuple(statuses))
    return asyncio.run(MatchingElementsBackend(database, database.clock).resolve(query))


def _statuses(given: Sequence[str] | None) -> tuple[QueueStatus, ...]:
    """Return the statuses of words such as ``failed`` and ``in progress``."""
    from OpenOrchestrator.database.statuses import QueueStatus  # noqa: PLC0415

    by_word = {status.name: status for status in QueueStatus}
    found = []
    for word in given or ():
        status = by_word.get(word.strip().upper().replace(" ", "_").replace("-", "_"))
        if status is None:
            words = ", ".join(each.value.lower() for each in QueueStatus)
            raise typer.BadParameter(f"{word!r} is no status. They are: {words}.", param_hint="--status")
        found.append(status)
    return tuple(dict.fromkeys(found))


def _values(element: QueueElement) -> dict[str, Any]:
    def moment(name: str) -> str | None:
        value = getattr(element, name)
        return None if value is None else value.isoformat()

    return {
        "id": str(element.id),
        "queue": element.queue_name,
        "reference": element.reference,
        "status": element.status.name,
        "data": element.data,
        "message": element.message,
        "attempt": element.attempt,
        "created": moment("created_date"),
        "created_by": element.created_by,
        "started": moment("start_date"),
        "ended": moment("end_date"),
    }


def _replace(file: Path, pieces: Iterable[bytes]) -> None:
    """Write a file whole, or leave what is there as it is."""
    part = file.with_name(f".{file.name}.part")
    try:
        with part.open("wb") as stream:
            stream.writelines(pieces)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def _write_all(pieces: Iterable[bytes]) -> None:
    sys.stdout.flush()
    with suppress(BrokenPipeError):  # whoever reads has enough
        for piece in pieces:
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
