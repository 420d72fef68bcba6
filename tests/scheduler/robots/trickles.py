"""Writes the text of its process arguments byte by byte, with pauses, and stays silent in the middle until told."""

import os
import sys
import time
from pathlib import Path

text, go = sys.argv[4].split("|")
data = bytes.fromhex(text)
for number, byte in enumerate(data):
    os.write(1, bytes([byte]))
    time.sleep(0.002)
    if number == len(data) // 2:
        Path(f"{go}.awaited").touch()
        while not Path(go).exists():
            time.sleep(0.01)
