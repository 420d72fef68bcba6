"""Deleting and replacing where Windows refuses it at first."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from OpenOrchestrator.scheduler.workspace import files


def refuse(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, times: int) -> list[object]:
    """Let a function fail as it does on Windows while somebody has the file open."""
    real: Callable[..., Any] = getattr(owner, name)
    refused: list[object] = []

    def refusing(*arguments: Any, **named: Any) -> Any:
        if len(refused) < times:
            refused.append(arguments[0])
            raise PermissionError(13, "The process cannot access the file", str(arguments[0]))
        return real(*arguments, **named)

    monkeypatch.setattr(owner, name, refusing)
    return refused


@pytest.fixture(autouse=True)
def _as_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_ON_WINDOWS", True)


def test_a_file_that_is_open_is_replaced_and_deleted_as_soon_as_it_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.json"
    files.write_json(path, {"n": 1})
    with monkeypatch.context() as patch:
        assert len(refuse(patch, Path, "replace", 3)) == 0
        files.write_json(path, {"n": 2})
    assert files.read_json(path) == {"n": 2}
    with monkeypatch.context() as patch:
        refuse(patch, Path, "unlink", 3)
        files.unlink(path)
    assert list(tmp_path.iterdir()) == []
    files.unlink(path)


def test_a_file_that_stays_open_is_an_error_and_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_PATIENCE", 0.0)
    path = tmp_path / "file"
    path.touch()
    with monkeypatch.context() as patch:
        refuse(patch, Path, "unlink", 1000)
        with pytest.raises(PermissionError):
            files.unlink(path)
        refuse(patch, Path, "replace", 1000)
        folder = tmp_path / "folder"
        folder.mkdir()
        with pytest.raises(PermissionError):
            files.remove_tree(folder)
    assert path.exists()
    assert folder.exists()


def test_read_only_files_of_git_are_made_writable_to_be_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = tmp_path / "tree" / ".git" / "objects" / "pack" / "x.pack"
    pack.parent.mkdir(parents=True)
    pack.touch(mode=0o444)
    real = os.unlink

    def minding(path: Any, **named: Any) -> None:
        if not os.stat(path, **named).st_mode & 0o200:  # noqa: PTH116  (relative to a descriptor)
            raise PermissionError(5, "Access is denied", str(path))
        real(path, **named)

    monkeypatch.setattr(os, "unlink", minding)
    files.remove_tree(tmp_path / "tree")
    assert list(tmp_path.iterdir()) == []


def test_what_is_still_in_use_waits_under_a_name_that_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_PATIENCE", 0.0)
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "running.exe").touch()
    with monkeypatch.context() as patch:
        refuse(patch, os, "unlink", 1000)
        files.remove_tree(tree)
    assert not tree.exists()
    [trash] = tmp_path.iterdir()
    assert trash.suffix == files.TRASH_SUFFIX
    assert files.empty_trash(trash)
    assert list(tmp_path.iterdir()) == []


def test_half_a_file_reads_as_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_text('{"n": 1')
    (tmp_path / "b").write_text("[1]")
    for name in ("a", "b", "missing"):
        assert files.read_json(tmp_path / name) == {}


def test_a_link_is_deleted_and_not_what_it_leads_to(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "file").touch()
    link = tmp_path / "link"
    try:
        link.symlink_to(target, target_is_directory=True)
    except OSError:
        pytest.skip("links cannot be made here")
    files.remove_tree(link)
    assert not link.is_symlink()
    assert (target / "file").exists()
