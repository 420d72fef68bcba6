"""What the contracts in ``.importlinter`` cannot say: what a process has loaded, and what runs without packages."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from OpenOrchestrator import orchestrator
from OpenOrchestrator.scheduler import host

FOLDER = Path(host.__file__).parent
HOST_MODULES = tuple(sorted(path.stem for path in FOLDER.glob("[!_]*.py")))


def printed_by(code: str, *options: str) -> list[str]:
    """Return the words that a program prints in a Python of its own."""
    done = subprocess.run(
        [sys.executable, *options, "-c", code], capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("name", HOST_MODULES)
def test_the_robot_host_imports_only_the_standard_library_and_its_neighbours(name: str) -> None:
    allowed = sys.stdlib_module_names | set(HOST_MODULES)
    for node in ast.walk(ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert {alias.name.partition(".")[0] for alias in node.names} <= allowed
        elif isinstance(node, ast.ImportFrom) and node.module == "OpenOrchestrator.scheduler.host":
            assert {alias.name for alias in node.names} <= set(HOST_MODULES)
        elif isinstance(node, ast.ImportFrom):
            module = (node.module or "").removeprefix("OpenOrchestrator.scheduler.host.")
            assert module.partition(".")[0] in allowed


def test_the_robot_host_can_be_loaded_without_any_package() -> None:
    code = f"import sys; sys.path.append({str(FOLDER)!r}); import robot_host; print(*sys.modules)"
    loaded = printed_by(code, "-I", "-S")
    others = {"posix_tree"} if sys.platform == "win32" else {"windows_tree", "console"}
    assert set(HOST_MODULES) - others <= set(loaded)
    assert not others & set(loaded)
    assert "OpenOrchestrator" not in loaded


def test_a_robot_loads_nothing_that_it_does_not_need() -> None:
    code = """
import sys
import OpenOrchestrator.orchestrator_connection.connection
from OpenOrchestrator.database.queues import QueueElement, QueueStatus
heavy = {"nicegui", "alembic", "git", "psutil", "typer", "rich", "pydantic", "croniter", "cryptography"}
ours = {"OpenOrchestrator.scheduler", "OpenOrchestrator.cli", "OpenOrchestrator.database.db_util",
        "OpenOrchestrator.database.schema.migrations"}
print(*sorted((heavy | ours) & set(sys.modules)))
"""
    assert printed_by(code) == []


def test_importing_the_package_imports_nothing() -> None:
    code = """
import sys
before = set(sys.modules)
import OpenOrchestrator
print(*sorted(set(sys.modules) - before))
"""
    assert printed_by(code) == ["OpenOrchestrator"]


def test_the_commands_of_a_worker_machine_do_not_load_the_app() -> None:
    code = """
import sys
import OpenOrchestrator.cli.main
import OpenOrchestrator.scheduler.daemon
import OpenOrchestrator.scheduler.single_run
import OpenOrchestrator.database.schema.migrations
app = {"nicegui", "fastapi", "uvicorn", "OpenOrchestrator.orchestrator"}
print(*sorted(app & set(sys.modules)))
"""
    assert printed_by(code) == []


def test_the_app_starts_without_loading_what_only_schedulers_need() -> None:
    code = """
import sys
import OpenOrchestrator.orchestrator.application
print(*sorted({"nicegui", "git", "psutil", "OpenOrchestrator.scheduler"} & set(sys.modules)))
from OpenOrchestrator.orchestrator.shell.page_list import all_pages
all_pages()
print(*sorted({"git", "psutil", "OpenOrchestrator.scheduler"} & set(sys.modules)))
"""
    assert printed_by(code) == []


def test_backends_load_no_web_framework() -> None:
    """However indirectly: an API may stand on them without the pages, and a check of permissions below them."""
    folder = Path(orchestrator.__file__).parent
    parts = [file.relative_to(folder).with_suffix("").parts for file in folder.rglob("*.py")]
    backends = [".".join(each) for each in parts if "backend" in each]
    assert len(backends) > 10
    imports = "\n".join(f"import OpenOrchestrator.orchestrator.{each}" for each in sorted(backends))
    code = f"""
import sys
{imports}
import OpenOrchestrator.orchestrator.access.gate
print(*sorted({{"nicegui", "fastapi", "starlette", "uvicorn"}} & set(sys.modules)))
"""
    assert printed_by(code) == []
