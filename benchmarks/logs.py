"""Log messages: writes one by one, as robots do it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator

from benchmarks.databases import Target
from benchmarks.report import Figure


def writes(target: Target, *, messages: int) -> Iterator[Figure]:
    """Write log messages one by one."""
    from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection

    connection = OrchestratorConnection("benchmark", target.url, "", "")
    connection.log_info("warm")
    begun = time.perf_counter()
    for number in range(messages):
        connection.log_info(f"message {number}")
    ours = messages / (time.perf_counter() - begun)

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
    beside = messages / (time.perf_counter() - begun)
    yield Figure("log writes", target.kind, "messages per second", ours, beside, "INSERT on the driver, autocommit")
