"""The nonce on the scripts of a page: put there by the template, so that only scripts of the template get it."""

from __future__ import annotations

import re
from collections.abc import Callable

from jinja2 import BaseLoader, Environment

from OpenOrchestrator.orchestrator.access.security_headers import NONCE

_SCRIPT = re.compile(r"<script(?=[\s>])")


class _WithNonces(BaseLoader):
    """Loads the templates of another loader, with a nonce on each script that is written in them."""

    def __init__(self, loader: BaseLoader) -> None:
        self._loader = loader

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, Callable[[], bool] | None]:
        """Return the text of a template, its file, and what tells whether it still is as it was."""
        source, file, fresh = self._loader.get_source(environment, template)
        return _SCRIPT.sub(f"<script nonce=\"{{{{ request.scope['{NONCE}'] }}}}\"", source), file, fresh


def give_nonces() -> None:
    """Let the pages that NiceGUI makes carry the nonce of their request; once for the process."""
    from nicegui.client import templates  # noqa: PLC0415

    environment = templates.env
    loader = environment.loader
    if loader is not None and not isinstance(loader, _WithNonces):
        environment.loader = _WithNonces(loader)
        if environment.cache is not None:
            environment.cache.clear()
