"""What is run to make a managed environment, with which variables. Pure.

Owns the command lines of uv and pip. Runs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from OpenOrchestrator.common.redaction import SHORTEST_SECRET, redact
from OpenOrchestrator.scheduler.workspace.interpreters import python_of
from OpenOrchestrator.scheduler.workspace.requirement_files import RequirementFiles, Source

MARK_VARIABLE = "OPENORCHESTRATOR_ENVIRONMENT"
"""Environment variable that marks what makes an environment with its path, so that orphans can be found."""

_NOT_PASSED_ON = frozenset(
    {
        # They steer the scheduler's own Python, or install elsewhere than into the environment.
        "PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONSAFEPATH", "PYTHONEXECUTABLE", "PYTHONINSPECT",
        "__PYVENV_LAUNCHER__", "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "CONDA_PREFIX", "CONDA_DEFAULT_ENV",
        "UV_PROJECT_ENVIRONMENT", "UV_PROJECT", "UV_WORKING_DIR", "UV_WORKING_DIRECTORY", "UV_PYTHON", "UV_FROZEN",
        "UV_LOCKED", "UV_NO_SYNC", "UV_SYSTEM_PYTHON", "UV_BREAK_SYSTEM_PACKAGES", "UV_NO_EDITABLE", "UV_VENV_SEED",
        "UV_MANAGED_PYTHON", "UV_NO_MANAGED_PYTHON", "UV_PYTHON_PREFERENCE",
        "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_REQUIRE_VIRTUALENV", "PIP_PYTHON", "PIP_QUIET",
    }
)  # fmt: skip
_SECRET_NAME = re.compile(r"(?i)password|passwd|token|secret|api_?key")
_USER_INFO = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)(?P<user>[^\s/@]+)@", re.IGNORECASE)


class Step(NamedTuple):
    """One program to run.

    Attributes:
        argv: Program and arguments.
        env: Variables it gets beside the common ones.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]


def steps(requirements: RequirementFiles, environment: Path, python: str, uv: str | None) -> list[Step]:
    """Return what to run, one after the other, in the folder of the robot's project.

    Args:
        requirements: What is to be in it.
        environment: Folder of the environment; there is none yet.
        python: The interpreter it is made from.
        uv: The program uv; None makes it with venv and pip, which cannot read locks.
    """
    made = str(python_of(environment))
    if uv is None:
        install = [made, "-I", "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--no-color"]
        install += ["--progress-bar", "off"]
        what = ["-r", str(requirements.file)]
        if requirements.source is Source.PYPROJECT:
            what = [str(requirements.project)]
        return [Step((python, "-I", "-m", "venv", str(environment)), {}), Step((*install, *what), {})]
    plain = ("--no-progress", "--color", "never")
    if requirements.source is Source.UV_LOCK:
        sync = (uv, "sync", *plain, "--locked", "--no-install-project", "--no-editable", "--python", python)
        return [Step(sync, {"UV_PROJECT_ENVIRONMENT": str(environment)})]
    venv = (uv, "venv", *plain, "--quiet", "--no-project", "--python", python, str(environment))
    return [Step(venv, {}), Step((uv, "pip", "install", *plain, "--python", made, "-r", str(requirements.file)), {})]


def variables(inherited: Mapping[str, str], *, cache: Path, mark: str) -> dict[str, str]:
    """Return the environment in which the steps run: the scheduler's, without its secrets and what leads astray.

    Which indexes there are, and how to log in there, stays as it is set for the scheduler's account.

    Args:
        inherited: The scheduler's environment.
        cache: Where uv keeps what it downloaded, unless a setting of its own names another folder.
        mark: Value of MARK_VARIABLE.
    """
    env = {
        name: value
        for name, value in inherited.items()
        if name.upper() not in _NOT_PASSED_ON and not name.upper().startswith("OPENORCHESTRATOR")
    }
    env.setdefault("UV_CACHE_DIR", str(cache))
    if env.get("UV_LINK_MODE") == "symlink":
        del env["UV_LINK_MODE"]  # an environment outlives the cache
    return env | {
        MARK_VARIABLE: mark,
        "UV_COMPILE_BYTECODE": "1",
        "UV_PYTHON_DOWNLOADS": "never",
        "GIT_TERMINAL_PROMPT": "0",
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8:backslashreplace",
    }


def secrets_in(env: Mapping[str, str]) -> tuple[str, ...]:
    """Return the texts in an environment that nobody may read in an output: passwords, tokens, logins of indexes."""
    found = {value for name, value in env.items() if _SECRET_NAME.search(name)}
    for value in env.values():
        for match in _USER_INFO.finditer(value):
            password = match["user"].partition(":")[2]
            found |= {password, unquote(password)}
    return tuple(sorted((text for text in found if len(text) >= SHORTEST_SECRET), key=len, reverse=True))


def shown(line: str, secrets: Sequence[str]) -> str:
    """Return a line of output without secrets and logins."""
    return _USER_INFO.sub(r"\g<scheme>***@", redact(line, secrets))
