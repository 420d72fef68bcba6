"""The locked versions: all that is needed, with hashes, from nowhere in particular."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomllib", reason="reading pyproject.toml needs Python 3.11")

ROOT = Path(__file__).parents[2]
EXTRAS = {
    "runtime.txt": ("postgresql", "mysql", "environments"),
    "dev.txt": ("postgresql", "mysql", "environments", "test", "dev"),
}


def locked(name: str) -> list[Requirement]:
    text = (ROOT / "locks" / name).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.split(" --hash=")[0] for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    return [Requirement(line.strip()) for line in lines]


def wanted(extras: tuple[str, ...]) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    return [requirement for requirement in map(Requirement, lines) if requirement.name != "OpenOrchestrator"]


@pytest.mark.parametrize("name", EXTRAS)
def test_every_requirement_is_locked_to_a_version_that_it_permits(name: str) -> None:
    versions: dict[str, list[str]] = {}
    for requirement in locked(name):
        (pin,) = requirement.specifier
        assert pin.operator == "==", requirement
        versions.setdefault(canonicalize_name(requirement.name), []).append(pin.version)
    for requirement in wanted(EXTRAS[name]):
        found = versions.get(canonicalize_name(requirement.name), [])
        assert found, f"{requirement} is missing in locks/{name}: bash .ci/lock"
        assert all(requirement.specifier.contains(version) for version in found), f"{requirement}: bash .ci/lock"


@pytest.mark.parametrize("name", EXTRAS)
def test_every_version_has_hashes_and_no_place_is_named(name: str) -> None:
    text = (ROOT / "locks" / name).read_text(encoding="utf-8")
    for block in re.split(r"\n(?=[a-zA-Z0-9])", text.split("\n", 2)[2]):
        assert "--hash=sha256:" in block, block[:80]
    assert not re.search(r"://|index-url|find-links", text)


@pytest.fixture
def audit() -> ModuleType:
    specification = importlib.util.spec_from_file_location("audit", ROOT / ".ci" / "audit.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_an_audit_that_asked_nothing_does_not_say_that_nothing_is_known(audit: ModuleType) -> None:
    skipped = {"name": "b", "skip_reason": "not found"}
    clean = {"name": "a", "version": "1", "vulns": []}
    holed = {"name": "c", "version": "2", "vulns": [{"id": "CVE-1", "fix_versions": ["3"]}]}
    assert audit.verdict([skipped])[0] == 0
    assert audit.verdict([skipped])[1].startswith("NOT AUDITED")
    assert audit.verdict([clean]) == (0, "Nothing is known of 1 packages.")
    assert "NOT AUDITED: 1 others" in audit.verdict([clean, skipped])[1]
    assert audit.verdict([clean, holed, skipped]) == (1, "Known vulnerabilities:\nc 2: CVE-1, mended in 3")
