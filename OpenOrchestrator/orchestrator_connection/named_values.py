"""How robots read and change constants and credentials: the published part of the connection for that.

Loaded with every connection, so it loads nothing; what is done is in ``robot_calls``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from OpenOrchestrator.common.short_errors import with_short_errors
from OpenOrchestrator.orchestrator_connection import constant_values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

    from OpenOrchestrator.database.constants import Constant, Credential
    from OpenOrchestrator.orchestrator_connection.robot_calls import RobotCalls

D = TypeVar("D")
V = TypeVar("V")


class _Required:
    def __repr__(self) -> str:
        return "..."


REQUIRED: Any = _Required()
"""In the place of a default: there is none, and what is missing is an error."""


@with_short_errors
class NamedValues:
    """What a connection can do with constants and credentials."""

    process_name: str
    job_id: UUID | str | None
    _calls: RobotCalls

    def get_constant(self, constant_name: str, default: str = REQUIRED) -> Constant:
        """Return a constant; its value is ``.value``.

        Where the constant has a value of its own on the scheduler that runs this robot, it is that one; so it is for
        ``get_int`` and the like. A robot that was started by hand gets the value of all others.

        Args:
            constant_name: Its name.
            default: The value to return if there is none with this name; left out, that is an error.

        Raises:
            NotFoundError: If there is none with this name and no default; says which names are close to it.
        """
        if default is REQUIRED:
            return self._calls.get_constant(self.process_name, constant_name, self.job_id)
        found = self._calls.find_constant(self.process_name, constant_name, self.job_id)
        return self._calls.unsaved_constant(constant_name, default) if found is None else found

    def get_int(self, constant_name: str, default: int | D = REQUIRED) -> int | D:
        """Return the value of a constant as a whole number.

        Args:
            constant_name: Its name.
            default: What to return if there is none with this name; left out, that is an error.

        Raises:
            NotFoundError: If there is none with this name and no default.
            InvalidInputError: If its value is no whole number.
        """
        return self._read_as(constant_name, default, constant_values.whole_number)

    def get_float(self, constant_name: str, default: float | D = REQUIRED) -> float | D:
        """Return the value of a constant as a number, such as ``1.5``.

        Args:
            constant_name: As for ``get_int``.
            default: As for ``get_int``.

        Raises:
            NotFoundError: If there is none with this name and no default.
            InvalidInputError: If its value is no number.
        """
        return self._read_as(constant_name, default, constant_values.number)

    def get_bool(self, constant_name: str, default: bool | D = REQUIRED) -> bool | D:
        """Return whether the value of a constant is true, yes, on or 1, and not false, no, off or 0; in any case.

        Args:
            constant_name: As for ``get_int``.
            default: As for ``get_int``.

        Raises:
            NotFoundError: If there is none with this name and no default.
            InvalidInputError: If its value is none of these.
        """
        return self._read_as(constant_name, default, constant_values.truth)

    def get_json(self, constant_name: str, default: Any = REQUIRED) -> Any:
        """Return what the value of a constant says as JSON.

        Args:
            constant_name: As for ``get_int``.
            default: As for ``get_int``.

        Raises:
            NotFoundError: If there is none with this name and no default.
            InvalidInputError: If its value is no JSON; says where.
        """
        return self._read_as(constant_name, default, constant_values.json_value)

    def get_credential(self, credential_name: str) -> Credential:
        """Return a credential with its ``.username`` and, in clear text, ``.password`` and ``.fields``.

        Fields are what it has beside, by name: ``credential.fields["client_id"]``.

        Raises:
            NotFoundError: If there is none with this name.
            NoEncryptionKeyError: If the connection has no key.
            EncryptionError: If the key is malformed, or not the one the credential was saved with.
        """
        return self._calls.get_credential(self.process_name, credential_name)

    def update_constant(self, constant_name: str, new_value: str) -> None:
        """Give a constant a new value of at most 1000 characters.

        It is the value that this robot reads: that of its scheduler, where the constant has one there, and otherwise
        that of all others.

        Raises:
            NotFoundError: If there is none with this name.
            InvalidInputError: If the value cannot be stored.
        """
        self._calls.update_constant(self.process_name, constant_name, new_value, self.job_id)

    def update_credential(
        self, credential_name: str, new_username: str, new_password: str, *, fields: Mapping[str, str] | None = None
    ) -> None:
        """Give a credential a new user name of at most 250 characters, and a new password.

        Args:
            credential_name: Its name.
            new_username: The user name.
            new_password: The password.
            fields: What it is to have beside, by name, in the place of what it has; left out, that stays.

        Raises:
            NotFoundError: If there is none with this name.
            InvalidInputError: If user name, password or a field cannot be stored.
            NoEncryptionKeyError: If the connection has no key.
            EncryptionError: If the key is malformed.
        """
        self._calls.update_credential(self.process_name, credential_name, new_username, new_password, fields)

    def _read_as(self, name: str, default: D, read: Callable[[str], V]) -> V | D:
        if default is REQUIRED:
            return constant_values.of_constant(self._calls.get_constant(self.process_name, name, self.job_id), read)
        found = self._calls.find_constant(self.process_name, name, self.job_id)
        return default if found is None else constant_values.of_constant(found, read)
