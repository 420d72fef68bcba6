"""Writes down what it was started with, into the file named by its process arguments."""

import json
import os
import sys
from pathlib import Path

content = {
    "argv": sys.argv,
    "env": dict(os.environ),
    "cwd": str(Path.cwd()),
    "stdin": sys.stdin.read(),
    "encoding": sys.stdout.encoding,
    "session": os.getsid(0) == os.getpid() if hasattr(os, "getsid") else None,
}
target = Path(sys.argv[4] if len(sys.argv[4]) > 1 else "start.json")
temporary = target.with_name(target.name + ".part")
temporary.write_text(json.dumps(content), encoding="utf-8")
temporary.replace(target)
print("blåbærgrød \U0001f41d \udcff")
