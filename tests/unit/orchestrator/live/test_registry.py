"""What a page declares about itself."""

from __future__ import annotations

import pytest

from OpenOrchestrator.orchestrator.live.registry import PageSpec
from OpenOrchestrator.orchestrator.live.view import View


async def build(view: View) -> None:
    """A page of nothing."""


@pytest.mark.parametrize(
    ("pattern", "path", "leads"),
    [
        ("/", "/", True),
        ("/jobs", "/jobs", True),
        ("/jobs", "/jobs/", True),
        ("/jobs", "/job", False),
        ("/jobs", "/jobs/1", False),
        ("/jobs/{job_id}", "/jobs/1", True),
        ("/jobs/{job_id}", "/jobs", False),
        ("/queues/{queue}/{element_id}", "/queues/a%2Fb/7", True),
        ("/queues/{queue}/{element_id}", "/queues//7", False),
    ],
)
def test_which_paths_lead_to_a_page(pattern: str, path: str, leads: bool) -> None:
    assert PageSpec(path=pattern, title="Page", build=build).has_path(path) is leads
