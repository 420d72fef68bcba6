"""Which files of a robot say what its managed environment holds, and a digest of all that they depend on.

Reads the robot's files; changes and installs nothing. TOML is read by patterns, not parsed: Python 3.10 has no parser,
and only the few places count that name other files.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from OpenOrchestrator.common.errors import LaunchError

_LOCK, _PYLOCK, _REQUIREMENTS, _PYPROJECT = "uv.lock", "pylock.toml", "requirements.txt", "pyproject.toml"
_BESIDE = (_PYPROJECT, "uv.toml")
_LEFT_OUT = frozenset({".git", ".hg", ".svn", ".venv", "venv", "__pycache__", ".mypy_cache", ".ruff_cache"})
_WORKSPACE = re.compile(r"(?m)^\s*\[tool\.uv\.workspace\]")
# source = { editable = "libs/common" }; "virtual" ones are not installed.
_LOCKED_PATH = re.compile(r"(?m)^source = \{ (?:editable|directory|path) = \"(?P<path>[^\"\n]*)\"")
# [tool.uv.sources] common = { path = "../common" }   and   [packages.directory] path = "../common"
_KEYED_PATH = re.compile(r"\bpath\s*=\s*[\"'](?P<path>[^\"'\n]+)[\"']")
_EDITABLE = re.compile(r"\beditable\s*=\s*true\b")
_TOML_COMMENT = re.compile(r"(?m)^\s*#.*$")
_INCLUDE = re.compile(r"^(?:-r|--requirement|-c|--constraint)[\s=]*(?P<path>[^\s=].*)$")
_FOLDER_OPTION = re.compile(r"^(?:-f|--find-links)[\s=]*(?P<path>[^\s=].*)$")
_EDITABLE_LINE = re.compile(r"^(?:-e|--editable)\b")
_LINE_COMMENT = re.compile(r"(?:^|\s)#.*$")
_NAMED_PATH = re.compile(r"^[\w.-]+(?:\[[^\]]*\])?\s*@\s*(?P<path>\S+)")


class Source(Enum):
    """The kind of file that says what is installed; the most exact first."""

    UV_LOCK = _LOCK
    PYLOCK = _PYLOCK
    REQUIREMENTS = _REQUIREMENTS
    PYPROJECT = _PYPROJECT


@dataclass(frozen=True, slots=True)
class RequirementFiles:
    """What a managed environment is made from.

    Attributes:
        source: The kind of the file that counts.
        file: That file.
        project: The folder of the robot's project; where it is installed from.
        digest: Of that file and all that it names on this disk, and of the settings beside it: 64 hex digits.
    """

    source: Source
    file: Path
    project: Path
    digest: str


def find(folder: Path, top: Path) -> RequirementFiles:
    """Return what says what a robot needs: of the nearest folder that has such a file, the most exact file.

    Args:
        folder: Working folder of the robot, in or below ``top``.
        top: Where to stop: the root of its files.

    Raises:
        LaunchError: There is none, it asks for something that cannot be shared, or it cannot be read.
    """
    for candidate in (folder, *folder.parents):
        for source in Source:
            file = candidate / source.value
            if file.is_file() and not (source is Source.UV_LOCK and not (candidate / _PYPROJECT).is_file()):
                return _described(source, file, candidate, top)
        if candidate == top:
            break
    raise LaunchError(
        "The robot has no file from which a managed environment can be made. Add a pyproject.toml (best with a "
        "uv.lock), a requirements.txt or a pylock.toml to its folder, or let its trigger use its own environment."
    )


def _described(source: Source, file: Path, project: Path, top: Path) -> RequirementFiles:
    if source is Source.PYPROJECT and (lock := _lock_of_workspace(project, top)) is not None:
        source, file = Source.UV_LOCK, lock
    digest = hashlib.sha256(source.value.encode())
    try:
        for path in _inputs(source, file, project):
            _add(digest, path, project)
    except OSError as error:
        raise LaunchError(f"{file.name} of the robot cannot be read: {error.strerror or error}.") from error
    return RequirementFiles(source, file, project, digest.hexdigest())


def _lock_of_workspace(project: Path, top: Path) -> Path | None:
    """Return the lock file of the uv workspace that a project is a member of."""
    if project == top:
        return None
    for candidate in project.parents:
        lock, pyproject = candidate / _LOCK, candidate / _PYPROJECT
        if lock.is_file() and pyproject.is_file() and _WORKSPACE.search(_text(pyproject)):
            return lock
        if candidate == top:
            break
    return None


def _inputs(source: Source, file: Path, project: Path) -> Iterator[Path]:
    """Yield all files and folders on which the environment depends.

    Raises:
        LaunchError: One is to be installed such that it goes on living in the folder of this run.
    """
    beside = {folder / name for folder in {project, file.parent} for name in _BESIDE}
    yield from sorted({file, *(path for path in beside if path.is_file())})
    if source is Source.UV_LOCK:
        named = (match["path"] for match in _LOCKED_PATH.finditer(_text(file)))
        paths = {Path(os.path.normpath(file.parent / each)) for each in named}
        # The project itself is not installed: it is run from its folder.
        yield from sorted(path for path in paths if path != project)
    elif source is Source.REQUIREMENTS:
        yield from _inputs_of_lines(file, project, {file})
    else:
        text = _TOML_COMMENT.sub("", _text(file))
        if _EDITABLE.search(text):
            raise _editable(file, "editable = true")
        yield from sorted(file.parent / match["path"] for match in _KEYED_PATH.finditer(text))


def _inputs_of_lines(file: Path, project: Path, seen: set[Path]) -> Iterator[Path]:
    lines = _text(file).replace("\\\n", " ").splitlines()
    for line in (_LINE_COMMENT.sub("", each).strip() for each in lines):
        if _EDITABLE_LINE.match(line):
            raise _editable(file, line)
        if match := _INCLUDE.match(line):
            included = file.parent / match["path"].strip("\"'")
            if included.is_file() and included not in seen:
                seen.add(included)
                yield included
                yield from _inputs_of_lines(included, project, seen)
        else:
            folder, named = _FOLDER_OPTION.match(line), _NAMED_PATH.match(line)
            words = line.partition(";")[0].partition("[")[0].partition(" --")[0]
            words = folder["path"] if folder else named["path"] if named else words
            words = words.removeprefix("file://").removeprefix("file:").strip("\"' ")
            if (folder or _looks_like_path(words)) and "://" not in words and (path := project / words).exists():
                yield path


def _looks_like_path(words: str) -> bool:
    if not words or words.startswith("-"):
        return False
    return words.startswith(".") or "/" in words or "\\" in words or words.endswith((".whl", ".tar.gz", ".zip"))


def _editable(file: Path, words: str) -> LaunchError:
    return LaunchError(
        f"{file.name} of the robot asks for something editable ({words}). A managed environment is shared between "
        "runs, each of which has a folder of its own, so nothing in it can be editable: write it without, and it is "
        "copied into the environment."
    )


def _add(digest: hashlib._Hash, path: Path, project: Path) -> None:
    """Add a file or all files of a folder to a digest; line ends do not count, because git may convert them."""
    if path.is_dir():
        for folder, folders, names in os.walk(path):
            folders[:] = sorted(name for name in folders if name not in _LEFT_OUT)
            for name in sorted(names):
                if not name.endswith(".pyc"):
                    _add(digest, Path(folder, name), project)
        return
    if not path.is_file():
        return
    content = path.read_bytes().replace(b"\r\n", b"\n")
    shown = Path(os.path.relpath(path, project)).as_posix().encode("utf-8", "surrogateescape")
    for part in (shown, content):
        digest.update(b"%d:" % len(part))
        digest.update(part)


def _text(file: Path) -> str:
    return file.read_bytes().replace(b"\r\n", b"\n").decode("utf-8-sig", "replace")
