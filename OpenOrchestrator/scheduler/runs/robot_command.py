"""What a robot is started with: its argument list and its environment. Pure.

Owns what a robot is handed (contract: ``python main.py <process name> <connection string> <key> <arguments>
<trigger id> <job id>``).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from OpenOrchestrator.common import secret_markers
from OpenOrchestrator.database.statuses import SecretPassing
from OpenOrchestrator.scheduler.host import run_files
from OpenOrchestrator.scheduler.runs.git_variables import says_where_git_looks

DEFAULT_OUTPUT_LIMIT = 10 * 1024 * 1024
"""Most bytes of a run's output that are kept, besides its end."""

DEFAULT_GRACE = 5.0
"""Seconds a robot has to end by itself when it is stopped."""

_NOT_INHERITED = frozenset(
    {
        # They steer the scheduler's own interpreter. A robot runs another main module, often in another interpreter
        # with its own, older OpenOrchestrator, and would import the scheduler's packages instead.
        "PYTHONHOME",
        "PYTHONPATH",
        "PYTHONSTARTUP",
        "PYTHONSAFEPATH",
        "PYTHONEXECUTABLE",
        "PYTHONINSPECT",
        "__PYVENV_LAUNCHER__",
        # uv and others install into what this names: a robot that sets itself up would change the scheduler.
        "VIRTUAL_ENV",
        "VIRTUAL_ENV_PROMPT",
        "UV_PROJECT_ENVIRONMENT",
        # Secrets of the app and of another run's repository.
        "OPENORCHESTRATORPASSWORD",
        "OPENORCHESTRATOR_GIT",
        "OPENORCHESTRATOR_GIT_USER",
        "OPENORCHESTRATOR_GIT_PASSWORD",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchSpec:
    """Everything about one start of a robot.

    Attributes:
        job_id: The job; names the run directory and marks all processes of the run.
        trigger_id: The trigger that is due.
        process_name: Name of the process, first argument of the robot.
        process_arguments: Arguments of the process; may be empty.
        file: The robot's Python file. Its folder becomes the working folder.
        passing: ENVIRONMENT or ARGUMENTS (see secret_passing.resolve_passing).
        connection_string: With its password.
        crypto_key: The encryption key.
        timeout: Seconds the robot may run, or None for no limit.
        grace: Seconds between the request to terminate and the kill.
        soft: Seconds before that, in which a robot whose time is up is asked to come to an end by itself.
        output_limit: Bytes of output kept.
        python: The interpreter to run the robot with; None for the launcher's.
        path: Folders to put before the PATH that the robot inherits.
        variables: Variables to add to its environment.
        secrets: Texts to hide in its output, besides connection string and key.
        module: The module to run in place of the file; None for the file.
        folder: The working folder; None for that of the file.
        import_folders: Where the robot's modules are, besides where Python looks by itself.
        printed: How many pieces of the job's output there are already.
    """

    job_id: UUID
    trigger_id: UUID
    process_name: str
    process_arguments: str
    file: Path
    passing: SecretPassing
    connection_string: str
    crypto_key: str
    timeout: float | None = None
    grace: float = DEFAULT_GRACE
    soft: float = 0
    output_limit: int = DEFAULT_OUTPUT_LIMIT
    python: str | None = None
    path: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    module: str | None = None
    folder: Path | None = None
    import_folders: tuple[str, ...] = ()
    printed: int = 0


@dataclass(frozen=True, slots=True)
class RobotCommand:
    """What to execute.

    Attributes:
        argv: Program and arguments.
        env: The whole environment.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]


def build_command(spec: LaunchSpec, *, python: str, inherited: Mapping[str, str]) -> RobotCommand:
    """Put together argument list and environment of a robot.

    The environment is the scheduler's, without connection string and key (unless they are passed that way), without
    other secrets of ours, and without what steers the scheduler's own Python or says where git looks. Robots may rely
    on: ``OPENORCHESTRATOR_JOB``, the id of the job; unbuffered output, so that it can be watched; and standard streams
    in UTF-8, so that printing any character works on Windows too. The default encoding of files stays the machine's
    (PYTHONUTF8 is not set), because robots in service read files written that way. What the scheduler's environment
    says about buffering or encoding wins.

    Args:
        spec: The start.
        python: The interpreter to run the robot with, unless the start names one.
        inherited: The scheduler's environment.

    Raises:
        ValueError: The way to pass secrets is still AUTO.
    """
    if spec.passing is SecretPassing.AUTO:
        raise ValueError("How secrets are passed is still AUTO: ask secret_passing.resolve_passing first.")
    secrets = {
        secret_markers.CONNECTION_STRING_VARIABLE: spec.connection_string,
        secret_markers.KEY_VARIABLE: spec.crypto_key,
    }
    # Names are compared in capitals, because on Windows they are one and the same in any case.
    left_out = _NOT_INHERITED | {variable.upper() for variable in secrets}
    env = {
        name: value
        for name, value in inherited.items()
        if name.upper() not in left_out and not says_where_git_looks(name)
    }
    if spec.path:
        name_of_path = next((name for name in env if name.upper() == "PATH"), "PATH")
        env[name_of_path] = os.pathsep.join([*spec.path, *filter(None, [env.get(name_of_path)])])
    env |= spec.variables
    if spec.import_folders:
        env["PYTHONPATH"] = os.pathsep.join(spec.import_folders)
    env.setdefault("PYTHONUNBUFFERED", "1")
    env.setdefault("PYTHONIOENCODING", "utf-8:backslashreplace")
    env[run_files.JOB_VARIABLE] = str(spec.job_id)
    if spec.passing is SecretPassing.ENVIRONMENT:
        env |= secrets
        handed_over = [secret_markers.marker(variable) for variable in secrets]
    else:
        handed_over = list(secrets.values())
    argv = (
        spec.python or python,
        *(("-m", spec.module) if spec.module is not None else (str(spec.file),)),
        spec.process_name,
        *handed_over,
        spec.process_arguments,
        str(spec.trigger_id),
        str(spec.job_id),
    )
    return RobotCommand(argv, env)
