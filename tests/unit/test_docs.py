"""The documents tell the truth: every command, option, setting, table, method and error is in the reference, and
nothing else is; links lead somewhere; quoted code is the code.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer.main

import OpenOrchestrator
from OpenOrchestrator import __version__
from OpenOrchestrator.cli.main import application
from OpenOrchestrator.common import errors
from OpenOrchestrator.common.settings import Settings, setting_names
from OpenOrchestrator.database import db_util
from OpenOrchestrator.database.models import Base
from OpenOrchestrator.database.schema.revisions import known_revisions
from OpenOrchestrator.orchestrator.access.passwords import PASSWORD_VARIABLE
from OpenOrchestrator.orchestrator.server.addresses import PREFERRED_PORT
from OpenOrchestrator.orchestrator.server.process import DEBUG_VARIABLE
from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
DOCUMENTS = sorted(
    [
        *DOCS.rglob("*.md"),
        ROOT / "README.md",
        ROOT / "CHANGELOG.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "examples/README.md",
    ]
)

APP_VARIABLES = (PASSWORD_VARIABLE, DEBUG_VARIABLE)
"""What the admin app reads from the environment alone."""

CODE_BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<code>.*?)^```", re.DOTALL | re.MULTILINE)
OPTION = re.compile(r"(?<![\w-])--?[a-zA-Z][\w-]*")


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def section(text: str, title: str) -> str:
    """Return what stands below a heading, up to the next one of any level."""
    match = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#+ |\Z)", text, re.DOTALL | re.MULTILINE)
    assert match, f"There is no section {title!r}."
    return match[1]


def first_cells(text: str) -> list[str]:
    """Return what is in backquotes in the first column of the tables of a text."""
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("|")]
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def commands() -> dict[str, Any]:
    """Return all commands by what is typed; those of a group with its name before theirs."""
    group: Any = typer.main.get_command(application())
    found: dict[str, Any] = {"": group}
    for name, command in group.commands.items():
        inner = getattr(command, "commands", None)
        found |= {name: command} if inner is None else {f"{name} {each}": one for each, one in inner.items()}
    return found


def options_of(command: Any) -> set[str]:
    texts = {text for parameter in command.params for text in (*parameter.opts, *parameter.secondary_opts)}
    return {text for text in texts if text.startswith("-")}


def full_names() -> list[str]:
    return [name for name, command in commands().items() if name and not command.hidden]


# --- command line ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", full_names())
def test_every_option_of_a_command_is_in_the_reference_and_no_other(name: str) -> None:
    text = section(read(REFERENCE / "command-line.md"), name)
    documented = {option for cell in first_cells(text) for option in OPTION.findall(cell)}
    assert documented == options_of(commands()[name]) - {"--help", "-h"}


def test_options_of_the_program_and_short_names_of_commands_are_in_the_reference() -> None:
    text = read(REFERENCE / "command-line.md")
    for option in options_of(commands()[""]):
        assert f"`{option}`" in text
    for name, command in commands().items():
        if name and command.hidden:
            assert f"short `{name}`" in text


def command_lines() -> Iterator[tuple[Path, str]]:
    for document in DOCUMENTS:
        for block in CODE_BLOCK.finditer(read(document)):
            for line in block["code"].splitlines():
                match = re.search(r"(?:python[\w.]* -m OpenOrchestrator|^openorchestrator)\b(?P<words>[^&|]*)", line)
                if match and "<" not in match["words"].split('"')[0]:
                    yield document, match["words"]


def test_command_lines_in_the_documents_can_be_typed() -> None:
    lines = list(command_lines())
    assert len(lines) > 10
    for document, line in lines:
        words = shlex.split(line, comments=True)
        name = words[0] if words and not words[0].startswith("-") else ""
        name = " ".join(words[:2]) if " ".join(words[:2]) in commands() else name
        assert name in commands(), f"{document}: {line}"
        used = {word.partition("=")[0] for word in words if word.startswith("-")}
        assert used <= options_of(commands()[name]) | {"--help", "-h", "-o", "-s"}, f"{document}: {line}"


# --- settings --------------------------------------------------------------------------------------------------------


def test_every_setting_is_in_the_reference_with_its_option() -> None:
    rows = read(REFERENCE / "settings.md").splitlines()
    for field, variable in setting_names().items():
        option = f"`--{field.replace('_', '-')}`"
        assert any(f"`{variable}`" in row and option in row for row in rows), variable


def test_every_setting_is_in_the_template_for_env_files() -> None:
    text = read(ROOT / ".env-template")
    for variable in setting_names().values():
        assert re.search(rf"^#?{variable}=", text, re.MULTILINE), variable


def test_every_variable_of_the_admin_app_is_in_the_reference_and_no_other() -> None:
    text = section(read(REFERENCE / "settings.md"), "Variables of the admin app")
    assert sorted(first_cells(text)) == sorted(APP_VARIABLES)
    read_by_the_app = {
        name
        for file in (Path(OpenOrchestrator.__file__).parent / "orchestrator").rglob("*.py")
        for name in re.findall(r"_VARIABLE = \"(OpenOrchestrator\w+)\"", read(file))
    }
    assert read_by_the_app == set(APP_VARIABLES)


def test_documents_name_no_setting_that_does_not_exist() -> None:
    known = {variable.lower() for variable in (*setting_names().values(), *APP_VARIABLES)}
    for document in DOCUMENTS:
        for variable in re.findall(r"\b(OpenOrchestrator(?!Error)[A-Z][A-Za-z]+)\b", read(document)):
            assert variable.lower() in known, f"{document}: {variable}"


def test_the_port_of_the_admin_app_is_the_one_in_the_documents() -> None:
    row = next(row for row in read(REFERENCE / "command-line.md").splitlines() if "`--port`" in row)
    assert f"default {PREFERRED_PORT};" in row
    named = re.findall(r"127\.0\.0\.1:(3\d{4})", read(DOCS / "how-to/open-the-admin-app.md"))
    assert set(named) == {str(PREFERRED_PORT)}


@pytest.mark.parametrize("field", ["max_jobs", "poll_interval", "log_format", "on_stop", "whitelisted_only"])
def test_defaults_in_the_reference_are_those_of_the_code(field: str) -> None:
    default = Settings.model_fields[field].default
    shown = f"{default:g}" if isinstance(default, float) else str(getattr(default, "value", default)).lower()
    row = next(row for row in read(REFERENCE / "settings.md").splitlines() if f"`{setting_names()[field]}`" in row)
    assert row.split("|")[3].strip() == shown


# --- tables, methods, errors -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", sorted(Base.metadata.tables))
def test_every_column_of_a_table_is_in_the_reference_and_no_other(table: str) -> None:
    documented = first_cells(section(read(REFERENCE / "tables.md"), table))
    assert sorted(documented) == sorted(column.name for column in Base.metadata.tables[table].columns)


def test_every_method_of_the_connection_is_in_the_reference_with_its_parameters() -> None:
    text = section(read(REFERENCE / "connection.md"), "OrchestratorConnection")
    methods = {
        name: member
        for name, member in inspect.getmembers(OrchestratorConnection, callable)
        if not name.startswith("_")
    }
    assert len(methods) >= 15
    for name, method in methods.items():
        parameters = [
            parameter.name if parameter.default is parameter.empty else f"{parameter.name}={parameter.default!r}"
            for parameter in inspect.signature(method).parameters.values()
            if parameter.name != "self"
        ]
        assert f"`{name}({', '.join(parameters)})`" in text


def test_every_function_of_db_util_is_in_the_reference() -> None:
    text = section(read(REFERENCE / "connection.md"), "db_util")
    functions = {
        name
        for name, member in inspect.getmembers(db_util, inspect.isfunction)
        if not name.startswith("_") and member.__module__ == db_util.__name__
    }
    assert len(functions) > 40
    assert set(re.findall(r"`(\w+)(?:\(\w*\))?`", text)) == functions


def test_every_error_that_robots_may_meet_is_in_the_reference() -> None:
    text = section(read(REFERENCE / "connection.md"), "Errors")
    for name, error in inspect.getmembers(errors, inspect.isclass):
        if error is not errors.OpenOrchestratorError and not issubclass(error, errors.SchedulerError):
            builtins = [base for base in (ValueError, RuntimeError, IndexError) if issubclass(error, base)]
            assert f"| `{name}` | {', '.join(f'`{base.__name__}`' for base in builtins)} |" in text


# --- what is made from the code --------------------------------------------------------------------------------------


def test_the_states_are_those_of_the_code() -> None:
    generator = script("generate_states")
    text = read(generator.DOCUMENT)
    assert generator.with_generated_parts(text) == text, "run python docs/generate_states.py --write"


def test_quoted_robots_are_the_robots() -> None:
    quotes = script("quote_examples")
    quoted = set()
    for document in quotes.documents():
        text = read(document)
        quoted |= {match["path"] for match in quotes.QUOTE.finditer(text)}
        assert text.count("<!-- quote:") == len(quotes.QUOTE.findall(text)), document
        assert quotes.with_quotes(text) == text, f"{document}: run python docs/quote_examples.py --write"
    assert {f"examples/{name}/main.py" for name in ("order_report", "order_worker", "order_intake")} <= quoted


def test_python_in_the_documents_can_be_parsed() -> None:
    parsed = [
        ast.parse(block["code"], filename=str(document))
        for document in DOCUMENTS
        for block in CODE_BLOCK.finditer(read(document))
        if block["language"] == "python"
    ]
    assert all(module.body for module in parsed)
    assert parsed


# --- the rest --------------------------------------------------------------------------------------------------------


def anchors(text: str) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", CODE_BLOCK.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", CODE_BLOCK.sub("", read(document))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(read(file)), target


def test_pictures_are_in_use_described_and_small() -> None:
    used = {}
    for document in DOCUMENTS:
        for words, target in re.findall(r"!\[([^\]]*)\]\(([^)\s]+)\)", read(document)):
            assert len(words) > 20, f"{document}: {target} has no description for those who cannot see it."
            used[(document.parent / target).resolve()] = document
    pictures = set((DOCS / "images").glob("*.png"))
    assert len(pictures) >= 2
    assert pictures == set(used)
    for picture in pictures:
        assert picture.stat().st_size < 300_000, f"{picture}: run python docs/take_screenshots.py"


def test_every_document_is_in_the_index() -> None:
    linked = {(DOCS / target).resolve() for target in re.findall(r"\]\(([^)#]+)\)", read(DOCS / "index.md"))}
    assert {path for path in DOCS.rglob("*.md") if path.name != "index.md"} <= linked


def test_the_changelog_knows_this_version() -> None:
    assert re.search(rf"^## \[{re.escape(__version__)}\]", read(ROOT / "CHANGELOG.md"), re.MULTILINE)


# --- architecture ----------------------------------------------------------------------------------------------------


def rooms() -> set[str]:
    """Return the folders of the package but for the backends of nouns, which are explained once."""
    package = Path(OpenOrchestrator.__file__).parent
    nouns = package / "orchestrator"
    return {
        f"{file.parent.relative_to(package).as_posix()}/"
        for file in package.rglob("__init__.py")
        if file.parent != package and not (file.parent.name == "backend" and file.parent.parent != nouns)
    }


def test_every_room_has_its_line_in_the_architecture_and_no_other() -> None:
    lines = first_cells(section(read(DOCS / "explanation/architecture.md"), "One line a room"))
    assert sorted(lines) == sorted(set(lines))
    # A room that only forms part of another one is explained there.
    parts = {name for name in rooms() if name.startswith("orchestrator/components/")} - set(lines)
    assert set(lines) == rooms() - parts


def test_every_module_that_the_walks_name_is_there() -> None:
    text = read(DOCS / "explanation/architecture.md")
    package = Path(OpenOrchestrator.__file__).parent
    named = set(
        re.findall(r"`((?:scheduler|lifecycle|stores|orchestrator|orchestrator_connection)/\w*(?:/\w*)*)`", text)
    )
    assert len(named) > 20
    for name in named:
        folders = (package / name, package / "database" / name)
        assert any(each.is_dir() or each.with_suffix(".py").is_file() for each in folders), name


def test_every_revision_is_described_for_those_who_check_a_script() -> None:
    text = (DOCS / "reference" / "revisions.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `([0-9a-f]{12})` \|", text, re.MULTILINE) == list(known_revisions())
