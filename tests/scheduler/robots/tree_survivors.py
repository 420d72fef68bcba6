"""Shows what a process tree says when it cannot end its processes; run as a program, as ``tree_contract`` is.

Arguments: the file for ``forks_on.py``.
"""

import os
import sys
import time
from pathlib import Path

from OpenOrchestrator.scheduler.host import posix_tree

real_send = posix_tree._send
posix_tree._KILL_PATIENCE = 0.3
posix_tree._send = lambda _pid, _number: None  # nothing is permitted

robots = Path(__file__).parent
tree = posix_tree.PosixTree("OPENORCHESTRATOR_JOB=survivors")
robot = tree.start([sys.executable, "forks_on.py", "", "", "", f"{sys.argv[1]}|stay"], str(robots), dict(os.environ))
assert robot.stdout is not None
assert robot.stdout.readline().strip() == b"it is out"
begun = time.monotonic()
survivors = tree.kill()
assert time.monotonic() - begun < 20, "it went on for ever"
assert survivors, "it says that nothing is left"
assert os.getpid() not in survivors
posix_tree._KILL_PATIENCE = 20
posix_tree._send = real_send
assert tree.kill() == []
print("told")
