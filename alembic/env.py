"""Runs the migrations on a database: the one ``upgrade`` hands over, or the one named after ``alembic -x``."""

from __future__ import annotations

from logging.config import fileConfig

from alembic import context
from alembic.util import CommandError

from OpenOrchestrator.common.errors import OpenOrchestratorError
from OpenOrchestrator.database.schema import migration_environment

config = context.config


def named_database() -> str:
    """Return the connection string given on the command line of ``alembic``."""
    given = context.get_x_argument()
    if len(given) != 1:
        raise CommandError('Say which database: alembic -x "<connection string>" <command>')
    return given[0]


def run() -> None:
    """Run whatever command is asked for."""
    connection = config.attributes.get("connection")
    if connection is not None:
        migration_environment.run_on(context, connection)
    elif context.is_offline_mode():
        url = config.attributes.get("connection_string") or named_database()
        migration_environment.write_script(context, url)
    else:
        if config.config_file_name is not None:
            fileConfig(config.config_file_name, disable_existing_loggers=False)
        try:
            migration_environment.run_alone(context, named_database())
        except OpenOrchestratorError as error:
            raise CommandError(str(error)) from error


run()
