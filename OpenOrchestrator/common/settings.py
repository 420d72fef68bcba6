"""Settings: command options, environment variables and the file ``.env``, resolved in one place.

Owns the names of all settings and which source wins (option, then environment, then ``.env``, then the default).
Must not know the parts that use them, nor log or print: values here include secrets.
"""

from __future__ import annotations

import platform
import re
import sys
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from OpenOrchestrator.common.errors import ConfigurationError
from OpenOrchestrator.common.redaction import mask_connection_string, secrets_of
from OpenOrchestrator.common.secret_markers import CONNECTION_STRING_VARIABLE, KEY_VARIABLE

PREFIX = "OpenOrchestrator"
ENV_FILE = ".env"
DEFAULT_MAX_JOBS = 32
DEFAULT_POLL_SECONDS = 1.0

_SQLITE_FILE = re.compile(r"(?P<head>sqlite(\+\w+)?:///)(?P<path>[^?]+)(?P<query>\?.*)?")

_ENCODED_DRIVE = re.compile(r"^([A-Za-z])%3[Aa](?=/)")
"""A drive of Windows as SQLAlchemy from 2.1 renders it."""


class LogFormat(str, Enum):
    """How the scheduler writes its log lines."""

    TEXT = "text"
    JSON = "json"


class StopPolicy(str, Enum):
    """What becomes of running robots when their scheduler is asked to stop."""

    WAIT = "wait"
    LEAVE = "leave"
    KILL = "kill"


def default_name() -> str:
    """Return the name a scheduler has unless it is given one: the machine's."""
    return platform.node() or "scheduler"


def default_workspace() -> Path | None:
    """Return the folder for repositories, environments and run files unless one is given.

    None for an account that has no home folder.
    """
    import platformdirs  # noqa: PLC0415  (not all commands need it)

    try:
        return Path(platformdirs.user_data_dir(PREFIX, appauthor=False))
    except RuntimeError:
        return None


def default_app_folder() -> Path | None:
    """Return the folder for what the app remembers unless one is given; None for an account without a home folder."""
    data = default_workspace()
    return None if data is None else data / "app"


def expanded(path: Path) -> Path:
    """Return a path with ``~`` replaced by the home folder.

    Raises:
        ConfigurationError: If there is no such home folder.
    """
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise ConfigurationError(f"{path}: this account has no home folder for ~. Give the whole path.") from error


class Settings(BaseSettings):
    """All settings. Each is also the environment variable ``OpenOrchestrator`` plus its name; case does not matter.

    Attributes:
        connection_string: SQLAlchemy URL of the shared database.
        key: Key of the credentials (made by ``python -m OpenOrchestrator key``).
        name: What this scheduler is called in whitelists, jobs and the list of schedulers.
        whitelisted_only: Start only triggers that name this scheduler in their whitelist.
        label: What this machine has that triggers may require, separated by commas.
        max_jobs: How many robots run here at once.
        poll_interval: Seconds between two looks at the database while nothing else happens.
        workspace: Folder for repositories, environments and run files; None only if the account has no home folder.
        app_folder: Folder for what the app remembers; None only if the account has no home folder.
        python: The Python that robots are started with.
        log_format: How log lines are written.
        on_stop: What becomes of running robots on stop.
        proxy: Reverse proxies of the admin app whose headers are believed: addresses or networks, separated by commas.
        allowed_host: Names that the admin app may be called by, besides the machine's own, separated by commas.
    """

    model_config = SettingsConfigDict(
        case_sensitive=False,
        env_file=ENV_FILE,
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
    )

    connection_string: SecretStr | None = Field(None, validation_alias=CONNECTION_STRING_VARIABLE)
    key: SecretStr | None = Field(None, validation_alias=KEY_VARIABLE)
    name: str = Field(default_factory=default_name, validation_alias=f"{PREFIX}Name", min_length=1, max_length=100)
    whitelisted_only: bool = Field(False, validation_alias=f"{PREFIX}WhitelistedOnly")
    label: str = Field("", validation_alias=f"{PREFIX}Label")
    max_jobs: int = Field(DEFAULT_MAX_JOBS, validation_alias=f"{PREFIX}MaxJobs", ge=1, le=1000)
    poll_interval: float = Field(DEFAULT_POLL_SECONDS, validation_alias=f"{PREFIX}PollInterval", ge=0.05, le=60)
    workspace: Path | None = Field(default_factory=default_workspace, validation_alias=f"{PREFIX}Workspace")
    app_folder: Path | None = Field(default_factory=default_app_folder, validation_alias=f"{PREFIX}AppFolder")
    python: str = Field(sys.executable, validation_alias=f"{PREFIX}Python", min_length=1)
    log_format: LogFormat = Field(LogFormat.TEXT, validation_alias=f"{PREFIX}LogFormat")
    on_stop: StopPolicy = Field(StopPolicy.WAIT, validation_alias=f"{PREFIX}OnStop")
    proxy: str = Field("", validation_alias=f"{PREFIX}Proxy")
    allowed_host: str = Field("", validation_alias=f"{PREFIX}AllowedHost")

    def require_connection_string(self) -> str:
        """Return the connection string, with the path of a SQLite file made absolute: robots run in other folders.

        Raises:
            ConfigurationError: If there is none; says where it may come from.
        """
        if self.connection_string is None:
            raise ConfigurationError(
                "There is no connection string. Give it with the option --connection-string, "
                + _places("connection_string")
                + ". Example: sqlite+pysqlite:///orchestrator.db"
            )
        return with_absolute_path(self.connection_string.get_secret_value())

    def require_key(self) -> str:
        """Return the key of the credentials.

        Raises:
            ConfigurationError: If there is none or it is malformed; says where it may come from.
        """
        if self.key is None:
            raise ConfigurationError(
                "There is no key. Give it with the option --key, "
                + _places("key")
                + ". It has to be the key the site's credentials were stored with; a new site makes one with: "
                "python -m OpenOrchestrator key"
            )
        key = self.key.get_secret_value()
        from OpenOrchestrator.common.crypto_util import validate_key  # noqa: PLC0415  (loads cryptography)

        if not validate_key(key):
            raise ConfigurationError(
                f"The key is malformed: it must be 44 characters as printed by python -m OpenOrchestrator key. "
                f"It came from the option --key, {_places('key')}."
            )
        return key

    def require_workspace(self) -> Path:
        """Return the absolute path of the folder for repositories, environments and run files.

        Raises:
            ConfigurationError: If none is set and the account has no home folder.
        """
        return _folder("workspace", self.workspace)

    def require_app_folder(self) -> Path:
        """Return the absolute path of the folder for what the app remembers.

        Raises:
            ConfigurationError: If none is set and the account has no home folder.
        """
        return _folder("app_folder", self.app_folder)


def with_absolute_path(connection_string: str) -> str:
    """Return a connection string whose SQLite file, if it names one, is found from every folder."""
    match = _SQLITE_FILE.fullmatch(connection_string)
    if match is None or match["path"] == ":memory:" or match["path"].startswith("file:"):
        return connection_string
    path = _ENCODED_DRIVE.sub(r"\1:", match["path"])
    return f"{match['head']}{Path(path).absolute().as_posix()}{match['query'] or ''}"


def secrets_to_hide(connection_string: str, key: str | None) -> tuple[str, ...]:
    """Return what must not appear in messages for people, longest first.

    A connection string without a password is no secret, and messages say what to do with it.
    """
    secrets = secrets_of(connection_string, key)
    if mask_connection_string(connection_string) != connection_string:
        return secrets
    harmless = set(secrets_of(connection_string, None))
    return tuple(secret for secret in secrets if secret not in harmless)


def setting_names() -> dict[str, str]:
    """Return the environment variable of each setting, by the name of its option in Python."""
    return {field: _variable(info) for field, info in Settings.model_fields.items()}


def load_settings(**options: Any) -> Settings:
    """Resolve all settings.

    Args:
        **options: What was given on the command line, by the names of Settings; None means not given.

    Returns:
        The settings, each from the first source that has it: option, environment variable, ``.env`` in the current
        folder, default.

    Raises:
        ConfigurationError: Names the setting, what is wrong with it, and the places it may have come from.
    """
    given = {name: value for name, value in options.items() if value is not None}
    aliased = {_variable(Settings.model_fields[name]): value for name, value in given.items()}
    try:
        return Settings(**aliased)
    except ValidationError as error:
        raise ConfigurationError(" ".join(_describe(problem) for problem in error.errors())) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"The file {Path(ENV_FILE).resolve()} cannot be read: {error}. Correct it, or start in another folder."
        ) from error


def _folder(field: str, path: Path | None) -> Path:
    if path is None:
        raise ConfigurationError(
            f"This account has no home folder, so say which folder to use: with the option {_option(field)}, "
            f"{_places(field)}."
        )
    return expanded(path).absolute()


def _describe(problem: Any) -> str:
    location = str(problem["loc"][0]) if problem["loc"] else ""
    for field, variable in setting_names().items():
        if location.lower() in (variable.lower(), field):
            return f"{variable}: {problem['msg']}. It came from the option {_option(field)}, {_places(field)}."
    return f"{location}: {problem['msg']}."


def _option(field: str) -> str:
    return "--" + field.replace("_", "-")


def _places(field: str) -> str:
    variable = setting_names()[field]
    return f"the environment variable {variable}, or a line {variable}=... in {Path(ENV_FILE).resolve()}"


def _variable(info: FieldInfo) -> str:
    return str(info.validation_alias)
