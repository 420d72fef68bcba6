"""The files of a new robot: a queue that is worked on, with sample data and tests."""

from __future__ import annotations

from pathlib import Path

from OpenOrchestrator.cli.demo_setup import make_folder
from OpenOrchestrator.common.errors import ConfigurationError

_MAIN = '''"""Handles the orders in the queue until none is left."""

from OpenOrchestrator.orchestrator_connection.connection import BusinessError, OrchestratorConnection


def handle(order: dict, shop: str) -> str:
    """Handle one order and return what was done."""
    if order["amount"] <= 0:
        raise BusinessError(f"{order['customer']} ordered nothing.")
    return f"{shop} sent {order['amount']} pieces to {order['customer']}."


def work(connection: OrchestratorConnection) -> None:
    """Handle all orders; one that cannot be handled does not stop the others."""
    shop = connection.get_constant("Shop name").value
    login = connection.get_credential("Order system")
    connection.log_trace(f"Logged on as {login.username}.")
    for element in connection.work("Orders"):
        with element:
            result = handle(element.json, shop)
            element.done(result)
            connection.log_info(f"{element.reference}: {result}")


if __name__ == "__main__":
    work(OrchestratorConnection.create_connection_from_args())
'''

_TESTS = '''"""Tests of the robot, on a connection in memory: no key, no server."""

from collections.abc import Iterator

import pytest
from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection, QueueStatus
from OpenOrchestrator.orchestrator_connection.testing import InMemoryConnection

from main import work

ORDERS = [
    {"reference": "1001", "data": {"customer": "Alma", "amount": 2}},
    {"reference": "1002", "data": {"customer": "Birk", "amount": 0}},
]


@pytest.fixture
def connection() -> Iterator[InMemoryConnection]:
    """A connection with what the robot needs, and two orders."""
    with OrchestratorConnection.for_testing(
        constants={"Shop name": "The corner shop"},
        credentials={"Order system": ("robot", "secret")},
        elements={"Orders": ORDERS},
    ) as made:
        yield made


def test_an_order_that_cannot_be_handled_does_not_stop_the_others(connection: InMemoryConnection) -> None:
    work(connection)
    sent, refused = connection.testing.elements("Orders")
    assert (sent.status, sent.message) == (QueueStatus.DONE, "The corner shop sent 2 pieces to Alma.")
    assert (refused.status, refused.message) == (QueueStatus.FAILED, "Birk ordered nothing.")
    assert connection.testing.errors == ["1002: Birk ordered nothing."]


def test_the_password_is_in_no_log(connection: InMemoryConnection) -> None:
    work(connection)
    assert not any("secret" in line for line in connection.testing.logs)
'''

_ROBOT_FILE = """# What python -m OpenOrchestrator robot run gives the robot; no site ever reads it.
version: 1
constants: {Shop name: The corner shop}
credentials:
  # A password that is a secret: password_from: ORDER_PASSWORD, and a line ORDER_PASSWORD=... in .env
  Order system: {username: robot, password: only for trying}
elements:
  Orders:
    - {reference: "1001", data: {customer: Alma, amount: 2}}
    - {reference: "1002", data: {customer: Birk, amount: 0}}
    - {reference: "1003", data: {customer: Clara, amount: 3}}
"""

_PROJECT = """[project]
name = "@NAME@"
version = "0.1.0"
requires-python = ">=3.10"
dependencies = ["OpenOrchestrator>=4"]

[project.optional-dependencies]
dev = ["pytest"]

[tool.pytest.ini_options]
pythonpath = ["."]
testpaths = ["tests"]

[tool.ruff]
line-length = 120
"""

_README = """# @NAME@

Works through the queue `Orders`. It needs the constant `Shop name` and the credential `Order system`.

| To | Run |
|---|---|
| try it with the data in `robot.yaml` | `python -m OpenOrchestrator robot run main.py` |
| test it | `python -m pytest` |

On a site, a queue trigger on `Orders` starts `main.py`.
"""

_IGNORED = ".env\n.venv/\n__pycache__/\n.pytest_cache/\n"

_FILES = {
    "main.py": _MAIN,
    "robot.yaml": _ROBOT_FILE,
    "tests/test_robot.py": _TESTS,
    "pyproject.toml": _PROJECT,
    "README.md": _README,
    ".gitignore": _IGNORED,
}


def write(wanted: Path) -> Path:
    """Write a new robot, and return the whole path of its folder.

    Args:
        wanted: An empty or new folder.

    Raises:
        ConfigurationError: If it holds something, or cannot be written.
    """
    folder = make_folder(wanted)
    name = "".join(each if each.isascii() and each.isalnum() else "-" for each in folder.name).strip("-") or "robot"
    try:
        for path, text in _FILES.items():
            file = folder / path
            file.parent.mkdir(exist_ok=True)
            file.write_text(text.replace("@NAME@", name), encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{folder} cannot be written: {error.strerror or error}.") from error
    return folder
