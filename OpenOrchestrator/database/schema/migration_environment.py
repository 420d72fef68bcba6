"""How Alembic is set up for our databases, for ``upgrade`` and for the command ``alembic`` alike.

Owns the comparison of models and tables, and the options per kind of database. Must not decide what is upgraded:
``migrations`` and people at the command line do.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.types import TypeEngine

from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Base
from OpenOrchestrator.database.schema.upgrade_lock import exclusive

ON_REVISION = "on_revision"
"""Attribute of the configuration: called with the id of each revision that was applied."""


def run_on(environment: EnvironmentContext, connection: Connection) -> None:
    """Run the migrations on a connection; the caller owns its transaction and the lock."""
    environment.configure(connection=connection, **_options(environment))
    with environment.begin_transaction():
        environment.run_migrations()


def run_alone(environment: EnvironmentContext, connection_string: str) -> None:
    """Run the migrations on a database, alone on it and in one transaction where the database knows that.

    Raises:
        ConfigurationError: If the connection string cannot be used.
        DatabaseError: If the database cannot be reached or refuses a statement.
    """
    database = Database(connection_string, pool_size=1, statement_timeout=None, create=True)
    try:
        with exclusive(database) as connection:
            run_on(environment, connection)
    finally:
        database.close()


def write_script(environment: EnvironmentContext, connection_string: str) -> None:
    """Write the migrations as a script of SQL, without connecting."""
    url = make_url(connection_string)
    name = url.get_backend_name()
    dialect_options: dict[str, Any] = {"paramstyle": "named"}
    if name == "mssql":
        dialect_options["deprecate_large_types"] = True
    environment.configure(dialect_name=name, dialect_opts=dialect_options, literal_binds=True, **_options(environment))
    with environment.begin_transaction():
        environment.run_migrations()


def _options(environment: EnvironmentContext) -> dict[str, Any]:
    notify = environment.config.attributes.get(ON_REVISION)

    def applied(*, step: Any, **_: Any) -> None:
        if notify is not None and step.is_upgrade and not step.is_stamp:
            notify(step.up_revision_id)

    return {
        "target_metadata": Base.metadata,
        "compare_type": _types_differ,
        "compare_server_default": True,
        "render_as_batch": True,
        "user_module_prefix": "dialects.",
        "on_version_apply": applied,
    }


def _types_differ(
    context: MigrationContext,
    _existing: sa.Column[Any],
    _model: sa.Column[Any],
    existing_type: TypeEngine[Any],
    model_type: TypeEngine[Any],
) -> bool | None:
    # Older versions on SQLAlchemy 2.1 made ids of MariaDB's own UUID type: it compares with ours, and they need it.
    if context.dialect.name in ("mysql", "mariadb") and isinstance(model_type, sa.Uuid):
        return not (type(existing_type).__name__ == "UUID" or isinstance(existing_type, sa.CHAR))
    return None
