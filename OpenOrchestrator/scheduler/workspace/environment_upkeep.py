"""Listing the managed environments of a workspace, and deleting those that are not used for long or too much.

Owns which are deleted; the choice is pure. Never touches one that a run uses.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

from OpenOrchestrator.scheduler.workspace import files
from OpenOrchestrator.scheduler.workspace.file_lock import locked
from OpenOrchestrator.scheduler.workspace.managed_environments import (
    BUILDING,
    FAILED,
    RECORD,
    USERS,
    ManagedEnvironments,
    size_of,
)

KEEP_DAYS = 30.0
"""Days after its last use that a managed environment is deleted."""

MOST_BYTES = 20_000_000_000
"""What all of them hold at most; of those that nobody uses, the ones go first that were not used for longest."""

MOST_CACHE_BYTES = 5_000_000_000
"""What is kept at most of downloaded packages. They may be had again."""

_DAY = 86400.0
_CACHE_SECONDS = 600.0
_LOCK_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Listed:
    """A managed environment, or one that could not be made or is being made.

    Attributes:
        key: What it is called.
        state: ``ready``, ``building`` or ``failed``.
        source: Name of the file it was made from.
        made_for: The robot it was made for first; others may use it too.
        python: Version of its Python.
        openorchestrator: The version that the robot's files brought; None if it sees the scheduler's packages.
        built_at: Seconds since the epoch; of one that failed, when that was.
        last_used: Seconds since the epoch.
        size: Bytes of its files. Some may be shared with the cache of packages.
        users: The jobs that use it.
        folder: Where it is; None if there is none.
        reason: Why it could not be made.
    """

    key: str
    state: str
    source: str = ""
    made_for: str = ""
    python: str = ""
    openorchestrator: str | None = None
    built_at: float | None = None
    last_used: float | None = None
    size: int = 0
    users: tuple[UUID, ...] = ()
    folder: Path | None = None
    reason: str = ""


def chosen(environments: Iterable[Listed], *, now: float, keep_days: float, most_bytes: float) -> list[Listed]:
    """Return which environments to delete: unused for too long, then as many as are too much. Pure.

    Args:
        environments: All there are.
        now: Seconds since the epoch.
        keep_days: Days after the last use that one is kept.
        most_bytes: What may be left.
    """
    ready = [each for each in environments if each.state == "ready"]
    free = sorted((each for each in ready if not each.users), key=lambda each: each.last_used or 0.0)
    left = sum(each.size for each in ready)
    gone = []
    for each in free:
        if now - (each.last_used or 0.0) > keep_days * _DAY or left > most_bytes:
            gone.append(each)
            left -= each.size
    return gone


def listed(environments: ManagedEnvironments) -> list[Listed]:
    """Return the environments of a workspace, the one used last first, then those that are being made or failed.

    Raises:
        TimeoutError: Others held the lock all the time.
        OSError: They cannot be read.
    """
    if not environments.folder.is_dir():
        return []
    with environments.locked(_LOCK_SECONDS):
        return _listed(environments)


def prune(
    environments: ManagedEnvironments,
    *,
    now: float | None = None,
    keep_days: float = KEEP_DAYS,
    most_bytes: float = MOST_BYTES,
) -> list[Listed]:
    """Delete environments that no run uses: those unused for some days, then the least used of what is too much.

    What dead makers left, and old ones that were made anew, are deleted as well.

    Returns:
        What was deleted of the environments that might have been used again.

    Raises:
        TimeoutError: Others held the lock all the time.
        OSError: They cannot be read.
    """
    folder = environments.folder
    if not folder.is_dir():
        return []
    instant = time.time() if now is None else now
    _end_dead_makers(environments)
    removed: list[Listed] = []
    trash: list[Path] = []
    with environments.locked(_LOCK_SECONDS):
        there = _listed(environments)
        for each in chosen(there, now=instant, keep_days=keep_days, most_bytes=most_bytes):
            if each.folder is not None and _discard(each.folder, trash):
                files.unlink(folder / f"{each.key}{RECORD}")
                environments.marks.forget(each.folder)
                removed.append(each)
        used = {each.folder for each in there}
        for other in _environment_folders(folder):
            if other not in used and not environments.marks.users(other) and _discard(other, trash):
                environments.marks.forget(other)
        _forget_leftovers(environments, instant, used)
    for each_folder in (*trash, *folder.glob(f"*{files.TRASH_SUFFIX}")):
        files.empty_trash(each_folder)
    return removed


def prune_cache(environments: ManagedEnvironments, *, most_bytes: float = MOST_CACHE_BYTES) -> None:
    """Let uv delete what of its downloads nothing needs any more, and all of them if they are too much."""
    uv = environments.uv()
    if uv is None or not environments.cache.is_dir():
        return
    env = {**os.environ, "UV_CACHE_DIR": str(environments.cache)}
    for task in ("prune", "clean"):
        if task == "clean" and size_of(environments.cache) <= most_bytes:
            return
        with contextlib.suppress(subprocess.SubprocessError, OSError):  # in use, or uv does not run; the next time
            subprocess.run(
                [uv, "cache", task, "--quiet"],
                env=env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_CACHE_SECONDS,
                check=True,
            )


def _listed(environments: ManagedEnvironments) -> list[Listed]:
    folder = environments.folder
    found = []
    for record in folder.glob(f"*{RECORD}"):
        content = files.read_json(record)
        if not content:
            continue
        environment = folder / str(content.get("folder"))
        found.append(
            Listed(
                key=record.name.removesuffix(RECORD),
                state="ready",
                source=str(content.get("source", "")),
                made_for=str(content.get("made_for", "")),
                python=str(content.get("python", "")),
                openorchestrator=content.get("openorchestrator"),
                built_at=content.get("built_at"),
                last_used=record.stat().st_mtime,
                size=int(content.get("bytes", 0)),
                users=tuple(environments.marks.users(environment)),
                folder=environment,
            )
        )
    found.sort(key=lambda each: -(each.last_used or 0.0))
    return [*found, *_unfinished(folder), *_failed(folder)]


def _unfinished(folder: Path) -> Iterator[Listed]:
    for note in sorted(folder.glob(f"*{BUILDING}")):
        name = note.name.removesuffix(BUILDING)
        made_for = str(files.read_json(note).get("made_for", ""))
        yield Listed(name.partition("-")[0], "building", made_for=made_for, folder=note.with_name(name))


def _failed(folder: Path) -> Iterator[Listed]:
    for note in sorted(folder.glob(f"*{FAILED}")):
        content = files.read_json(note)
        yield Listed(
            note.name.removesuffix(FAILED),
            "failed",
            source=str(content.get("source", "")),
            made_for=str(content.get("made_for", "")),
            built_at=content.get("at"),
            reason=str(content.get("reason", "")),
        )


def _environment_folders(folder: Path) -> list[Path]:
    """Return the folders of environments that are not being made."""
    return [
        path
        for path in folder.glob("*-*")
        if path.is_dir()
        and path.suffix not in (USERS, files.TRASH_SUFFIX)
        and not path.with_name(f"{path.name}{BUILDING}").exists()
    ]


def _end_dead_makers(environments: ManagedEnvironments) -> None:
    """Delete what was left half made, where nobody holds the lock of its key any more."""
    keys = {note.name.partition("-")[0] for note in environments.folder.glob(f"*{BUILDING}")}
    for key in sorted(keys):
        with contextlib.suppress(TimeoutError, OSError), locked(environments.lock_of(key), timeout=0):
            environments.end_makers(key)


def _discard(environment: Path, trash: list[Path]) -> bool:
    """Take an environment out of use at once, to be deleted without holding up others; False if that cannot be now."""
    if not environment.exists():
        return True
    target = environment.with_name(f"{environment.name}.{uuid4().hex}{files.TRASH_SUFFIX}")
    try:
        files.rename(environment, target)
    except OSError:
        return False  # a program still runs in it; the next time
    trash.append(target)
    return True


def _forget_leftovers(environments: ManagedEnvironments, now: float, used: set[Path | None]) -> None:
    """Delete notes that mean nothing any more: of old failures, of interrupted writes, marks without environment."""
    folder = environments.folder
    for note in (*folder.glob(f"*{FAILED}"), *folder.glob("*.tmp")):
        if now - note.stat().st_mtime > _DAY:
            files.unlink(note)
    for marks in folder.glob(f"*{USERS}"):
        if marks.with_suffix("") not in used and not marks.with_suffix("").exists():
            files.remove_tree(marks)
