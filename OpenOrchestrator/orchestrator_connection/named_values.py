"""How robots read and change constants and credentials: the published part of the connection for that.

Loaded with every connection, so it loads nothing; what is done is in ``robot_calls``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from OpenOrchestrator.common.short_errors import with_short_errors

if TYPE_CHECKING:
    from OpenOrchestrator.database.constants import Constant, Credential
    from OpenOrchestrator.orchestrator_connection.robot_calls import RobotCalls


@with_short_errors
class NamedValues:
    """What a connection can do with constants and credentials."""

    process_name: str
    _calls: RobotCalls

    def get_constant(self, constant_name: str) -> Constant:
        """Return a constant; its value is ``.value``.

        Raises:
            NotFoundError: If there is none with this name.
        """
        return self._calls.get_constant(self.process_name, constant_name)

    def get_credential(self, credential_name: str) -> Credential:
        """Return a credential with its ``.username`` and, in clear text, ``.password``.

        Raises:
            NotFoundError: If there is none with this name.
            NoEncryptionKeyError: If the connection has no key.
            EncryptionError: If the key is malformed, or not the one the credential was saved with.
        """
        return self._calls.get_credential(self.process_name, credential_name)

    def update_constant(self, constant_name: str, new_value: str) -> None:
        """Give a constant a new value of at most 1000 characters.

        Raises:
            NotFoundError: If there is none with this name.
            InvalidInputError: If the value cannot be stored.
        """
        self._calls.update_constant(self.process_name, constant_name, new_value)

    def update_credential(self, credential_name: str, new_username: str, new_password: str) -> None:
        """Give a credential a new user name of at most 250 characters, and a new password.

        Raises:
            NotFoundError: If there is none with this name.
            InvalidInputError: If user name or password cannot be stored.
            NoEncryptionKeyError: If the connection has no key.
            EncryptionError: If the key is malformed.
        """
        self._calls.update_credential(self.process_name, credential_name, new_username, new_password)
