"""What is said of a key and the credentials that it opens or not."""

from __future__ import annotations

import pytest

from OpenOrchestrator.orchestrator.values.backend.key_fit import KeyReport
from OpenOrchestrator.orchestrator.values.key_words import key_notice


@pytest.mark.parametrize(
    ("report", "words"),
    [
        (KeyReport(), ""),
        (KeyReport(opened=("A",)), ""),
        (
            KeyReport(not_opened=("A", "B")),
            (
                "The key of this app is not the one they were saved with. It opens none of the 2 saved credentials: "
                "A and B."
            ),
        ),
        (
            KeyReport(opened=("A", "B"), not_opened=("C",)),
            (
                "The key of this app is not the one that some were saved with. "
                "It does not open 1 of 3 saved credentials: C."
            ),
        ),
    ],
)
def test_the_notice_above_the_credentials_accuses_no_key_that_opens_some(report: KeyReport, words: str) -> None:
    assert key_notice(report) == words
