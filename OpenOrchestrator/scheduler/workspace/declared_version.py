"""Which version of OpenOrchestrator a robot's project declares.

Reads the robot's files; changes and installs nothing, and must not know what the version is asked for. TOML is read by
patterns, not parsed: Python 3.10 has no parser, a robot's file may be broken, and only a handful of places can name a
requirement.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

HIGHEST_MAJOR = 4
"""The highest major version that is told from later ones."""

_DECLARATIONS = ("pyproject.toml", "setup.cfg", "setup.py", "Pipfile", "environment.yml", "environment.yaml")
_REQUIREMENTS = ("*requirements*.txt", "*requirements*.in", "*constraints*.txt", "requirements/*.txt")
_TABLE_LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "pylock.*.toml")
_PIPFILE_LOCK = "Pipfile.lock"
_INSTALLED = (
    "{venv}/lib/python*/site-packages/[Oo]pen[Oo]rchestrator-*.dist-info",
    "{venv}/Lib/site-packages/[Oo]pen[Oo]rchestrator-*.dist-info",
)
_LARGEST_FILE = 20_000_000

_NAME = r"open[-_.]?orchestrator"
_COMMENT = re.compile(r"(?m)(?:^|\s)#(?!egg=).*$")
# OpenOrchestrator[extra] >=3,<4 ; marker      (up to the end of the string, line, comment or marker)
_REQUIREMENT = re.compile(
    rf"(?im)(?:^|[\s\"'\[,=-]){_NAME}\s*(?:\[[^\]\n]*\])?\s*\(?(?P<specifier>[=<>!~^][^;\"'#)\n]*)"
)
# OpenOrchestrator = "^3.0"   or   OpenOrchestrator = {version = "^3.0", extras = [...]}
_KEYED = re.compile(
    rf"(?im)^\s*[\"']?{_NAME}[\"']?\s*=\s*(?:\[\s*)?(?:[\"'](?P<plain>[^\"'\n]*)[\"']|\{{[^}}]*?\bversion\s*=\s*[\"'](?P<table>[^\"'\n]*)[\"'])"
)
# [tool.poetry.dependencies.OpenOrchestrator] with the version on a line of its own
_TABLE = re.compile(
    rf"(?im)^\[[^\]\n]*\.[\"']?{_NAME}[\"']?\]\s*\n(?:(?!\[).*\n)*?\s*version\s*=\s*[\"'](?P<version>[^\"'\n]*)[\"']"
)
_SOURCE = re.compile(
    rf"(?im)^\s*[\"']?{_NAME}[\"']?\s*=\s*\{{[^}}]*?\b(?:tag|rev|branch)\s*=\s*[\"']v?(?P<major>\d+)\.\d"
)
# git+https://.../OpenOrchestrator.git@3.0.0   or   OpenOrchestrator-1.3.1-py3-none-any.whl
_ADDRESS = re.compile(
    rf"(?i){_NAME}(?:\.git)?@v?(?P<tag>\d+)\.\d|{_NAME}-(?P<file>\d+)\.[\w.]+?(?:-[\w.-]+\.whl|\.tar\.gz|\.zip)"
)
_MENTION = re.compile(rf"(?im)(?:^|[\s\"'\[,/.-]){_NAME}(?![\w-])")
_LOCKED = re.compile(
    rf"(?ims)^\[\[packages?\]\]\s*^name\s*=\s*[\"']{_NAME}[\"']\s*^version\s*=\s*[\"'](?P<major>\d+)\."
)
_PIPFILE_LOCKED = re.compile(rf"(?is)\"{_NAME}\"\s*:\s*\{{[^}}]*?\"version\"\s*:\s*\"==(?P<major>\d+)\.")
_CLAUSE = re.compile(r"^(?P<operator>===?|~=|!=|<=|>=|<|>|\^|~)?\s*v?(?P<version>\d+(?:\.\d+)*(?:\.\*)?|\*)?")


def declared_major(project: Path) -> int | None:
    """Return the highest major version of OpenOrchestrator that a robot's project permits.

    Looks into pyproject.toml (project, optional, groups, Poetry, uv), setup.cfg, setup.py, Pipfile, requirements and
    constraints files, lock files, and virtual environments already there (``.venv``, ``venv``). Where they differ the
    lowest counts, since an installation has to satisfy all of them. Files that cannot be read are passed over.

    Args:
        project: Folder of the project.

    Returns:
        None when OpenOrchestrator is not declared; HIGHEST_MAJOR when that or any later version is
        permitted (no version is named, or only a lowest one); otherwise the highest major below.
    """
    majors = [major for major in _majors(project) if major is not None]
    return min(majors) if majors else None


def nearest_project(folder: Path, top: Path) -> Path | None:
    """Return the folder whose declarations hold for a robot: the nearest at or above its own that has some.

    Args:
        folder: Folder of the robot's file, in or below ``top``.
        top: Where to stop: the root of the repository.

    Returns:
        That folder, or None when none has a declaration.
    """
    for candidate in (folder, *folder.parents):
        if any(True for _ in _declaring_files(candidate)):
            return candidate
        if candidate == top:
            break
    return None


def _declaring_files(project: Path) -> Iterator[Path]:
    for pattern in (*_DECLARATIONS, *_REQUIREMENTS, *_TABLE_LOCKS, _PIPFILE_LOCK):
        yield from (path for path in sorted(project.glob(pattern)) if path.is_file())


def _majors(project: Path) -> Iterator[int | None]:
    for path in _declaring_files(project):
        text = _read(path)
        if path.name == _PIPFILE_LOCK:
            yield from (int(match["major"]) for match in _PIPFILE_LOCKED.finditer(text))
        elif any(path.match(pattern) for pattern in _TABLE_LOCKS):
            yield from (int(match["major"]) for match in _LOCKED.finditer(text))
        else:
            yield from _declared_in(_COMMENT.sub("", text))
    for venv in (".venv", "venv"):
        for pattern in _INSTALLED:
            for folder in project.glob(pattern.format(venv=venv)):
                version = folder.name.partition("-")[2]
                yield int(version.partition(".")[0]) if version[:1].isdigit() else None


def _declared_in(text: str) -> Iterator[int]:
    """Yield the highest major version that each declaration in a text permits."""
    if _MENTION.search(text):
        yield HIGHEST_MAJOR
    for match in _REQUIREMENT.finditer(text):
        # In a TOML or INI key the equals sign is not an operator.
        if not re.match(r"=(?!=)", match["specifier"]):
            yield _highest_major(match["specifier"])
    for match in _KEYED.finditer(text):
        yield _highest_major(match["plain"] if match["table"] is None else match["table"])
    yield from (_highest_major(match["version"]) for match in _TABLE.finditer(text))
    yield from (int(match["major"]) for match in _SOURCE.finditer(text))
    yield from (int(match["tag"] or match["file"]) for match in _ADDRESS.finditer(text))


def _highest_major(specifier: str) -> int:
    """Return the highest major version a specifier permits, at most HIGHEST_MAJOR."""
    return max(_highest_of_all(alternative) for alternative in specifier.split("||"))


def _highest_of_all(clauses: str) -> int:
    # "> = 3" is written by people; clauses are separated by commas, with Poetry also by blanks.
    tight = re.sub(r"(?<=[=<>!~^])\s+", "", clauses)
    permitted = set(range(HIGHEST_MAJOR + 1))
    for clause in re.split(r"[\s,]+", tight.strip()):
        match = _CLAUSE.match(clause)
        if match is not None and match["version"]:
            permitted &= _permitted_by(match["operator"] or "==", match["version"])
    return max(permitted, default=HIGHEST_MAJOR)


def _permitted_by(operator: str, version: str) -> set[int]:
    """Return the majors of which one clause leaves at least one version."""
    everything = set(range(HIGHEST_MAJOR + 1))
    if version == "*":
        return everything
    numbers = [int(part) for part in version.removesuffix(".*").split(".")]
    major = min(numbers[0], HIGHEST_MAJOR)
    if operator in {"==", "===", "~=", "^", "~"}:
        return {major}
    if operator == "<=":
        return set(range(major + 1))
    if operator == "<":
        return set(range(major + 1 if any(numbers[1:]) else major)) if numbers[0] <= major else everything
    if operator == "!=" and (version.endswith(".*") and len(numbers) == 1):
        return everything - {major}
    return everything


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            return ""
        data = path.read_bytes()
    except OSError:
        # Unreadable for us, so for the robot as well: it declares nothing.
        return ""
    encoding = "utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    return data.decode(encoding, "replace")
