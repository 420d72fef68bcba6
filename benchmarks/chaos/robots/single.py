"""A robot of a chaos run that uses the standard library alone: notes its effect with fsync, and prints lines.

Its process arguments are JSON: ``effects`` (folder), ``seconds``, ``lines``, ``fails`` (0 to 1: how often it does).
"""

import json
import os
import random
import sys
import time
from pathlib import Path
from typing import IO

SETTINGS = json.loads(sys.argv[4])
TRIGGER, JOB = sys.argv[5], sys.argv[6]


def note(file: IO[str], kind: str) -> None:
    """Write a line to the disk."""
    facts = {"kind": kind, "at": time.time(), "trigger": TRIGGER, "job": JOB, "lines": SETTINGS["lines"]}
    file.write(json.dumps(facts) + "\n")
    file.flush()
    os.fsync(file.fileno())


if __name__ == "__main__":
    with Path(SETTINGS["effects"], f"{JOB}-{os.getpid()}.jsonl").open("a", encoding="utf-8") as effects:
        note(effects, "begin")
        for number in range(SETTINGS["lines"]):
            print("line", number, flush=True)
            time.sleep(SETTINGS["seconds"] / SETTINGS["lines"])
        if random.random() < SETTINGS["fails"]:
            note(effects, "fails")
            sys.exit("failed of its own will")
        note(effects, "end")
