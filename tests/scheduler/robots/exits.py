"""Ends the way its process arguments say: a number, or the name of a signal."""

import os
import signal
import sys

how = sys.argv[4]
if how.startswith("SIG"):
    os.kill(os.getpid(), getattr(signal, how))
sys.exit(int(how))
