"""The commands ``env list``, ``env build`` and ``env prune``: the managed environments of robots on this machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from OpenOrchestrator.cli.scheduler import ConnectionString, Python, Workspace
from OpenOrchestrator.cli.site_database import AsJson, opened, say, say_json
from OpenOrchestrator.cli.terminal import is_terminal

if TYPE_CHECKING:
    from OpenOrchestrator.database.triggers import Trigger
    from OpenOrchestrator.scheduler.workspace.environment_upkeep import Listed
    from OpenOrchestrator.scheduler.workspace.managed_environments import ManagedEnvironments

_GIGABYTE = 1e9
_SHOWN_DIGITS = 8
_WIDE = 200


def register(app: typer.Typer) -> None:
    """Add the commands to the application, as a group."""
    group = typer.Typer(
        help="List, build and prune the managed environments of robots on this machine.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    group.command("list")(list_environments)
    group.command("build")(build)
    group.command("prune")(prune)
    app.add_typer(group, name="env")


def list_environments(workspace: Workspace = None, as_json: AsJson = False) -> None:
    """List the managed environments in the workspace of this machine, the one used last first.

    Those that are being made are listed too, and those that could not be made within the last day, with the reason.

    \b
    Examples:
      openorchestrator env list
      openorchestrator env list --json
    """  # noqa: D301  (the backspace is how the help keeps these lines apart)
    from OpenOrchestrator.scheduler.workspace.environment_upkeep import listed  # noqa: PLC0415

    environments = _environments(workspace)
    found = _tried(lambda: listed(environments))
    if as_json:
        say_json(folder=str(environments.folder), environments=[_as_values(each) for each in found])
    elif found:
        _show(found)
    else:
        say(f"There are no managed environments in {environments.folder}.")


def build(  # noqa: PLR0917  (each parameter is an option of the command)
    triggers: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TRIGGER", help="Names or ids of triggers. [default: all that choose a managed environment]"
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--folder", "-f", metavar="FOLDER", help="Build for the robot in this folder instead; needs no database."
        ),
    ] = None,
    anew: Annotated[
        bool,
        typer.Option(
            "--anew", help="Make them also where they are there, so that what no lock fixes becomes the newest."
        ),
    ] = False,
    connection_string: ConnectionString = None,
    workspace: Workspace = None,
    python: Python = None,
    as_json: AsJson = False,
) -> None:
    """Make the environments of triggers on this machine before their runs need them. Starts no robot.

    What is there already stays, and runs that go on keep what they use. What is done is shown on standard error. The
    exit status is 0 if all are there now, else 1.

    \b
    Examples:
      openorchestrator env build
      openorchestrator env build "Send invoices"
      openorchestrator env build --folder ./invoices --python python3.12
      openorchestrator env build "Send invoices" --anew --json
    """  # noqa: D301  (the backspace is how the help keeps these lines apart)
    if folder is not None and triggers:
        raise typer.BadParameter("takes the place of triggers: give one or the other", param_hint="--folder")
    from OpenOrchestrator.common.errors import LaunchError  # noqa: PLC0415
    from OpenOrchestrator.common.settings import load_settings  # noqa: PLC0415
    from OpenOrchestrator.scheduler.options import scheduler_options  # noqa: PLC0415
    from OpenOrchestrator.scheduler.workspace.ahead import RobotSource, build_ahead  # noqa: PLC0415

    options = scheduler_options(load_settings(workspace=workspace, python=python))
    if folder is not None:
        sources = [RobotSource(str(folder), str(folder.resolve()), is_files_only=True)]
    else:
        sources = [
            RobotSource(each.trigger_name, each.process_path, each.is_git_repo, each.git_branch, each.entry)
            for each in _triggers(connection_string, triggers or [])
        ]
    results: list[dict[str, Any]] = []
    for source in sources:
        tell = _Teller(source.name)
        try:
            made = build_ahead(options.workspace, options.python, source, tell, anew=anew)
        except LaunchError as error:
            results.append({"for": source.name, "ready": False, "python": None, "reason": str(error)})
        else:
            results.append({"for": source.name, "ready": True, "python": made, "reason": None})
    if as_json:
        say_json(environments=results)
    elif not results:
        say("No trigger chooses a managed environment.")
    else:
        for each in results:
            say(f"{each['for']}: " + (f"ready, {each['python']}" if each["ready"] else f"failed. {each['reason']}"))
    raise typer.Exit(0 if all(each["ready"] for each in results) else 1)


def prune(
    days: Annotated[
        float | None,
        typer.Option("--days", metavar="DAYS", min=0, help="Delete those not used for so long. [default: 30]"),
    ] = None,
    gigabytes: Annotated[
        float | None,
        typer.Option(
            "--gigabytes",
            metavar="GB",
            min=0,
            help="Then those not used for longest, until all hold no more than this. [default: 20]",
        ),
    ] = None,
    workspace: Workspace = None,
    as_json: AsJson = False,
) -> None:
    """Delete managed environments that are not used any more, as every scheduler does once a day.

    Never those that a robot runs in. What is deleted is made again when a run needs it.

    \b
    Examples:
      openorchestrator env prune
      openorchestrator env prune --days 7 --gigabytes 5
      openorchestrator env prune --days 0 --json
    """  # noqa: D301  (the backspace is how the help keeps these lines apart)
    from OpenOrchestrator.scheduler.workspace import environment_upkeep as upkeep  # noqa: PLC0415

    environments = _environments(workspace)
    removed = _tried(
        lambda: upkeep.prune(
            environments,
            keep_days=upkeep.KEEP_DAYS if days is None else days,
            most_bytes=upkeep.MOST_BYTES if gigabytes is None else gigabytes * _GIGABYTE,
        )
    )
    _tried(lambda: upkeep.prune_cache(environments))
    size = sum(each.size for each in removed)
    if as_json:
        say_json(removed=[_as_values(each) for each in removed], bytes=size)
    elif removed:
        count = "1 environment was" if len(removed) == 1 else f"{len(removed)} environments were"
        say(f"{count} deleted ({_size(size)}): {', '.join(each.made_for or each.key for each in removed)}.")
    else:
        say("There was nothing to delete.")


class _Teller:
    """Shows on standard error how an environment is made; asked whether to go on, it always says so."""

    def __init__(self, name: str) -> None:
        from rich.console import Console  # noqa: PLC0415

        self._console = Console(file=sys.stderr, highlight=False, soft_wrap=True)
        self._name = name
        self._said = 0

    @property
    def said(self) -> int:
        return self._said

    def say(self, line: str) -> None:
        from rich.text import Text  # noqa: PLC0415

        from OpenOrchestrator.common.visible import visible_line  # noqa: PLC0415

        self._said += 1
        self._console.print(Text.assemble((f"{visible_line(self._name)}: ", "bold"), (visible_line(line), "dim")))

    def require_wanted(self) -> None:
        return


def _environments(workspace: Path | None) -> ManagedEnvironments:
    from OpenOrchestrator.common.settings import load_settings  # noqa: PLC0415
    from OpenOrchestrator.scheduler.workspace.managed_environments import ManagedEnvironments  # noqa: PLC0415

    return ManagedEnvironments(load_settings(workspace=workspace).require_workspace())


def _tried(work: Any) -> Any:
    """Return what something returns that needs the files of the workspace."""
    from OpenOrchestrator.common.errors import ConfigurationError  # noqa: PLC0415

    try:
        return work()
    except TimeoutError as error:
        raise ConfigurationError(f"The environments are busy: {error}. Try it again.") from error
    except OSError as error:
        raise ConfigurationError(
            f"The environments in the workspace cannot be used: {error}. Run this as the account of the scheduler, or "
            "name its folder with --workspace."
        ) from error


def _triggers(connection_string: str | None, names: list[str]) -> list[Trigger]:
    """Return the triggers of these names or ids; without any, all that choose a managed environment."""
    from OpenOrchestrator.common.errors import NotFoundError  # noqa: PLC0415
    from OpenOrchestrator.database.statuses import RobotEnvironment  # noqa: PLC0415
    from OpenOrchestrator.database.stores import triggers  # noqa: PLC0415

    with opened(connection_string) as database:
        every = database.read(triggers.find_all)
    if not names:
        return [each for each in every if each.robot_environment is RobotEnvironment.MANAGED]
    found = []
    for name in names:
        meant = [each for each in every if name in (each.trigger_name, str(each.id))]
        if not meant:
            raise NotFoundError(f'There is no trigger "{name}". Names have to be written exactly.')
        found += meant
    return found


def _show(found: list[Listed]) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from OpenOrchestrator.common.visible import visible_line  # noqa: PLC0415

    table = Table(box=None, padding=(0, 2, 0, 0))
    for head in ("Key", "Made for", "From", "Python", "Size", "Used last", "Runs"):
        is_number = head in ("Size", "Runs")
        table.add_column(head, justify="right" if is_number else "left", overflow="fold", no_wrap=head != "Made for")
    for each in found:
        is_ready = each.state == "ready"
        cells = (
            each.key[:_SHOWN_DIGITS],
            each.made_for,
            each.source,
            each.python,
            _size(each.size) if is_ready else each.state,
            _day(each.last_used),
            str(len(each.users)) if is_ready else "",
        )
        table.add_row(*(Text(visible_line(cell)) for cell in cells))
    # Whoever reads it elsewhere than on a terminal is not served by lines that are broken.
    width = None if is_terminal(sys.stdout) else _WIDE
    console = Console(file=sys.stdout, highlight=False, width=width)
    console.print(table)
    for each in found:
        if each.reason:
            console.print(Text(visible_line(f"{each.key[:_SHOWN_DIGITS]}: {each.reason}")))


def _as_values(each: Listed) -> dict[str, Any]:
    return {
        "key": each.key,
        "state": each.state,
        "made_for": each.made_for,
        "source": each.source,
        "python": each.python,
        "openorchestrator": each.openorchestrator,
        "bytes": each.size,
        "built_at": _instant(each.built_at),
        "last_used": _instant(each.last_used),
        "jobs": [str(job_id) for job_id in each.users],
        "folder": None if each.folder is None else str(each.folder),
        "reason": each.reason or None,
    }


def _size(size: float) -> str:
    return f"{size / _GIGABYTE:.1f} GB" if size >= _GIGABYTE else f"{size / 1e6:.0f} MB"


def _day(seconds: float | None) -> str:
    from datetime import datetime, timezone  # noqa: PLC0415

    if seconds is None:
        return ""
    return f"{datetime.fromtimestamp(seconds, timezone.utc).astimezone():%Y-%m-%d}"


def _instant(seconds: float | None) -> str | None:
    from datetime import datetime, timezone  # noqa: PLC0415

    return None if seconds is None else datetime.fromtimestamp(seconds, timezone.utc).isoformat()
