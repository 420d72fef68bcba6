"""The example robots, each started by hand as a process of its own, on a real database."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

import OpenOrchestrator
from OpenOrchestrator.cli.demo_setup import examples_folder
from OpenOrchestrator.common import crypto_util
from OpenOrchestrator.database.engine.database import Database
from OpenOrchestrator.database.models import Constant, Credential, Log, QueueElement
from OpenOrchestrator.database.statuses import LogLevel, QueueStatus

PASSWORD = "correct horse battery staple"

pytestmark = pytest.mark.kinds("sqlite")


class Site:
    """A database with what the examples need, and a way to start them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.key = crypto_util.generate_key().decode("ascii")

    def prepare(self) -> None:
        now = self.database.site_now()
        constant = Constant(name="Shop name", value="The corner shop", changed_at=now)
        token = crypto_util.encrypt(PASSWORD, self.key)
        credential = Credential(name="Order system", username="robot-7", password=token, changed_at=now)
        self.database.write(lambda session: session.add_all([constant, credential]))

    def add_orders(self, *orders: tuple[str, int]) -> None:
        now = self.database.site_now()
        elements = [
            QueueElement(
                queue_name="Orders",
                reference=f"P-{number}",
                data=json.dumps({"number": f"P-{number}", "customer": customer, "amount": amount}),
                created_date=now.replace(microsecond=number),
            )
            for number, (customer, amount) in enumerate(orders, start=1)
        ]
        self.database.write(lambda session: session.add_all(elements))

    def run(self, name: str, arguments: str = "") -> subprocess.CompletedProcess[str]:
        """Start an example with four values, as people do by hand."""
        robot = examples_folder() / name / "main.py"
        package_parent = str(Path(OpenOrchestrator.__file__).parent.parent)
        return subprocess.run(
            [sys.executable, str(robot), name, self.database.connection_string, self.key, arguments],
            cwd=robot.parent,
            env=os.environ | {"PYTHONPATH": package_parent},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def logs(self, level: LogLevel = LogLevel.INFO) -> list[str]:
        query = sa.select(Log).where(Log.log_level == level).order_by(Log.log_time, Log.id)
        return [log.log_message for log in self.database.read(lambda session: session.scalars(query).all())]

    def elements(self) -> list[QueueElement]:
        query = sa.select(QueueElement).order_by(QueueElement.reference)
        return list(self.database.read(lambda session: session.scalars(query).all()))


@pytest.fixture
def site(database: Database) -> Site:
    made = Site(database)
    made.prepare()
    return made


def test_the_report_names_the_shop_and_counts_waiting_orders(site: Site) -> None:
    site.add_orders(("Alma", 1), ("Birk", 2))
    done = site.run("order_report")
    assert done.returncode == 0, done.stderr
    assert site.logs() == ["The corner shop: 2 orders wait to be handled."]
    assert site.logs(LogLevel.TRACE) == ["Logged on to The corner shop as robot-7."]


def test_the_report_never_shows_the_password(site: Site) -> None:
    done = site.run("order_report")
    everything = [done.stdout, done.stderr, *site.logs(), *site.logs(LogLevel.TRACE), *site.logs(LogLevel.ERROR)]
    assert not any(PASSWORD in text for text in everything)


def test_the_report_fails_without_its_constant(site: Site) -> None:
    site.database.write(lambda session: session.execute(sa.delete(Constant)))
    done = site.run("order_report")
    assert done.returncode != 0
    assert "Shop name" in done.stderr


def test_the_worker_handles_every_order_and_survives_one_that_it_cannot_handle(site: Site) -> None:
    site.add_orders(("Alma", 2), ("Birk", 0), ("Clara", 3))
    done = site.run("order_worker")
    assert done.returncode == 0, done.stderr
    first, second, third = site.elements()
    assert [first.status, second.status, third.status] == [QueueStatus.DONE, QueueStatus.FAILED, QueueStatus.DONE]
    assert second.message == "Birk ordered nothing."
    assert third.message == "Sent 3 pieces to Clara."
    assert all(element.start_date and element.end_date for element in (first, second, third))
    assert site.logs() == ["P-1: Sent 2 pieces to Alma.", "P-3: Sent 3 pieces to Clara."]
    assert site.logs(LogLevel.ERROR) == ["P-2: Birk ordered nothing."]


def test_the_worker_ends_well_when_the_queue_is_empty(site: Site) -> None:
    assert site.run("order_worker").returncode == 0


def test_orders_that_are_none_fail_and_several_in_a_row_end_the_worker(site: Site) -> None:
    site.add_orders(*(("Alma", 1) for _ in range(4)))
    site.database.write(lambda session: session.execute(sa.update(QueueElement).values(data="broken")))
    done = site.run("order_worker")
    assert done.returncode != 0
    assert "TooManyErrorsError" in done.stderr
    assert [element.status for element in site.elements()] == [QueueStatus.FAILED] * 3 + [QueueStatus.NEW]
    assert "is no JSON" in (site.elements()[0].message or "")


def test_the_intake_fills_the_queue_with_what_the_worker_can_handle(site: Site) -> None:
    done = site.run("order_intake", json.dumps({"orders": 3}))
    assert done.returncode == 0, done.stderr
    elements = site.elements()
    assert [element.reference for element in elements] == ["W-001", "W-002", "W-003"]
    assert {element.created_by for element in elements} == {"order_intake"}
    assert {element.status for element in elements} == {QueueStatus.NEW}
    assert site.run("order_worker").returncode == 0
    assert {element.status for element in site.elements()} == {QueueStatus.DONE}


def test_the_intake_says_what_is_missing_in_its_arguments(site: Site) -> None:
    done = site.run("order_intake", "{}")
    assert done.returncode != 0
    assert "orders" in done.stderr
    assert site.elements() == []


@pytest.mark.skipif(importlib.util.find_spec("ruff") is None, reason="ruff is missing: pip install ruff")
def test_a_new_robot_is_written_as_ruff_wants_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "OpenOrchestrator", "robot", "new", "Send invoices"]
    environment = os.environ | {"PYTHONPATH": str(Path(OpenOrchestrator.__file__).parents[1])}
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    for words in (("check", "--select", "E,F,I,B,UP"), ("format", "--check")):
        ruff = [sys.executable, "-m", "ruff", *words, "--no-cache", str(tmp_path / "Send invoices")]
        assert subprocess.run(ruff, check=False).returncode == 0


def test_the_tests_of_the_worker_need_no_site(tmp_path: Path) -> None:
    """They are what users copy, so they run as theirs do: in a folder and a Python process of their own."""
    folder = shutil.copytree(examples_folder() / "order_worker", tmp_path / "robot")
    environment = {name: value for name, value in os.environ.items() if not name.upper().startswith("OPENORCH")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(Path(OpenOrchestrator.__file__).parent.parent)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
