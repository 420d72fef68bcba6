"""Finding the exceptions that a program printed, to tell people in one line why it failed. Pure.

Owns which printed exception counts: the last one, unless it only says that another program failed (the ``main.py``
that runs the real one ends in ``CalledProcessError``), or happened while Python was cleaning up. Knows also the last
line of a stream that belongs to no exception: ``sys.exit("words")`` prints one. Reads output piece by piece, each piece
once, and keeps a few lines of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

NEAR_LINES = 50
"""An exception followed by more other lines than this was probably handled, and something else ended the program."""

_LONGEST_LINE = 8000
_LONGEST_WORDS = 2000
_MOST_OF_A_GROUP = 3

_HEADER = re.compile(r"(?P<margin>[\s|+]*)(?P<group>Exception Group )?Traceback \(most recent call last\):\s*$")
_RICH_HEADER = re.compile(r"[╭+][─-]+ Traceback \(most recent call last\)")
_FILE = re.compile(r'  File ".+", line \d+')
_EXCEPTION = re.compile(r"(?P<type>[^\W\d][\w.]*(?:<locals>\.[\w.]+)*)(?::(?:\s+(?P<message>.*))?)?$")
_GROUP_MARGIN = re.compile(r"\s*[|+]")
_IN_GROUP = re.compile(r"\s*\|(?: (?P<text>.*))?$")
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_WARNING = re.compile(r".+:\d+: \w*Warning: ")
_NO_FAILURE = ("Exception ignored in", "Exception ignored on", "--- Logging error ---")
_OF_ANOTHER_PROGRAM = frozenset({"CalledProcessError", "SystemExit"})


@dataclass(frozen=True, slots=True)
class PrintedError:
    """An exception that was printed.

    Attributes:
        words: Its type and the first line of its message; of a group also those of its first members.
        is_of_another_program: Whether it only says that another program failed.
        lines_after: How many lines that belong to no exception were printed after it.
    """

    words: str
    is_of_another_program: bool
    lines_after: int

    @property
    def is_near(self) -> bool:
        """Whether little was printed after it, so that it is probably what ended the program."""
        return self.lines_after <= NEAR_LINES


class PrintedErrors:
    """Reads what a program prints, and knows the last exception in it. For one thread."""

    def __init__(self) -> None:
        self._streams: dict[str, _Stream] = {}
        self._lines = 0
        self._found: dict[bool, tuple[str, int]] = {}

    def read(self, text: str, stream: str = "") -> None:
        """Read the next piece of a stream; pieces may end anywhere."""
        reader = self._streams.setdefault(stream, _Stream())
        *lines, reader.rest = (reader.rest + text).split("\n")
        reader.rest = reader.rest[-_LONGEST_LINE:]
        for line in lines:
            self._line(reader, line)

    def last(self) -> PrintedError | None:
        """Return the exception that counts, as far as was read; None if there is none.

        An exception of another program counts only where no other is near it.
        """
        self._end()
        own, other = (
            None if found is None else PrintedError(found[0], outside, self._lines - found[1])
            for outside, found in ((False, self._found.get(False)), (True, self._found.get(True)))
        )
        if own is None or (other is not None and other.lines_after < own.lines_after and not own.is_near):
            return other
        return own

    def last_words(self, stream: str) -> str:
        """Return the last line of a stream that says something and belongs to no exception or warning of Python's."""
        self._end()
        reader = self._streams.get(stream)
        return "" if reader is None else _shown(reader.said).strip()[:_LONGEST_WORDS]

    def _end(self) -> None:
        for reader in self._streams.values():
            rest, reader.rest = reader.rest, ""
            if rest:
                self._line(reader, rest)

    def _line(self, reader: _Stream, line: str) -> None:
        if not reader.state and not reader.words and "Traceback" not in line and not line.startswith("  File "):
            self._lines += 1  # nearly every line, quickly
            reader.say(line)
            reader.before = line
            return
        inside = bool(reader.state)
        before = reader.before
        words = reader.line(_shown(line))
        if words is not None:
            kind = words.partition(":")[0].rpartition(".")[2] in _OF_ANOTHER_PROGRAM
            self._found[kind] = (words[:_LONGEST_WORDS], self._lines)
        elif not reader.state:
            self._lines += 1
            if not inside:
                reader.say(line, before)


def last_error(text: str) -> PrintedError | None:
    """Return the exception that counts in a whole output; None if there is none."""
    errors = PrintedErrors()
    errors.read(text)
    return errors.last()


@dataclass(slots=True)
class _Stream:
    """Where the reading of one stream is.

    Attributes:
        rest: The beginning of a line whose end was not read yet.
        before: The line before.
        state: Empty outside of a traceback, else ``frames``, ``group``, ``member`` or ``message``.
        margin: What stands before each line of the traceback.
        words: Of the exception that was found last, while more may belong to it.
        ignored: Whether the traceback is one that ended nothing.
        said: The last line that says something and belongs to no exception.
    """

    rest: str = ""
    before: str = ""
    state: str = ""
    margin: str = ""
    words: str = ""
    ignored: bool = False
    members: list[str] = field(default_factory=list)
    said: str = ""

    def say(self, line: str, before: str | None = None) -> None:
        """Keep a line that belongs to no exception, if it says something of the program's own."""
        words = _shown(line) if "\x1b" in line or "\r" in line else line
        if not words or words.isspace() or words.startswith(_NO_FAILURE) or _is_warning(words):
            return
        if words[0] in " \t" and _is_warning(self.before if before is None else before):
            return  # the line of the program that a warning shows
        self.said = words

    def line(self, line: str) -> str | None:
        """Read a line, and return an exception if it is one, or adds to the one before."""
        try:
            return self._read(line)
        finally:
            if line.strip():
                self.before = line

    def _read(self, line: str) -> str | None:
        if self.state in ("group", "member"):
            if _GROUP_MARGIN.match(line):
                return self._member(line)
            self._close()
        if self.state == "message" and line.strip():
            words, self.words = f"{self.words.rstrip(':')}: {line.strip()}", ""
            self._close()
            return words
        header = _HEADER.match(line)
        if header or _RICH_HEADER.match(line):
            margin = header["margin"].replace("+", "|") if header else ""
            self.state, self.margin = "frames", margin
            self.ignored = self.before.startswith(_NO_FAILURE)
            return None
        if not self.state:
            if _FILE.match(line):  # of a SyntaxError in the program itself
                self.state, self.margin, self.ignored = "frames", "", False
            return None
        return self._frame(line) if self.state == "frames" else None

    def _frame(self, line: str) -> str | None:
        if not line.startswith(self.margin):
            if line.strip() and line.strip() != "|":
                self._close()
            return None
        content = line[len(self.margin) :]
        if not content.strip() or content[0] in " \t│╰|":
            return None
        found = _EXCEPTION.match(content)
        margin, ignored = self.margin, self.ignored
        self._close()
        if found is None or ignored:
            return None
        words = content.strip()
        if "|" in margin:
            self.state, self.words = "group", words
        elif ":" in words and _is_empty(found["message"]):
            self.state, self.words = "message", words
        return words

    def _member(self, line: str) -> str | None:
        """Read a line within the members of a group."""
        match = _IN_GROUP.match(line)
        if match is None:  # a line between members
            self.state = "member"
            return None
        text = match["text"] or ""
        if self.state != "member" or not text.strip() or text[0] in " |":
            return None
        if _HEADER.match(text) or not _EXCEPTION.match(text):
            return None
        self.state = "group"
        self.members.append(text.strip())
        if len(self.members) > _MOST_OF_A_GROUP:
            return None
        return f"{self.words}: {'; '.join(self.members)}"

    def _close(self) -> None:
        self.state = self.margin = self.words = ""
        self.members = []
        self.ignored = False


def _shown(line: str) -> str:
    """Return what a terminal would show of a line that may have been written over, without colours."""
    return _CONTROL.sub("", line.rstrip("\r").rpartition("\r")[2][:_LONGEST_LINE])


def _is_warning(line: str) -> bool:
    return "Warning: " in line and _WARNING.match(line) is not None


def _is_empty(message: str | None) -> bool:
    # Browsers' drivers begin theirs with a heading of its own.
    return not message or message.strip() in ("", "Message:")
