"""Writes as many megabytes as its process arguments say, without a newline, with invalid UTF-8 and NUL, then ends."""

import os
import sys

piece = ((b"\x00\xff\xfe\xc3" + b"abcdefgh\xc3\xa6") * 75_000)[: 1024 * 1024]
for _ in range(int(sys.argv[4])):
    view = memoryview(piece)
    while view:
        view = view[os.write(1, view) :]
os.write(2, b"the very end of the errors")
os.write(1, b"the very end")
sys.exit(3)
