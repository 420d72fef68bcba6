"""Holds the process tree of this system to its contract; run as a program, because a tree takes over its process."""

import ctypes
import os
import sys
import time
from pathlib import Path

from OpenOrchestrator.scheduler.host.robot_tree import make_tree

tree = make_tree("OPENORCHESTRATOR_JOB=contract")
robots = Path(__file__).parent
env = os.environ | {"OPENORCHESTRATOR_JOB": "contract"}

for program in ("there is no such program", str(robots)):
    try:
        tree.start([program], str(robots), env)
    except OSError:
        continue
    raise AssertionError(program)

robot = tree.start([sys.executable, "exits.py", "P", "", "", "9"], str(robots), env)
started = time.monotonic()
while not tree.wait(0.1):
    assert time.monotonic() < started + 20
assert tree.wait(0)
assert tree.kill() == []
assert tree.exit_code() == 9

tree = make_tree("OPENORCHESTRATOR_JOB=contract")
robot = tree.start([sys.executable, "polite.py"], str(robots), env)
assert not tree.wait(0.01)
assert robot.stdout is not None
assert robot.stdout.readline().strip() == b"ready"
tree.soft_stop()
ends = 7
if sys.platform == "win32" and hasattr(ctypes.WinDLL("ntdll"), "wine_get_version"):
    assert not tree.wait(0.5)  # no consoles there: it cannot be asked, and has its grace all the same
    ends = 1
else:
    while not tree.wait(0.1):
        assert time.monotonic() < started + 20
assert tree.kill() == []
assert tree.exit_code() == ends

tree = make_tree("OPENORCHESTRATOR_JOB=contract")
robot = tree.start([sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(600)"], str(robots), env)
assert robot.stdout is not None
assert robot.stdout.readline().strip() == b"ready"
assert tree.kill() == []
assert tree.wait(5)
assert tree.kill() == []
assert tree.exit_code() != 0
print("contract kept")
