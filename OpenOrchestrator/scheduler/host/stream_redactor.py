"""Replaces secrets in what a robot writes, also where they arrive in pieces.

Runs inside the robot host: standard library only. Must not know where the text comes from or goes.
"""

from __future__ import annotations

import re

MASK = "***"

_LONGEST_SHOWN_BEGINNING = 3


class StreamRedactor:
    """Replaces secrets in a stream of text, also where they arrive in pieces.

    Text that could be the beginning of a secret is held back until the next character decides, however long that
    takes: no quiet period releases it. All other text passes at once. At most one character less than the longest
    secret is held.

    Args:
        secrets: Texts to replace; empty ones are ignored.
    """

    def __init__(self, secrets: list[str]) -> None:
        self._secrets = sorted({secret for secret in secrets if secret}, key=len, reverse=True)
        self._pattern = _any_of(self._secrets) if self._secrets else None
        self._longest = len(self._secrets[0]) if self._secrets else 0
        self._held = ""

    def feed(self, text: str) -> str:
        """Take the next piece of the stream and return what may be shown by now."""
        if self._pattern is None:
            return text
        pending = self._held + text
        shown: list[str] = []
        position = 0
        hold = self._hold_from(pending, position)
        for match in self._pattern.finditer(pending):
            if match.start() >= hold:
                # A longer secret may be under way from here or from before: the next piece decides.
                break
            shown += (pending[position : match.start()], MASK)
            position = match.end()
            if position > hold:
                hold = self._hold_from(pending, position)
        shown.append(pending[position:hold])
        self._held = pending[hold:]
        return "".join(shown)

    def finish(self) -> str:
        """Return what is still held, at the end of the stream.

        More than three characters of what may be the beginning of a secret are replaced too: a robot killed while it
        printed its password has not printed most of it into the log.
        """
        held, self._held = self._held, ""
        if self._pattern is not None:
            held = self._pattern.sub(MASK, held)
        unfinished = len(held) - self._hold_from(held, 0)
        if unfinished > _LONGEST_SHOWN_BEGINNING:
            held = held[: len(held) - unfinished] + MASK
        return held

    def _hold_from(self, text: str, start: int) -> int:
        """Return the first index from which on the text is a proper beginning of a secret; its length if none is."""
        first = len(text)
        for secret in self._secrets:
            index = text.find(secret[0], max(start, len(text) - len(secret) + 1))
            while -1 < index < first:
                if secret.startswith(text[index:]):
                    first = index
                    break
                index = text.find(secret[0], index + 1)
        return first


def _any_of(secrets: list[str]) -> re.Pattern[str]:
    """Return what finds texts that are ordered by length, the longest first."""
    # Gathered by their first letter, which most of a text is not: several times as fast.
    rests: dict[str, list[str]] = {}
    for secret in secrets:
        rests.setdefault(secret[0], []).append(re.escape(secret[1:]))
    return re.compile("|".join(f"{re.escape(first)}(?:{'|'.join(rest)})" for first, rest in rests.items()))


def redact_whole(text: str, secrets: list[str]) -> str:
    """Return a text that is complete in itself with the secrets replaced."""
    redactor = StreamRedactor(secrets)
    return redactor.feed(text) + redactor.finish()
