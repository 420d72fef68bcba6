"""What a robot's files say about the OpenOrchestrator it runs with."""

from __future__ import annotations

from pathlib import Path

import pytest

from OpenOrchestrator.scheduler.workspace.declared_version import declared_major, nearest_project


@pytest.mark.parametrize(
    ("specifier", "major"),
    [
        ("", 4),
        ("==3.*", 3),
        ("== 1.3.1", 1),
        ("===2.0.1", 2),
        ("~=2.0", 2),
        ("~=3.0.1", 3),
        ("<4", 3),
        ("<4.0.0", 3),
        ("< 4.0.0a1", 3),
        ("<4.1", 4),
        ("<=3.9", 3),
        ("<=4", 4),
        (">=1,<3", 2),
        (">=1, <3", 2),
        ("<3,>=1", 2),
        (">=3", 4),
        (">=3.0.0, !=3.0.1", 4),
        (">=3,<5", 4),
        (">=3,!=4.*", 3),
        (">2", 4),
        ("==4.0.0", 4),
        ("==5.*", 4),
        ("<12", 4),
    ],
)
def test_specifiers_in_all_places_that_name_one(tmp_path: Path, specifier: str, major: int) -> None:
    places = {
        "pyproject": (
            "pyproject.toml",
            f'[project]\ndependencies = [\n  "requests",\n  "OpenOrchestrator{specifier}",\n]\n',
        ),
        "extra": (
            "pyproject.toml",
            f"[project.optional-dependencies]\nrun = ['OpenOrchestrator[postgresql] {specifier}']\n",
        ),
        "marker": (
            "pyproject.toml",
            f"[dependency-groups]\nrun = [\"openorchestrator{specifier}; python_version < '3.12'\"]\n",
        ),
        "uv": ("pyproject.toml", f'[tool.uv]\ndev-dependencies = ["x", "openorchestrator {specifier}"] # ==1.*\n'),
        "requirements": ("requirements.txt", f"requests==1.0\nOpenOrchestrator{specifier}  # comment ==1\npandas<3\n"),
        "hashes": ("requirements-run.txt", f"openorchestrator{specifier} \\\n    --hash=sha256:11aa\n"),
        "folder": ("requirements/base.txt", f"openorchestrator{specifier}\n"),
        "setup.cfg": ("setup.cfg", f"[options]\ninstall_requires =\n    requests\n    OpenOrchestrator{specifier}\n"),
        "setup.py": ("setup.py", f"setup(install_requires=['OpenOrchestrator{specifier}'])\n"),
        "conda": ("environment.yml", f"dependencies:\n  - pip:\n    - OpenOrchestrator{specifier}\n"),
        "Pipfile": ("Pipfile", f'[packages]\nopenorchestrator = "{specifier or "*"}"\n'),
        "utf-16": ("requirements.txt", f"OpenOrchestrator{specifier}\r\n"),
    }
    for place, (name, text) in places.items():
        project = tmp_path / place
        (project / name).parent.mkdir(parents=True)
        (project / name).write_text(text, encoding="utf-16" if place == "utf-16" else "utf-8")
        assert declared_major(project) == major, place


@pytest.mark.parametrize(
    ("declaration", "major"),
    [
        ('OpenOrchestrator = "^3.0"', 3),
        ('OpenOrchestrator = "^1.3.1"', 1),
        ('OpenOrchestrator = "~2.0"', 2),
        ('OpenOrchestrator = "3.*"', 3),
        ('OpenOrchestrator = "3.0.0"', 3),
        ('OpenOrchestrator = "*"', 4),
        ('OpenOrchestrator = ">=2 <4"', 3),
        ('OpenOrchestrator = "^2.0 || ^3.0"', 3),
        ('OpenOrchestrator = "^3.0 || ^4.0"', 4),
        ('"openorchestrator" = {version = "^3.0", extras = ["postgresql"]}', 3),
        ('OpenOrchestrator = {extras = ["postgresql"], version = "^4.0"}', 4),
        ('OpenOrchestrator = [{version = "^3.0", python = "<3.11"}]', 3),
        ('OpenOrchestrator = {git = "https://example.org/OpenOrchestrator.git", tag = "2.0.1"}', 2),
        ('OpenOrchestrator = {git = "https://example.org/OpenOrchestrator.git", rev = "3f2a91bc"}', 4),
        ('[tool.poetry.dependencies.OpenOrchestrator]\nextras = []\nversion = "^3.0"', 3),
    ],
)
def test_poetry(tmp_path: Path, declaration: str, major: int) -> None:
    head = "" if declaration.startswith("[") else "[tool.poetry.dependencies]\n"
    (tmp_path / "pyproject.toml").write_text(f'{head}{declaration}\nother = "^1.0"\n')
    assert declared_major(tmp_path) == major


@pytest.mark.parametrize(
    ("line", "major"),
    [
        ("OpenOrchestrator @ git+https://example.org/x/OpenOrchestrator.git@3.0.0", 3),
        ("git+https://example.org/x/OpenOrchestrator.git@v1.3.1#egg=OpenOrchestrator", 1),
        ("git+https://example.org/x/OpenOrchestrator.git#egg=OpenOrchestrator", 4),
        ("git+https://example.org/x/OpenOrchestrator@main", 4),
        ("./wheels/OpenOrchestrator-2.0.1-py3-none-any.whl", 2),
    ],
)
def test_addresses(tmp_path: Path, line: str, major: int) -> None:
    (tmp_path / "requirements.txt").write_text(line + "\n")
    assert declared_major(tmp_path) == major


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("uv.lock", '[[package]]\nname = "openorchestrator"\nversion = "3.0.0"\nsource = { registry = "x" }\n'),
        ("poetry.lock", '[[package]]\nname = "openorchestrator"\nversion = "3.0.0"\ndescription = ""\n'),
        ("pylock.toml", '[[packages]]\nname = "openorchestrator"\nversion = "3.0.0"\n'),
        ("pdm.lock", '[[package]]\nname = "OpenOrchestrator"\nversion = "3.0.0"\n'),
        ("Pipfile.lock", '{"default": {"openorchestrator": {"hashes": ["a"], "version": "==3.0.0"}}}'),
    ],
)
def test_a_lock_file_decides_where_the_declaration_leaves_it_open(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "robot"\ndependencies = ["OpenOrchestrator>=3"]\n')
    assert declared_major(tmp_path) == 4
    other = '[[package]]\nname = "requests"\nversion = "2.0.0"\n\n' if name.endswith((".lock", ".toml")) else ""
    (tmp_path / name).write_text(text if name == "Pipfile.lock" else other + text)
    assert declared_major(tmp_path) == 3
    (tmp_path / name).write_text((text if name == "Pipfile.lock" else other + text).replace("3.0.0", "4.0.0"))
    assert declared_major(tmp_path) == 4


@pytest.mark.parametrize(
    "packages", [".venv/lib/python3.11/site-packages", ".venv/Lib/site-packages", "venv/Lib/site-packages"]
)
def test_an_environment_that_is_there_counts(tmp_path: Path, packages: str) -> None:
    (tmp_path / packages / "openorchestrator-1.3.1.dist-info").mkdir(parents=True)
    assert declared_major(tmp_path) == 1


@pytest.mark.parametrize(
    "text",
    [
        '[project]\nname = "robot"\ndependencies = ["requests==1.0"]\n',
        '[project]\ndependencies = ["OpenOrchestrator-plugins==1.0", "my-openorchestratorx<2"]\n',
        '# dependencies = ["OpenOrchestrator==1.*"]\n',
        "",
        "\x00\x01 not TOML [[[",
    ],
)
def test_a_project_that_does_not_declare_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    assert declared_major(tmp_path) is None
    assert declared_major(tmp_path / "nowhere") is None


def test_the_lowest_of_several_declarations_counts(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\ndependencies = ["OpenOrchestrator>=1"]\n')
    (tmp_path / "requirements.txt").write_text("OpenOrchestrator<3\n")
    (tmp_path / "constraints.txt").write_text("OpenOrchestrator<4\n")
    assert declared_major(tmp_path) == 2


def test_the_nearest_declaration_above_the_robot_holds(tmp_path: Path) -> None:
    robot = tmp_path / "robots" / "one" / "src"
    robot.mkdir(parents=True)
    assert nearest_project(robot, tmp_path) is None
    (tmp_path / "pyproject.toml").touch()
    assert nearest_project(robot, tmp_path) == tmp_path
    assert nearest_project(robot, tmp_path / "robots") is None
    (tmp_path / "robots" / "one" / "requirements.txt").touch()
    assert nearest_project(robot, tmp_path) == tmp_path / "robots" / "one"
