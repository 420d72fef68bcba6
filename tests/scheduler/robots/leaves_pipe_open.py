"""Starts a child that keeps both pipes open, writes its last words, and ends at once."""

import os
import subprocess
import sys

subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)"])
os.write(2, b"e" * 40_000)
os.write(1, b"last words")
sys.exit(5)
