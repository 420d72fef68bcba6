"""The commands ``robot run`` and ``robot new``: developing a robot without a scheduler and without a site."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from OpenOrchestrator.cli.scheduler import Python
from OpenOrchestrator.cli.site_database import AsJson, say
from OpenOrchestrator.common.visible import visible

if TYPE_CHECKING:
    from OpenOrchestrator.cli.robot_site import LocalSite
    from OpenOrchestrator.database.engine.database import Database
    from OpenOrchestrator.scheduler.single_run import Outcome


def register(app: typer.Typer) -> None:
    """Add the commands to the application, as a group."""
    group = typer.Typer(
        help="Run a robot on a database of its own, without a scheduler, and begin a new one.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    group.command("run")(run)
    group.command("new")(new)
    app.add_typer(group, name="robot")


def run(  # noqa: PLR0917  (each parameter is an option of the command)
    robot: Annotated[
        str,
        typer.Argument(
            metavar="ROBOT", help="Its Python file, a folder with a main.py, or a module, as after python -m."
        ),
    ],
    process: Annotated[
        str | None,
        typer.Option("--process", "-p", metavar="NAME", help="Name of its process. [default: that of its folder]"),
    ] = None,
    arguments: Annotated[
        str | None,
        typer.Option(
            "--arguments", "-a", metavar="TEXT", help="What its trigger would pass. [default: as the file says]"
        ),
    ] = None,
    file: Annotated[
        list[Path] | None,
        typer.Option(
            "--file",
            "-f",
            help="Constants, credentials and elements it needs, as YAML; may be given several times, the last one "
            "counts. [default: robot.yaml beside the robot, if it is there]",
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--folder", help="An empty or new folder for the database, which stays. [default: a temporary one]"
        ),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the temporary folder, too, and say where it is.")] = False,
    python: Python = None,
    as_json: AsJson = False,
) -> None:
    """Run a robot here and now, on a SQLite database of its own, as a scheduler would.

    The database holds what the files say, and is deleted at the end. The robot's output and its log lines are shown
    live, and at the end what became of its queues. Passwords can be left to environment variables or to .env in the
    current folder. Ctrl+C kills the robot. No colours with NO_COLOR.

    The exit status is the robot's (128 + n if signal n ended it), or 1 if it could not be started.

    \b
    Examples:
      openorchestrator robot run main.py
      openorchestrator robot run main.py --arguments '{"orders": 3}' --file site.yaml --file robot.yaml
      openorchestrator robot run main.py --json --keep
    """  # noqa: D301  (the backspace is how the help keeps these lines apart)
    from OpenOrchestrator.cli.demo_setup import make_folder  # noqa: PLC0415
    from OpenOrchestrator.cli.robot_site import ROBOT_FILE, find_robot, make_site, read_files  # noqa: PLC0415

    found = find_robot(robot)
    beside = found.folder / ROBOT_FILE
    documents = read_files(file or ([beside] if beside.is_file() else []))
    place = make_folder(folder, "openorchestrator-robot-")
    stays = keep or folder is not None
    try:
        site = make_site(place, found, documents, process=process, arguments=arguments)
        status = _follow(site, place, python, stays=stays, as_json=as_json)
    finally:
        if not stays:
            shutil.rmtree(place, ignore_errors=True)
    raise typer.Exit(status)


def new(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="An empty or new folder.")],
) -> None:
    """Write a small robot with its tests, as a starting point: a queue that is worked on.

    It runs as it is, and its tests pass. A folder that holds something is refused.

    \b
    Examples:
      openorchestrator robot new invoices
    """  # noqa: D301  (the backspace is how the help keeps these lines apart)
    from OpenOrchestrator.cli.robot_template import write  # noqa: PLC0415

    written = write(folder)
    say(f"A robot is in {written}. Next:")
    for line in _next_steps(written):
        typer.echo(visible(line))


def _follow(site: LocalSite, place: Path, python: str | None, *, stays: bool, as_json: bool) -> int:
    import json  # noqa: PLC0415

    from OpenOrchestrator.cli import robot_report  # noqa: PLC0415
    from OpenOrchestrator.cli.followed_run import follow, outcome_values  # noqa: PLC0415
    from OpenOrchestrator.common.settings import load_settings  # noqa: PLC0415

    def result(outcome: Outcome, database: Database) -> str:
        report = robot_report.read(database)
        kept = str(place) if stays else None
        if as_json:
            content = {**outcome_values(outcome), **robot_report.values(report), "folder": kept}
            return json.dumps(content, ensure_ascii=False) + "\n"
        words = robot_report.text(report, outcome.job_id, database, sys.stdout)
        return words if kept is None else f"{words}The database is in {kept}.\n"

    settings = load_settings(
        connection_string=site.connection_string,
        key=site.key,
        name="local",
        workspace=place / "workspace",
        python=python,
    )
    return follow(
        settings,
        site.trigger_name,
        all_to_stderr=as_json,
        result=result,
        beside=lambda database, terminal: robot_report.LogWatch(database, lambda text: terminal.show("stdout", text)),
    )


def _next_steps(folder: Path) -> Sequence[str]:
    return (
        f'  cd "{folder}"',
        "  python -m OpenOrchestrator robot run main.py    # with the sample data in robot.yaml",
        "  python -m pytest                                # needs pytest",
    )
