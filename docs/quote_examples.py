"""Copies the example robots into the documents that quote them.

A quote is a Python block behind a line ``<!-- quote: examples/... -->``. Run ``python docs/quote_examples.py`` to
compare, with ``--write`` to bring the documents up to date. A test compares.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
QUOTE = re.compile(r"(?P<mark><!-- quote: (?P<path>\S+) -->\n```python\n)(?P<code>.*?)```", re.DOTALL)


def documents() -> list[Path]:
    """Return all documents that may quote."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def with_quotes(text: str) -> str:
    """Return a document with its quotes as the files are now."""
    return QUOTE.sub(lambda match: f"{match['mark']}{(ROOT / match['path']).read_text(encoding='utf-8')}```", text)


def main() -> None:
    """Compare, or write with ``--write``."""
    for document in documents():
        old = document.read_text(encoding="utf-8")
        new = with_quotes(old)
        if new == old:
            continue
        if "--write" not in sys.argv[1:]:
            raise SystemExit(f"{document} quotes what an example was: run python docs/quote_examples.py --write")
        document.write_text(new, encoding="utf-8")
        print(f"{document} was written.")


if __name__ == "__main__":
    main()
