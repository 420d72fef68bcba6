"""The commands ``robot run`` and ``robot new``: a robot without a scheduler and without a site."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from scheduler_site import ROOT, wait_for

PATIENCE_SECONDS = 120


def start(folder: Path, *words: str, **environment: str) -> subprocess.Popen[str]:
    """Start a command as a developer does who has set up nothing."""
    inherited = {name: value for name, value in os.environ.items() if not name.upper().startswith("OPENORCHESTRATOR")}
    return subprocess.Popen(
        [sys.executable, "-m", "OpenOrchestrator", "robot", *words],
        cwd=folder,
        env=inherited | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def robot(folder: Path, *words: str, **environment: str) -> tuple[int, str, str]:
    process = start(folder, *words, **environment)
    output, errors = process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode, output, errors


def write(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(textwrap.dedent(text), encoding="utf-8")
    return file


def run_json(folder: Path, *words: str, **environment: str) -> tuple[int, dict[str, Any], str]:
    status, output, errors = robot(folder, "run", *words, "--json", **environment)
    assert output, errors
    return status, json.loads(output), errors


def test_a_new_robot_runs_as_it_is_and_its_tests_pass(tmp_path: Path) -> None:
    status, output, errors = robot(tmp_path, "new", "Send invoices")
    assert status == 0, errors
    folder = tmp_path / "Send invoices"
    assert str(folder) in output
    (folder / ".env").touch()

    status, output, errors = robot(folder, "run", "main.py")
    assert status == 0, errors
    assert "Info  1001: The corner shop sent 2 pieces to Alma.\n" in output
    assert "Error 1002: Birk ordered nothing.\n" in output
    table = [line.split() for line in output.splitlines() if line.startswith(("Queue", "Orders"))]
    assert table == [
        ["Queue", "New", "In", "Progress", "Done", "Failed", "Abandoned", "Attempts"],
        ["Orders", "2", "1", "3"],
    ]
    assert output.splitlines()[-1] == "1002 (Failed, attempt 1): Birk ordered nothing."
    assert "only for trying" not in output + errors

    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert "2 passed" in tested.stdout

    status, output, errors = robot(tmp_path, "new", "Send invoices")
    assert status == 1
    assert "is not empty" in errors


def test_a_robot_gets_what_a_scheduler_hands_it_and_what_the_files_say(tmp_path: Path) -> None:
    """The site's file, one for this machine, a secret from .env, arguments, and no connection string as an argument."""
    write(
        tmp_path,
        "robot/main.py",
        """
        import sys
        from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection
        connection = OrchestratorConnection.create_connection_from_args()
        print(connection.process_name, connection.process_arguments, len(sys.argv))
        print("sqlite" in " ".join(sys.argv))
        print(connection.get_constant("Shop").value, connection.get_constant("Place").value)
        login = connection.get_credential("Mail")
        print(login.username, login.password == "from env", connection.get_credential("Bank").password)
        element = connection.get_next_queue_element("Orders")
        print(element.reference, element.data, connection.get_next_queue_element("Orders").data)
        connection.log_info("first\\nsecond")
        """,
    )
    site = write(
        tmp_path,
        "site.yaml",
        """
        version: 1
        timezone: Asia/Tokyo
        constants: {Shop: of the site, Place: Tokyo}
        credentials: [Mail]
        """,
    )
    local = write(
        tmp_path,
        "mine.yaml",
        """
        version: 1
        arguments: {orders: 3}
        constants: {Shop: mine}
        credentials:
          Mail: {username: robot, password_from: MAIL_PASSWORD}
          Bank: {username: robot, password: clear}
        elements:
          Orders:
            - {reference: P-1, data: {amount: 2}}
            - data: a text
        """,
    )
    write(tmp_path, ".env", "MAIL_PASSWORD='from env'\n")
    words = ("robot", "--file", str(site), "--file", str(local), "--process", "Order worker", "--folder", "kept")
    status, found, errors = run_json(tmp_path, *words)
    assert status == 0, errors
    printed = ['Order worker {"orders": 3} 7', "False", "mine Tokyo", "robot True clear", 'P-1 {"amount": 2} a text']
    assert [line for line in errors.splitlines() if line in printed] == printed
    assert "Info  first\n               second\n" in errors
    assert found["status"] == "DONE"
    assert found["queues"] == {
        "Orders": {"NEW": 0, "IN_PROGRESS": 0, "DONE": 0, "FAILED": 0, "ABANDONED": 2, "attempts": 2}
    }
    assert [each["reference"] for each in found["errors"]] == ["P-1", None]
    assert found["folder"] == str(tmp_path / "kept")
    assert (tmp_path / "kept" / "local.db").is_file()


def test_a_module_that_fails_ends_with_its_status_and_what_it_said_is_shown_once(tmp_path: Path) -> None:
    write(tmp_path, "jobs/__init__.py", "")
    write(
        tmp_path,
        "jobs/night.py",
        "import sys\nprint(sys.argv[1], sys.argv[4])\nraise SystemExit('no ticket')\n",
    )
    status, output, errors = robot(tmp_path, "run", "jobs.night", "--arguments", "as text", TMPDIR=str(tmp_path))
    assert status == 1
    assert "jobs.night as text\n" in output
    assert output == "jobs.night as text\njobs.night: Failed. no ticket\n"  # and not the scheduler's own log
    assert "\nno ticket\n" in errors
    assert not list(tmp_path.glob("openorchestrator-robot-*"))  # the temporary folder is gone


@pytest.mark.skipif(sys.platform == "win32", reason="signals are a POSIX matter")
def test_control_c_ends_the_robot(tmp_path: Path) -> None:
    write(tmp_path, "main.py", "import time\nopen('begun', 'w').close()\ntime.sleep(600)\n")
    process = start(tmp_path, "run", "main.py", "--json")
    wait_for("the robot", (tmp_path / "begun").exists, seconds=PATIENCE_SECONDS)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode not in (0, None)
    assert json.loads(output)["status"] == "KILLED"
