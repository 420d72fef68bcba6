"""The question why a queue is to be paused, and until when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from OpenOrchestrator.orchestrator.components.forms.pause_question import PauseWords, ask_reason_and_end
from OpenOrchestrator.orchestrator.queues.backend.queue_settings import LONGEST_REASON

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.live.view import View
    from OpenOrchestrator.orchestrator.queues.backend.queue_settings import QueuePause, QueueSettingsBackend

_SENTENCES = (
    "Nothing is handed out from it, and its triggers do not start, before the pause ends or it is resumed.",
    "What robots have in hand is finished. Robots of versions before 4.0 do not know pauses of queues.",
)


async def ask_pause(view: View, backend: QueueSettingsBackend, queue: str, present: QueuePause | None) -> bool:
    """Ask why and until when a queue is to be paused, or its pause is to last, and do it. Return whether it was."""
    verb = f"Pause {queue}" if present is None else f"Change the pause of {queue}"
    words = PauseWords(
        title=f"{verb}?",
        sentences=_SENTENCES,
        action="Pause" if present is None else "Change",
        shown_at="Shown on its page and in the list.",
        no_reason="Say why: everybody who waits for its elements sees it.",
        longest_reason=LONGEST_REASON,
        marker="queue-pause",
    )
    with view.container:
        wish = await ask_reason_and_end(words, present, now=view.now(), zone=view.zone)
    if wish is None:
        return False

    async def work() -> bool:
        await backend.pause(queue, wish.reason, wish.by, wish.until)
        return True

    done = f"{queue} is paused" if present is None else "The pause was changed"
    return bool(await view.act(work, name=verb, done=done))
