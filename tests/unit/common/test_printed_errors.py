"""Which of the exceptions that a program printed says why it failed: real outputs, and what should be told of each."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from OpenOrchestrator.common.printed_errors import NEAR_LINES, PrintedErrors, last_error

TRACEBACK = """\
Traceback (most recent call last):
  File "/robots/a/robot.py", line 7, in <module>
    process(None)
    ~~~~~~~^^^^^^
"""
OUTER = """\
Traceback (most recent call last):
  File "/robots/a/main.py", line 12, in <module>
    subprocess.run(command, check=True)
  File "/usr/lib/python3.11/subprocess.py", line 571, in run
    raise CalledProcessError(retcode, process.args,
subprocess.CalledProcessError: Command '['python', '-m', 'robot']' returned non-zero exit status 1.
"""
OUTER_WORDS = OUTER.splitlines()[-1]
GROUP = """\
  + Exception Group Traceback (most recent call last):
  |   File "/robots/a/g.py", line 5, in <module>
  |     raise ExceptionGroup("several", [ValueError("a"), error])
  | ExceptionGroup: several (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | ValueError: a
    +---------------- 2 ----------------
    | Traceback (most recent call last):
    |   File "/robots/a/g.py", line 3, in <module>
    |     int("x")
    | TypeError: b
    +------------------------------------
"""
TABLE = {
    "plain": (TRACEBACK + "ValueError: no amount\n", "ValueError: no amount"),
    "without a line end": (TRACEBACK + "ValueError: no amount", "ValueError: no amount"),
    "without a message": (TRACEBACK + "AssertionError\n", "AssertionError"),
    "of a module": (TRACEBACK + "robot.errors.BusinessError: case 5\n", "robot.errors.BusinessError: case 5"),
    "of a function": (TRACEBACK + "m.f.<locals>.Own: case 5\n", "m.f.<locals>.Own: case 5"),
    "Windows": ((TRACEBACK + "KeyError: 'a'\n").replace("\n", "\r\n"), "KeyError: 'a'"),
    "in colours": ("\x1b[31m" + TRACEBACK + "\x1b[1mKeyError\x1b[0m: 'a'\n", "KeyError: 'a'"),
    "message of several lines": (
        TRACEBACK + "sqlalchemy.exc.OperationalError: (x) no such table: y\n[SQL: SELECT 1]\n(Background ...)\n",
        "sqlalchemy.exc.OperationalError: (x) no such table: y",
    ),
    "message that begins with an empty line": (
        TRACEBACK + "RuntimeError: \nThe file is missing\n",
        "RuntimeError: The file is missing",
    ),
    "heading of a browser's driver": (
        TRACEBACK + "selenium.common.exceptions.TimeoutException: Message: \nStacktrace:\n#0 0x55\n",
        "selenium.common.exceptions.TimeoutException: Message: Stacktrace:",
    ),
    "notes": (TRACEBACK + "ValueError: a\nin case 5\nof today\n", "ValueError: a"),
    "chain": (
        TRACEBACK
        + "KeyError: 1\n\nDuring handling of the above exception, another exception occurred:\n\n"
        + TRACEBACK
        + "ValueError: 2\n\nThe above exception was the direct cause of the following exception:\n\n"
        + TRACEBACK
        + "RuntimeError: 3\n",
        "RuntimeError: 3",
    ),
    "recursion": (
        TRACEBACK + "  [Previous line repeated 996 more times]\nRecursionError: maximum\n",
        "RecursionError: maximum",
    ),
    "syntax error in the program itself": (
        "  File \"/robots/a/main.py\", line 3\n    foo(\n       ^\nSyntaxError: '(' was never closed\n",
        "SyntaxError: '(' was never closed",
    ),
    "syntax error in an import": (
        TRACEBACK + '  File "/robots/a/b.py", line 1\n    x = = 1\n        ^\nSyntaxError: invalid syntax\n',
        "SyntaxError: invalid syntax",
    ),
    "outer main.py": (TRACEBACK + "ValueError: inner\n" + OUTER, "ValueError: inner"),
    "outer main.py after some words": (
        TRACEBACK + "ValueError: inner\nMail was sent.\n" * 1 + "bye\n" * 5 + OUTER,
        "ValueError: inner",
    ),
    "outer main.py twice": (TRACEBACK + "ValueError: inner\n" + OUTER + OUTER, "ValueError: inner"),
    "only another program's": ("ERROR: no such package\n" + OUTER, OUTER_WORDS),
    "another program's, long after one that was handled": (
        TRACEBACK + "ValueError: handled\n" + "working\n" * (NEAR_LINES + 1) + OUTER,
        OUTER_WORDS,
    ),
    "handled before, then one that was not": (
        TRACEBACK + "ValueError: handled\nworking\n" + TRACEBACK + "KeyError: 'last'\n",
        "KeyError: 'last'",
    ),
    "excepthook with words around": (
        "Something went wrong!\n" + TRACEBACK + "ValueError: inner\nMail was sent.\nEnding.\n",
        "ValueError: inner",
    ),
    "logged": ("2026-01-01 ERROR failed\n" + TRACEBACK + "ValueError: inner\n", "ValueError: inner"),
    "indented by another program": (textwrap.indent(TRACEBACK + "OSError: x\n", "      "), "OSError: x"),
    "thread": ("Exception in thread Thread-1 (work):\n" + TRACEBACK + "OSError: x\n", "OSError: x"),
    "clean-up after the end": (
        TRACEBACK
        + "ValueError: real\nException ignored in: <function A.__del__ at 0x7f>\n"
        + TRACEBACK
        + "OSError: closed\n",
        "ValueError: real",
    ),
    "hook that fails itself": (
        "Error in sys.excepthook:\n"
        + TRACEBACK
        + "NameError: hook\n\nOriginal exception was:\n"
        + TRACEBACK
        + "OSError: real\n",
        "OSError: real",
    ),
    "rich": (
        "╭──── Traceback (most recent call last) ────╮\n│ /a.py:3 in <module> │\n╰──────╯\nKeyError: 'a'\n",
        "KeyError: 'a'",
    ),
    "group": (GROUP, "ExceptionGroup: several (2 sub-exceptions): ValueError: a; TypeError: b"),
    "group, and another program's": (
        GROUP + OUTER,
        "ExceptionGroup: several (2 sub-exceptions): ValueError: a; TypeError: b",
    ),
    "cut in the middle": ("    foo()\n    ^^^^^\nValueError: a\n", None),
    "words that look like one": ("Error: could not connect\nValueError: a\n", None),
    "header alone": ("Traceback (most recent call last):\nworking again\n", None),
    "nothing": ("", None),
}


@pytest.mark.parametrize("case", list(TABLE))
def test_the_exception_that_counts(case: str) -> None:
    output, words = TABLE[case]
    found = last_error(output)
    assert (found and found.words) == words


@pytest.mark.parametrize("case", list(TABLE))
def test_pieces_may_end_anywhere(case: str) -> None:
    output, words = TABLE[case]
    errors = PrintedErrors()
    for letter in output:
        errors.read(letter)
    found = errors.last()
    assert (found and found.words) == words


def test_streams_do_not_mix() -> None:
    errors = PrintedErrors()
    for line in (TRACEBACK + "ValueError: a\n").splitlines(keepends=True):
        errors.read(line, "stderr")
        errors.read("working\n", "stdout")
    found = errors.last()
    assert found is not None
    assert found.words == "ValueError: a"


@pytest.mark.parametrize(("lines", "is_near"), [(NEAR_LINES, True), (NEAR_LINES + 1, False)])
def test_how_far_back_it_is_is_told(lines: int, is_near: bool) -> None:
    found = last_error(TRACEBACK + "ValueError: a\n" + "working\n" * lines)
    assert found is not None
    assert (found.lines_after, found.is_near) == (lines, is_near)


def test_endless_lines_take_bounded_memory() -> None:
    errors = PrintedErrors()
    for _ in range(100):
        errors.read("x" * 10_000)
    errors.read("\n" + TRACEBACK + "ValueError: " + "y" * 100_000 + "\n")
    found = errors.last()
    assert found is not None
    assert len(found.words) <= 2000


REAL = {
    "raise ValueError('why')": "ValueError: why",
    "try:\n    {}['a']\nexcept KeyError as error:\n    raise RuntimeError('why') from error": "RuntimeError: why",
    "import sys, traceback\nsys.excepthook = lambda *e: print(''.join(traceback.format_exception(*e)), 'bye')\n"
    "raise ValueError('why')": "ValueError: why",
    "import subprocess, sys\nsubprocess.run([sys.executable, '-c', '{}[1]'], check=True)": "KeyError: 1",
    "import sys\nsys.exit('no')": None,
    "x = = 1": "SyntaxError: invalid syntax",
}


@pytest.mark.parametrize("code", list(REAL))
def test_what_this_python_prints_is_understood(tmp_path: Path, code: str) -> None:
    program = tmp_path / "main.py"
    program.write_text(code, encoding="utf-8")
    ended = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False)
    found = last_error(ended.stdout + ended.stderr)
    assert (found and found.words) == REAL[code]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exception groups need Python 3.11")
def test_a_group_that_this_python_prints_is_understood(tmp_path: Path) -> None:
    program = tmp_path / "main.py"
    program.write_text(
        "try:\n    int('x')\nexcept ValueError as e:\n    raise ExceptionGroup('all', [KeyError(1), e])\n", "utf-8"
    )
    ended = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False)
    found = last_error(ended.stderr)
    assert found is not None
    assert found.words.startswith("ExceptionGroup: all (2 sub-exceptions): KeyError: 1; ValueError: invalid literal")


LAST_WORDS = {
    "words": ("working\nNo bank file\n", "No bank file"),
    "without a line end": ("No bank file", "No bank file"),
    "blank lines after": ("No bank file\r\n\r\n  \n\x1b[0m\n", "No bank file"),
    "in colours": ("\x1b[31mNo bank file\x1b[0m\n", "No bank file"),
    "written over": ("10 %\r20 %\rNo bank file\n", "No bank file"),
    "indented": ("words:\n  No bank file\n", "No bank file"),
    "clean-up after the end": (
        "No bank file\nException ignored in: <function A.__del__ at 0x7f>\n" + TRACEBACK + "OSError: closed\n",
        "No bank file",
    ),
    "warning after the end": (
        "No bank file\n/usr/lib/python3.11/a.py:7: ResourceWarning: unclosed\n  self.close()\n",
        "No bank file",
    ),
    "no word": ("\n \n", ""),
    "nothing": ("", ""),
}


@pytest.mark.parametrize("case", list(LAST_WORDS))
def test_last_words_of_the_error_output(case: str) -> None:
    output, words = LAST_WORDS[case]
    errors = PrintedErrors()
    for letter in output:
        errors.read(letter, "stderr")
        errors.read("progress\n", "stdout")
    assert errors.last() is None
    assert errors.last_words("stderr") == words


def test_last_words_of_this_python(tmp_path: Path) -> None:
    program = tmp_path / "main.py"
    program.write_text("import sys\nprint('progress')\nsys.exit('No bank file')", encoding="utf-8")
    ended = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False)
    errors = PrintedErrors()
    errors.read(ended.stdout, "stdout")
    errors.read(ended.stderr, "stderr")
    assert errors.last_words("stderr") == "No bank file"
