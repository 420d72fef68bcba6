"""A robot that logs and ends the way it is told to: nothing that it logged may be lost."""

from __future__ import annotations

import atexit
import logging
import multiprocessing
import os
import sys

from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection

MESSAGES = 5


def main(url: str, how: str) -> None:
    """Log so many messages, and end."""
    connection = OrchestratorConnection("p", url, "", "")
    if how == "batches":
        connection.batch_logs()
        write = connection.log_info
    else:
        logging.getLogger().setLevel(logging.INFO)
        logging.getLogger().addHandler(connection.logging_handler())
        write = logging.info

    def log_all() -> None:
        for number in range(MESSAGES):
            write(f"{how} {number}")

    if how == "late":
        atexit.register(log_all)
        return
    if how == "child":
        child = multiprocessing.get_context("fork").Process(target=log_all)
        child.start()
        child.join()
        return
    if how == "forks":
        write(f"{how} 0")
        pid = os.fork()
        if pid == 0:
            for number in range(1, MESSAGES):
                write(f"{how} {number}")
            connection.flush_logs()
            os._exit(0)
        os.waitpid(pid, 0)
        return
    log_all()
    if how == "raises":
        raise ValueError("as told")
    if how == "exits":
        sys.exit(3)


if __name__ == "__main__":
    main(*sys.argv[1:])
