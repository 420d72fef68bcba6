"""A robot that reads a constant and ends in some way; started as a program of its own by ``test_connection_uses``.

Its arguments are the connection string and the way.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys

from OpenOrchestrator.orchestrator_connection import use_notes
from OpenOrchestrator.orchestrator_connection.connection import OrchestratorConnection


def work(connection: OrchestratorConnection) -> None:
    connection.get_constant("a")


def read_and_forget() -> None:
    work(OrchestratorConnection("Forgetful", sys.argv[1], "", ""))


def work_and_exit(connection: OrchestratorConnection) -> None:
    work(connection)
    os._exit(0)


def main() -> None:
    way = sys.argv[2]
    if way == "forgotten":
        read_and_forget()
        return
    connection = OrchestratorConnection("Robot", sys.argv[1], "", "")
    if way == "end":
        work(connection)
    elif way == "exit":
        work(connection)
        sys.exit(3)
    elif way == "error":
        work(connection)
        raise ValueError("the robot is broken")
    elif way == "killed":
        use_notes.DELAY_SECONDS = 0.0
        work(connection)
        os.kill(os.getpid(), signal.SIGKILL)
    elif way == "fork":
        connection.log_info("the parent has a connection of its own")
        child = os.fork()
        if child == 0:
            work_and_exit(connection)
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    else:
        process = multiprocessing.get_context(way).Process(target=work_and_exit, args=(connection,))
        process.start()
        process.join(60)
        sys.exit(process.exitcode)


if __name__ == "__main__":
    main()
