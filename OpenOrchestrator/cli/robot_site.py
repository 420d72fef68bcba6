"""The database of a run without a site: made for one robot, filled from files, with the trigger that starts it.

Owns what is in it. Must not start or show anything.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from dotenv import dotenv_values

from OpenOrchestrator.cli.demo_setup import connection_string_of
from OpenOrchestrator.common import crypto_util
from OpenOrchestrator.common.errors import ConfigurationError, InvalidInputError
from OpenOrchestrator.common.robot_entry import read_entry
from OpenOrchestrator.common.settings import ENV_FILE
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import SingleTrigger
from OpenOrchestrator.database.schema import migrations
from OpenOrchestrator.database.stores import sample_data, trigger_input, validation
from OpenOrchestrator.site import applying, local_document
from OpenOrchestrator.site.local_document import LocalDocument

ROBOT_FILE = "robot.yaml"
_MAIN = "main.py"
_DATABASE_FILE = "local.db"
_SUFFIX = " (local run)"


@dataclass(frozen=True, slots=True)
class LocalRobot:
    """A robot on this machine.

    Attributes:
        path: Its file, or the folder of its module.
        module: Its module; None for a file.
    """

    path: Path
    module: str | None = None

    @property
    def folder(self) -> Path:
        """Where its own files are."""
        return self.path if self.module is not None else self.path.parent

    @property
    def name(self) -> str:
        """What its process is called unless somebody says it."""
        if self.module is not None:
            return self.module
        return self.path.stem if self.path.name != _MAIN else self.path.parent.name or self.path.stem


@dataclass(frozen=True, slots=True)
class LocalSite:
    """A database that is ready for one run.

    Attributes:
        trigger_name: The trigger that starts the robot.
    """

    connection_string: str
    key: str = field(repr=False)
    trigger_name: str


def find_robot(text: str) -> LocalRobot:
    """Return the robot of a file, of a folder with a main.py, or of a module that is found from the current folder.

    Raises:
        ConfigurationError: If there is none.
    """
    path = Path(text)
    if path.is_dir() and (path / _MAIN).is_file():
        return LocalRobot((path / _MAIN).absolute())
    if path.is_file():
        return LocalRobot(path.absolute())
    try:
        entry = read_entry(text)
    except InvalidInputError:
        entry = None
    if path.is_dir() or entry is None or entry.module is None:
        where = f"no {_MAIN} in the folder" if path.is_dir() else "no file"
        raise ConfigurationError(f"There is {where} {text}. Give the robot's Python file, its folder, or a module.")
    return LocalRobot(Path.cwd(), entry.module)


def read_files(files: Sequence[Path]) -> list[LocalDocument]:
    """Return what files say, with secrets from the environment, or else from ``.env`` in the current folder.

    Raises:
        ConfigurationError: If one cannot be read.
        SiteFileError: If something in one cannot be.
    """
    environment = dotenv_values(ENV_FILE) | dict(os.environ)
    found = []
    for file in files:
        try:
            data = file.read_bytes()
        except OSError as error:
            raise ConfigurationError(f"{file} cannot be read: {error.strerror}.") from error
        found.append(
            local_document.read(data, dialect_name="sqlite", environment=environment, file_name=str(file)),
        )
    return found


def make_site(
    folder: Path,
    robot: LocalRobot,
    documents: Sequence[LocalDocument],
    *,
    process: str | None = None,
    arguments: str | None = None,
) -> LocalSite:
    """Make the database for one run, in an empty folder.

    Args:
        folder: Where its file is put.
        robot: What its trigger starts.
        documents: What is stored; where several say something of a name, the last one counts.
        process: Name of the process; None for that of the robot.
        arguments: Passed to the robot; None for those of the documents, or none.

    Raises:
        OpenOrchestratorError: If something cannot be stored.
    """
    name = validation.name(
        robot.name if process is None else process, "process name", trigger_input.PROCESS_NAME_LENGTH, "sqlite"
    )
    said = [each.arguments for each in documents if each.arguments is not None]
    given = arguments if arguments is not None else said[-1] if said else None
    key = crypto_util.generate_key().decode("ascii")
    connection_string = connection_string_of(folder / _DATABASE_FILE)
    trigger_name = name[: trigger_input.TRIGGER_NAME_LENGTH - len(_SUFFIX)] + _SUFFIX
    migrations.upgrade(connection_string, new=True)
    database = Database(connection_string)
    try:
        for each in documents:
            plan = applying.plan(database, each.site, prune=False, file_name="the file")
            applying.apply(database, each.site, plan, prune=False, file_name="the file", by=None)
            database.forget_zone()
        now = database.site_now()
        for each in documents:
            database.write(partial(sample_data.store, data=each.sample, key=key, now=now))
        trigger = {
            "trigger_name": trigger_name,
            "process_name": name,
            "process_path": str(robot.path),
            "process_args": given,
            "entry": robot.module,
            "is_git_repo": False,
            "is_blocking": False,
            "next_run": now,
        }
        database.write(lambda session: session.add(SingleTrigger(**trigger)))
    finally:
        database.close()
    return LocalSite(connection_string, key, trigger_name)
