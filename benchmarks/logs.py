"""Log messages: writes one by one and in the background, as robots do it."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from benchmarks.databases import Target
from benchmarks.report import Figure
from benchmarks.robot_ready import KEY, OLD_VERSION, environment

BATCHED = 10
"""So many times as many messages in the background as one by one, so that it takes long enough to measure."""

OLD_SCRIPT = """
import sys, time
from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection
connection = OrchestratorConnection("benchmark", sys.argv[1], sys.argv[2], "", None, None)
connection.log_info("warm")
begun = time.perf_counter()
for number in range(int(sys.argv[3])):
    connection.log_info(f"message {number}")
print(int(sys.argv[3]) / (time.perf_counter() - begun))
"""


def writes(target: Target, *, messages: int) -> Iterator[Figure]:
    """Write log messages one by one, in the background, through ``logging``, and with the version before."""
    one_by_one, batched, handled = _ours(target, messages)
    beside = _raw(target, messages)
    yield Figure(
        "log writes", target.kind, "messages per second", one_by_one, beside, "INSERT on the driver, autocommit"
    )
    old = _old(target, messages)
    beside_what = f"OpenOrchestrator {OLD_VERSION}"
    for name, rate in (("one by one", one_by_one), ("batched", batched), ("logging handler", handled)):
        yield Figure("log writes", target.kind, f"messages per second, {name}", rate, old, beside_what)


def _ours(target: Target, messages: int) -> tuple[float, float, float]:
    import logging

    from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection

    connection = OrchestratorConnection("benchmark", target.url, "", "")
    connection.log_info("warm")
    begun = time.perf_counter()
    for number in range(messages):
        connection.log_info(f"message {number}")
    one_by_one = messages / (time.perf_counter() - begun)

    connection.batch_logs()
    begun = time.perf_counter()
    for number in range(messages * BATCHED):
        connection.log_info(f"message {number}")
    connection.flush_logs()
    batched = messages * BATCHED / (time.perf_counter() - begun)

    logger = logging.Logger("benchmark", logging.INFO)
    logger.addHandler(connection.logging_handler())
    begun = time.perf_counter()
    for number in range(messages * BATCHED):
        logger.info("message %d", number)
    connection.flush_logs()
    handled = messages * BATCHED / (time.perf_counter() - begun)
    connection.close()
    return one_by_one, batched, handled


def _raw(target: Target, messages: int) -> float:
    cursor = target.raw().cursor()
    mark = "?" if target.kind == "sqlite" else "%s"
    quote = "`" if target.kind == "mariadb" else '"'
    statement = (
        f"INSERT INTO {quote}Logs{quote} (id, log_time, log_level, process_name, log_message) "
        f"VALUES ({', '.join([mark] * 5)})"
    )
    begun = time.perf_counter()
    for number in range(messages):
        cursor.execute(
            statement, (uuid.uuid4().hex, "2026-01-01 00:00:00.000000", "INFO", "benchmark", f"message {number}")
        )
    return messages / (time.perf_counter() - begun)


def _old(target: Target, messages: int) -> float:
    folder = Path(tempfile.mkdtemp(prefix="oo-bench-"))
    try:
        python = environment(folder, f"OpenOrchestrator=={OLD_VERSION}", "psycopg[binary]", "pymysql")
        done = subprocess.run(
            [str(python), "-c", OLD_SCRIPT, target.url, KEY, str(messages)],
            capture_output=True,
            text=True,
            check=True,
            cwd=tempfile.gettempdir(),  # the package of the checkout would be imported in place of the old one
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return float(done.stdout.strip().splitlines()[-1])
