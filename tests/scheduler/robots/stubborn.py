"""Notes SIGTERM, on Windows Ctrl+Break, and goes on. Ends only when the file named by its process arguments appears."""

import signal
import sys
import time
from pathlib import Path

signal.signal(signal.SIGTERM, lambda *_: print("TERM ignored", flush=True))
if hasattr(signal, "SIGBREAK"):
    signal.signal(signal.SIGBREAK, lambda *_: print("TERM ignored", flush=True))
print("ready", flush=True)
while not Path(sys.argv[4]).exists():
    time.sleep(0.02)
print("told to end", flush=True)
