"""What a scheduler can be told, checked before it does anything. Must not know where the values came from."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from OpenOrchestrator.common.errors import ConfigurationError, InvalidInputError
from OpenOrchestrator.common.private_files import make_folder
from OpenOrchestrator.common.settings import Settings, StopPolicy
from OpenOrchestrator.database.labels import checked_labels

KEEP_SECONDS = 10.0
"""Between two heartbeats, which also prolong the leases of running jobs."""

PUMP_SECONDS = 0.5
"""Between two looks at what a running robot printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerOptions:
    """How one scheduler works.

    Attributes:
        name: What it is called in whitelists, jobs and the list of schedulers.
        whitelisted_only: Start only triggers that name it in their whitelist.
        max_jobs: Robots at once.
        poll_interval: Seconds between two looks at the database while nothing else happens.
        workspace: Folder for repositories, environments and run files.
        python: Path of the Python that robots are started with.
        on_stop: What becomes of running robots on stop.
        once: Start what is due, wait for it, and end.
        labels: What this machine has that triggers may require.
    """

    name: str
    whitelisted_only: bool
    max_jobs: int
    poll_interval: float
    workspace: Path
    python: str
    on_stop: StopPolicy = StopPolicy.WAIT
    once: bool = False
    labels: tuple[str, ...] = ()


def scheduler_options(settings: Settings, *, once: bool = False) -> SchedulerOptions:
    """Return the options of a scheduler, with its Python found and its workspace made.

    Raises:
        ConfigurationError: If there is no such Python, no workspace that can be written, or a label cannot be one.
    """
    python = shutil.which(settings.python)
    if python is None:
        raise ConfigurationError(
            f"There is no Python to run robots with at {settings.python!r}. Check the option --python or the setting "
            "OpenOrchestratorPython."
        )
    name = settings.name.strip()
    if not name:
        raise ConfigurationError("A scheduler needs a name: set the option --name or OpenOrchestratorName.")
    workspace = settings.require_workspace()
    try:
        make_folder(workspace / "runs")
        probe = workspace / "runs" / ".writable"
        probe.touch()
        probe.unlink(missing_ok=True)
    except OSError as error:
        reason = f"{_file_on(workspace)} is a file" if _file_on(workspace) else error.strerror or str(error)
        raise ConfigurationError(
            f"The workspace {workspace} cannot be written: {reason}. Choose another folder with the "
            "option --workspace or the setting OpenOrchestratorWorkspace."
        ) from error
    return SchedulerOptions(
        name=name,
        whitelisted_only=settings.whitelisted_only,
        max_jobs=settings.max_jobs,
        poll_interval=settings.poll_interval,
        workspace=workspace,
        python=str(Path(python).absolute()),
        on_stop=settings.on_stop,
        once=once,
        labels=_labels(settings.label),
    )


def _labels(text: str) -> tuple[str, ...]:
    try:
        return checked_labels(text.split(","))
    except InvalidInputError as error:
        came_from = "It came from the option --label or the setting OpenOrchestratorLabel."
        raise ConfigurationError(f"{error} {came_from}") from None


def _file_on(folder: Path) -> Path | None:
    """Return the file that stands where a folder or one above it should be; systems tell this in different words."""
    return next((path for path in (folder / "runs", folder, *folder.parents) if path.is_file()), None)
