"""How a noun says which pages it has: their addresses, their places in the navigation, and what is counted there.

Owns what a page declares about itself. Must not know any page; ``shell/page_list`` names the modules that have some.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.backend.badges import Badge
    from OpenOrchestrator.orchestrator.live.view import View


@dataclass(frozen=True, slots=True)
class NavEntry:
    """A place in the navigation.

    Attributes:
        section: Heading it stands under: ``Operate`` or ``Manage``.
        order: From top to bottom within the section.
        icon: Outlined.
        badge: What is counted beside it; None for nothing.
    """

    section: str
    order: int
    icon: str
    badge: Badge | None = None


@dataclass(frozen=True, slots=True)
class PageSpec:
    """A page of the app; the module that builds it lists it in ``PAGES``.

    Attributes:
        path: With ``{name}`` for parts that vary: ``/triggers/{trigger_id}``.
        title: Of the browser's tab, and in the navigation.
        build: Builds it; called within the page's container.
        nav: Its place in the navigation; None for pages that are reached from others.
        under: Path of the page whose place in the navigation is marked for it.
        needs_database: Whether it shows nothing without one.
    """

    path: str
    title: str
    build: Callable[[View], Awaitable[None]]
    nav: NavEntry | None = None
    under: str = ""
    needs_database: bool = True

    def has_path(self, path: str) -> bool:
        """Tell whether a path leads to it."""
        wanted, given = self.path.strip("/").split("/"), path.strip("/").split("/")
        return len(wanted) == len(given) and all(
            part == other or (part.startswith("{") and bool(other)) for part, other in zip(wanted, given, strict=True)
        )


def badges_of(pages: Iterable[PageSpec]) -> tuple[Badge, ...]:
    """Return the badges that pages declare."""
    return tuple(page.nav.badge for page in pages if page.nav is not None and page.nav.badge is not None)
