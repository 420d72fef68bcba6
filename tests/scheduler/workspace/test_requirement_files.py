"""Which file says what an environment holds, and what changes its digest."""

from __future__ import annotations

from pathlib import Path

import pytest

from OpenOrchestrator.common.errors import LaunchError
from OpenOrchestrator.scheduler.workspace.requirement_files import Source, find


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_bytes(text.encode())
    return folder


def digest(folder: Path) -> str:
    return find(folder, folder).digest


def test_the_most_exact_file_of_the_nearest_folder_counts(tmp_path: Path) -> None:
    top = write(tmp_path, requirements_txt="six", pyproject_toml="", uv_lock="")
    inner = write(tmp_path / "inner")
    assert find(inner, top).source is Source.UV_LOCK
    write(inner, pyproject_toml="")
    assert find(inner, top).source is Source.PYPROJECT
    write(inner, requirements_txt="six")
    assert find(inner, top).source is Source.REQUIREMENTS
    write(inner, pylock_toml="")
    assert (find(inner, top).source, find(inner, top).project) == (Source.PYLOCK, inner)
    (top / "pyproject.toml").unlink()
    assert find(top, top).source is Source.REQUIREMENTS, "a lock needs its project"


def test_nothing_above_the_top_counts(tmp_path: Path) -> None:
    write(tmp_path, requirements_txt="six")
    inner = write(tmp_path / "inner")
    with pytest.raises(LaunchError, match="no file from which"):
        find(inner, inner)


def test_a_member_of_a_workspace_uses_its_lock(tmp_path: Path) -> None:
    top = write(tmp_path, pyproject_toml="[tool.uv.workspace]\nmembers = ['a']\n", uv_lock="version = 1")
    member = write(tmp_path / "a", pyproject_toml="[project]\n")
    found = find(member, top)
    assert (found.source, found.file, found.project) == (Source.UV_LOCK, top / "uv.lock", member)


def test_line_ends_and_other_files_do_not_change_it(tmp_path: Path) -> None:
    folder = write(tmp_path, requirements_txt="six\n", main_py="1")
    before = digest(folder)
    write(folder, requirements_txt="six\r\n", main_py="2")
    assert digest(folder) == before
    write(folder, requirements_txt="six==1\n")
    assert digest(folder) != before


@pytest.mark.parametrize("name", ["uv.toml", "pyproject.toml", "more.txt", "libs/own/own.py", "wheels/a.whl"])
def test_everything_that_is_named_changes_it(tmp_path: Path, name: str) -> None:
    lines = "-r more.txt\n./libs/own  # ours\n--find-links wheels\n"
    folder = write(tmp_path, requirements_txt=lines, more_txt="six\n")
    for place in ("libs/own", "wheels"):
        (folder / place).mkdir(parents=True)
    before = digest(folder)
    (folder / name).write_text("changed", encoding="utf-8")
    assert digest(folder) != before


def test_paths_in_a_lock_change_it_and_the_project_itself_does_not(tmp_path: Path) -> None:
    lock = 'name = "robot"\nsource = { editable = "." }\nname = "own"\nsource = { directory = "libs/own" }\n'
    folder = write(tmp_path, pyproject_toml="", uv_lock=lock)
    own = write(folder / "libs" / "own", own_py="1")
    before = digest(folder)
    write(folder, main_py="changed")
    assert digest(folder) == before
    write(own / "__pycache__", own_pyc="changed")
    assert digest(folder) == before
    write(own, own_py="2")
    assert digest(folder) != before


@pytest.mark.parametrize(
    "files",
    [
        {"requirements_txt": "-e .\n"},
        {"requirements_txt": "--editable ./libs/own\n"},
        {"pyproject_toml": '[tool.uv.sources]\nown = { path = "own", editable = true }\n'},
    ],
)
def test_nothing_editable_is_shared(tmp_path: Path, files: dict[str, str]) -> None:
    with pytest.raises(LaunchError, match="editable"):
        find(write(tmp_path, **files), tmp_path)
