"""What a run needs of pools, in forms: the part of a trigger's form, and of the question what to change of many.

Owns its fields, and reading them. Must not know the rest of the form, nor what becomes of what they say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from nicegui import ui
from nicegui.elements.mixins.value_element import ValueElement

from OpenOrchestrator.orchestrator.components.forms.checks import whole
from OpenOrchestrator.orchestrator.components.forms.fields import field, switch, text_input
from OpenOrchestrator.orchestrator.pools.backend import LARGEST
from OpenOrchestrator.orchestrator.triggers.backend.settings import Amounts

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.components.forms.drawer import FormDrawer

_whole = whole("how much of it one run needs", 0, LARGEST)


def pool_words(amounts: Amounts) -> str:
    """Return ``SAP account, 2 of OCR licences``; empty for nothing. Pure."""
    return ", ".join(pool if amount == 1 else f"{amount} of {pool}" for pool, amount in amounts)


class PoolInputs:
    """A number for each pool.

    Args:
        sizes: How much there is of each; one that is not among them, and is needed, is not there any more.
        needs: What they say at first.
        marker: What the markers of the numbers begin with.
    """

    def __init__(self, sizes: Mapping[str, int], needs: Amounts, *, marker: str = "pool") -> None:
        self.inputs: dict[str, ui.input] = {}
        amounts = dict(needs)
        for pool in sorted({*sizes, *amounts}, key=lambda name: (name.casefold(), name)):
            size = sizes.get(pool)
            note = f"of {size}" if size is not None else "there is no such pool"
            with field(pool, note=note):
                number = text_input(
                    pool,
                    str(amounts.get(pool, 0)),
                    check=check_amount(size, amounts.get(pool, 0)),
                    marker=f"{marker}-{len(self.inputs)}",
                )
                self.inputs[pool] = number.props("inputmode=numeric")

    def validate(self) -> bool:
        """Tell whether all are numbers that can be."""
        wrong = [pool for pool, each in self.inputs.items() if not each.validate()]  # each shows what is wrong with it
        return not wrong

    def values(self) -> Amounts:
        """Return what they say; they have to be valid."""
        amounts = {pool: int(str(each.value).strip() or 0) for pool, each in self.inputs.items()}
        return tuple(sorted((pool, amount) for pool, amount in amounts.items() if amount))


class BulkPools:
    """The same for many triggers at once: a switch, and behind it the numbers, of which nothing is needed at first.

    Args:
        sizes: The pools, with how much there is of each; without any nothing is shown.
    """

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self._switch = switch("Set what they need of pools", False, marker="set-pools")
        self._switch.set_visibility(bool(sizes))
        with ui.element("div").classes("oo-col") as folded:
            self._inputs = PoolInputs(sizes, (), marker="bulk-pool")
        folded.bind_visibility_from(self._switch, "value")
        self.elements: tuple[ValueElement[Any], ...] = (self._switch, *self._inputs.inputs.values())

    def validate(self) -> bool:
        """Tell whether what is set can be."""
        return not self._switch.value or self._inputs.validate()

    def values(self) -> Amounts | None:
        """Return what the triggers are to need; None to leave that."""
        return self._inputs.values() if self._switch.value else None


class PoolFields:
    """The fields in an open drawer.

    Args:
        drawer: Where they are built.
        needs: What they say at first.
        sizes: The pools, with how much there is of each.
    """

    def __init__(self, drawer: FormDrawer, needs: Amounts, sizes: Mapping[str, int]) -> None:
        with drawer.section("What it needs"):
            with ui.element("div").classes("oo-w2 oo-row").style("gap: 12px"):
                if sizes or needs:
                    words = "How much of each pool one run holds. It starts when all of it is free; 0 is nothing."
                    ui.label(words).classes("oo-hint").style("margin-top: 0")
                else:
                    ui.label("There are no pools of what several robots share.").classes("oo-t2 oo-grow")
                    ui.link("Pools", "/pools").classes("oo-link")
            self._inputs = PoolInputs(sizes, needs)
        for pool, each in self._inputs.inputs.items():
            drawer.watch(f"Needs {pool}", each)

    def values(self) -> Amounts:
        """Return what the fields say; they have to be valid."""
        return self._inputs.values()


def check_amount(size: int | None, first: int) -> Callable[[Any], str | None]:
    """Return a check of what is needed of a pool. What was stored before stays possible, whatever became of the pool.

    Args:
        size: How much there is of it; None if there is no such pool.
        first: What is needed at first.
    """

    def check(value: Any) -> str | None:
        text = str(value or "").strip() or "0"
        wrong = _whole(text)
        if wrong is not None or int(text) in (0, first):
            return wrong
        if size is None:
            return "There is no such pool any more. Take it out, or create it."
        return f"There is only {size}: it could never run." if int(text) > max(size, 1) else None

    return check
