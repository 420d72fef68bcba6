"""Reading the form of the login, which strangers send: anything may come."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs

from starlette.types import Receive

from OpenOrchestrator.orchestrator.access.bodies import whole_body
from OpenOrchestrator.orchestrator.access.targets import safe_target

_MOST_BYTES = 16_384
_MOST_FIELDS = 10


class FormError(Exception):
    """It is not the form.

    Attributes:
        status: Of the answer.
    """

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class LoginForm:
    """What was sent.

    Attributes:
        password: As typed.
        target: Where to go; a path within the app.
    """

    password: str
    target: str


async def read(content_type: str, receive: Receive) -> LoginForm:
    """Return the form.

    Raises:
        FormError: If it is none.
    """
    if content_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise FormError("The login takes the form of its page only.")
    try:
        body = await whole_body(receive, limit=_MOST_BYTES)
    except (TimeoutError, EOFError):
        raise FormError("The form did not come in time.", 408) from None
    if body is None:
        raise FormError("The form is too large.", 413)
    try:
        fields = parse_qs(
            body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, encoding="utf-8", errors="strict"
        )
    except ValueError:
        raise FormError("The login takes the form of its page only.") from None
    if len(fields.get("password", ())) != 1 or len(fields.get("next", ())) > 1:
        raise FormError("The login takes the form of its page only.")
    return LoginForm(fields["password"][0], safe_target(fields.get("next", ["/"])[0]))
