"""What a demo consists of: a folder, a database with its rows, a git repository, and settings.

Owns the contents of the demo; must not start or show anything.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
import venv
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from sqlalchemy.engine import URL, make_url

import OpenOrchestrator
from OpenOrchestrator.cli.demo_watch import Expectation
from OpenOrchestrator.common import crypto_util, private_files
from OpenOrchestrator.common.errors import ConfigurationError
from OpenOrchestrator.common.secret_markers import CONNECTION_STRING_VARIABLE, KEY_VARIABLE
from OpenOrchestrator.common.settings import ENV_FILE, PREFIX, default_app_folder, expanded
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.schema import migrations

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

QUEUE = "Orders"
REPORT = "Order report"
WORKER = "Order worker"
INTAKE = "Order intake"

_ORDERS_WAITING = (
    ("Gustav", 2),
    ("Hanne", 1),
    ("Ida", 3),
    ("Jens", 0),  # fails on purpose
    ("Karen", 5),
    ("Lars", 1),
    ("Mette", 2),
    ("Niels", 4),
    ("Olga", 1),
    ("Poul", 2),
    ("Rosa", 6),
    ("Svend", 1),
)
_ORDERS_FETCHED = 12
_INTAKE_DELAY = timedelta(seconds=2)
_GIT_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSite:
    """A demo that is ready to be started.

    Attributes:
        folder: All its files.
        connection_string: SQLAlchemy URL of its database.
        key: Key of its credentials.
        python: The Python that its scheduler and robots run with.
        expected: What will have happened when it was a success.
        again: Name of a trigger that can be run again at any time.
    """

    folder: Path
    connection_string: str
    key: str = field(repr=False)
    python: Path
    expected: Expectation
    again: str = REPORT

    def settings(self) -> dict[str, str]:
        """Return the settings that programs need to work on it, by environment variable."""
        return {
            CONNECTION_STRING_VARIABLE: self.connection_string,
            KEY_VARIABLE: self.key,
            f"{PREFIX}Name": "demo",
            f"{PREFIX}Python": str(self.python),
            f"{PREFIX}Workspace": str(self.folder / "workspace"),
            **self._app_folder(),
        }

    def _app_folder(self) -> dict[str, str]:
        """Return where the app keeps its files if that was chosen, or the account has no place of its own for them."""
        chosen = os.environ.get(f"{PREFIX}AppFolder") or ("" if default_app_folder() else self.folder / "app")
        return {f"{PREFIX}AppFolder": str(Path(chosen).absolute())} if chosen else {}

    def environment(self) -> dict[str, str]:
        """Return the environment for its scheduler: this process's, with its settings and nobody else's."""
        inherited = {name: value for name, value in os.environ.items() if not name.lower().startswith(PREFIX.lower())}
        return inherited | self.settings()


def examples_folder() -> Path:
    """Return the folder of the example robots: in the installed package, or in the checkout."""
    package = Path(OpenOrchestrator.__file__).resolve().parent
    for folder in (package / "examples", package.parent / "examples"):
        if folder.is_dir():
            return folder
    raise ConfigurationError(f"The example robots are missing beside {package}. Install OpenOrchestrator again.")


def make_folder(wanted: Path | None, prefix: str = "openorchestrator-demo-") -> Path:
    """Return the folder for a demo's files, made if necessary, readable for this account only if it is new.

    Args:
        wanted: An empty or new folder; None for a new one among the temporary files.
        prefix: What the name of such a new one begins with.

    Raises:
        ConfigurationError: If it holds something, or cannot be made.
    """
    try:
        if wanted is None:
            return Path(tempfile.mkdtemp(prefix=prefix)).resolve()
        folder = expanded(wanted).absolute()
        private_files.make_folder(folder)
        if any(folder.iterdir()):
            raise ConfigurationError(f"The folder {folder} is not empty. Choose a new one with --folder.")
    except OSError as error:
        raise ConfigurationError(
            f"The folder {wanted or tempfile.gettempdir()} cannot be used: {error.strerror or error}. "
            "Choose another one with --folder."
        ) from error
    return folder


def make_site(folder: Path) -> DemoSite:
    """Make everything a demo needs in an empty folder.

    Raises:
        ConfigurationError: If git is missing, or the folder's name does not fit into a connection string.
    """
    if shutil.which("git") is None:
        raise ConfigurationError("The demo runs a robot out of a git repository, and git is not installed. Install it.")
    connection_string = connection_string_of(folder / "demo.db")
    site = DemoSite(
        folder=folder,
        connection_string=connection_string,
        key=crypto_util.generate_key().decode("ascii"),
        python=_python(folder / "python"),
        expected=Expectation(
            triggers=(REPORT, WORKER, INTAKE),
            queue=QUEUE,
            elements=len(_ORDERS_WAITING) + _ORDERS_FETCHED,
            failing=sum(amount == 0 for _, amount in _ORDERS_WAITING),
        ),
    )
    _write_settings(site)
    repository = _make_repository(examples_folder() / "order_intake", folder / "order_intake")
    migrations.upgrade(connection_string, new=True)
    database = Database(connection_string)
    try:
        database.write(lambda session: _fill(session, database, site.key, repository))
    finally:
        database.close()
    return site


def connection_string_of(file: PurePath) -> str:
    """Return the connection string of a SQLite database in a file.

    Raises:
        ConfigurationError: If the name of its folder does not fit into one.
    """
    # As people write it: SQLAlchemy from 2.1 renders C%3A/, which only itself takes for a drive.
    plain = f"sqlite+pysqlite:///{file.as_posix()}"
    rendered = URL.create("sqlite+pysqlite", database=file.as_posix()).render_as_string(hide_password=False)
    for text in (plain, rendered.replace("%3A", ":")):
        if make_url(text).database == file.as_posix():
            return text
    raise ConfigurationError(
        f"The folder {file.parent} has a character in its name that means something else in a connection string "
        "(such as ? or %). Choose another one with --folder."
    )


def _python(folder: Path) -> Path:
    """Return a Python that finds this very OpenOrchestrator from anywhere.

    That is the one in use if the package is installed in it. In a checkout it is a virtual environment, made in the
    given folder, that looks where this process does: a scheduler does not hand its import path on to robots.
    """
    package_parent = Path(OpenOrchestrator.__file__).resolve().parent.parent
    with suppress(PackageNotFoundError):
        installed = distribution("OpenOrchestrator")
        if installed.version == OpenOrchestrator.__version__:
            return Path(sys.executable)
    venv.EnvBuilder(symlinks=os.name != "nt").create(folder)
    if os.name == "nt":
        python, packages = folder / "Scripts" / "python.exe", folder / "Lib" / "site-packages"
    else:
        python = folder / "bin" / "python"
        packages = folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    found = [str(package_parent), *(entry for entry in sys.path if Path(entry).name == "site-packages")]
    (packages / "demo.pth").write_text("\n".join([*found, ""]), encoding="utf-8")
    return python


def _write_settings(site: DemoSite) -> None:
    """Write the file that lets programs started in the folder find the demo's database and key."""
    lines = []
    for name, value in site.settings().items():
        quoted = value.replace("\\", "\\\\").replace("'", "\\'")
        lines.append(f"{name}='{quoted}'\n")
    file = site.folder / ENV_FILE
    file.touch(mode=0o600)
    file.write_text("".join(lines), encoding="utf-8")


def _make_repository(source: Path, target: Path) -> Path:
    """Make a git repository with the files of an example robot, committed by nobody in particular."""
    # Loaded here because it needs what only the scheduler does.
    from OpenOrchestrator.common.repository_address import RepositoryAddress  # noqa: PLC0415
    from OpenOrchestrator.scheduler.workspace.git_command import GitCommand  # noqa: PLC0415

    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    git, deadline = GitCommand(RepositoryAddress(""), "demo"), time.monotonic() + _GIT_SECONDS
    git.run("init", "--quiet", "--template=", target, deadline=deadline)
    within = (f"--git-dir={target / '.git'}", f"--work-tree={target}")
    for command in (
        ("config", "user.name", "OpenOrchestrator demo"),
        ("config", "user.email", "demo@localhost"),
        ("config", "commit.gpgSign", "false"),
        ("add", "--all"),
        ("commit", "--quiet", "--message=The order intake"),
    ):
        git.run(*within, *command, deadline=deadline)
    return target


def _fill(session: Session, database: Database, key: str, repository: Path) -> None:
    """Write the rows of the demo."""
    from OpenOrchestrator.database import models  # noqa: PLC0415  (after the settings are known to be good)

    now = database.site_now()
    robots = examples_folder()
    session.add_all(
        [
            models.Constant(name="Shop name", value="The corner shop", changed_at=now),
            models.Credential(
                name="Order system",
                username="robot-7",
                password=crypto_util.encrypt("correct horse battery staple", key),
                changed_at=now,
            ),
            models.ScheduledTrigger(
                trigger_name=REPORT,
                process_name=REPORT,
                process_path=str(robots / "order_report" / "main.py"),
                is_git_repo=False,
                is_blocking=False,
                cron_expr="* * * * *",
                next_run=now,
            ),
            models.QueueTrigger(
                trigger_name=WORKER,
                process_name=WORKER,
                process_path=str(robots / "order_worker" / "main.py"),
                is_git_repo=False,
                is_blocking=False,
                queue_name=QUEUE,
                min_batch_size=1,
            ),
            models.SingleTrigger(
                trigger_name=INTAKE,
                process_name=INTAKE,
                process_path=str(repository),
                process_args=json.dumps({"orders": _ORDERS_FETCHED}),
                is_git_repo=True,
                is_blocking=False,
                next_run=now + _INTAKE_DELAY,
            ),
        ]
    )
    session.add_all(
        models.QueueElement(
            queue_name=QUEUE,
            reference=f"P-{number:03}",
            data=json.dumps({"number": f"P-{number:03}", "customer": customer, "amount": amount}),
            created_date=now + number * timedelta(microseconds=1),
            created_by="Demo",
        )
        for number, (customer, amount) in enumerate(_ORDERS_WAITING, start=1)
    )
