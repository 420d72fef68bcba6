"""The bar of selected rows where all that match may be more than any page can hold."""

from __future__ import annotations

from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.tables.bulk import BulkBar


class MatchingBar(BulkBar):
    """A bulk bar that knows the state "all that match", and counts that stopped somewhere."""

    def show_matching(self, selected: int, total: int, *, cap: int | None, everything: bool) -> None:
        """Say what is selected.

        Args:
            selected: Rows that are selected one by one.
            total: Rows that match, counted no further than ``cap``.
            cap: Where counting stopped; None if it did not.
            everything: Whether all that match are selected, on whatever page.
        """
        words = times.number(total) if cap is None else times.capped(total, cap)
        self.show(total if everything else selected, total)
        if everything:
            self._count.set_text(f"All {words} that match")
        self._all.set_text(f"All {words} that match")
