"""Every error type of OpenOrchestrator.

Each also inherits the builtin that callers of earlier versions catch::

    OpenOrchestratorError
    ├── ConfigurationError (ValueError)       a setting is missing or malformed
    │   └── MissingArgumentError (IndexError) a robot was started with too few arguments
    ├── InvalidInputError (ValueError)        an argument cannot be stored or used
    │   └── AlreadyExistsError                a name is taken
    ├── NotFoundError (ValueError)            no row with that id or name
    ├── EncryptionError (ValueError)          a text does not decrypt with this key
    ├── NoEncryptionKeyError (RuntimeError)   no key was set
    ├── DatabaseError (RuntimeError)
    │   ├── NotConnectedError                 no default database
    │   ├── ConnectionFailedError             the database cannot be reached or opened, or serves nobody for now
    │   │   └── LoginRefusedError             the server refuses this login, or an option or file cannot be used
    │   ├── TransientDatabaseError            the database undid the work, for a reason that passes
    │   ├── RevisionError                     database and program do not fit together
    │   └── CommitOutcomeUnknownError         the connection broke while committing
    ├── OwnershipLostError (RuntimeError)     the element or job belongs to somebody else now
    │   └── ElementLostError                  only the element does; the robot may go on to the next
    ├── TooManyErrorsError (RuntimeError)     a robot failed at one element after the other
    ├── ElementUseError (RuntimeError)        a robot said nothing, or twice, what became of an element
    └── SchedulerError (RuntimeError)
        ├── SchedulerNameInUseError           another live scheduler has this name
        └── LaunchError                       a robot could not be started

``BusinessError`` is not one of them: robots raise it.
"""

from __future__ import annotations


class OpenOrchestratorError(Exception):
    """Root of all errors raised on purpose by OpenOrchestrator."""


class ConfigurationError(OpenOrchestratorError, ValueError):
    """A setting is missing or malformed."""


class MissingArgumentError(ConfigurationError, IndexError):
    """A robot was started with too few arguments."""


class InvalidInputError(OpenOrchestratorError, ValueError):
    """An argument cannot be stored or used; nothing was changed."""


class AlreadyExistsError(InvalidInputError):
    """Something with this name exists already; nothing was changed."""


class NotFoundError(OpenOrchestratorError, ValueError):
    """There is no row with the given id or name; nothing was changed."""


class EncryptionError(OpenOrchestratorError, ValueError):
    """A text cannot be decrypted with the key in use."""


class NoEncryptionKeyError(OpenOrchestratorError, RuntimeError):
    """Encryption was asked for before a key was set."""


class DatabaseError(OpenOrchestratorError, RuntimeError):
    """The database cannot do what was asked."""


class NotConnectedError(DatabaseError):
    """There is no default database: connect first."""


class ConnectionFailedError(DatabaseError):
    """The database cannot be reached or opened, or serves nobody (read-only, no connection free) for now."""


class LoginRefusedError(ConnectionFailedError):
    """The server refuses this login, or an option or a file of the connection string cannot be used.

    Nothing of that passes by itself.
    """


class TransientDatabaseError(DatabaseError):
    """The database undid the work again and again, for a reason that passes (locks, conflicts, no room).

    Nothing was changed, and the database serves others meanwhile.
    """


class RevisionError(DatabaseError):
    """The revision of the database does not fit this version of the program."""


class CommitOutcomeUnknownError(DatabaseError):
    """The connection broke while committing, and whether the change was saved could not be read back."""


class OwnershipLostError(OpenOrchestratorError, RuntimeError):
    """A write was refused because the element or job belongs to somebody else now."""


class RunRefusedError(OpenOrchestratorError, RuntimeError):
    """A run of a trigger was not asked for, because the trigger cannot be run now; nothing was changed."""


class ElementLostError(OwnershipLostError):
    """The element was taken away, finished or handed out anew meanwhile; nothing was written. The job goes on."""


class TooManyErrorsError(OpenOrchestratorError, RuntimeError):
    """One element after the other ended in an error, as when the system that a robot works in is down."""


class ElementUseError(OpenOrchestratorError, RuntimeError):
    """A robot went on without saying what became of a queue element, or said it twice."""


class BusinessError(Exception):
    """Raised by robots: this element cannot be worked on, and trying again would not help.

    Args:
        message: Why, for people.
        code: Of the kind of reason, for filters and statistics; at most 100 characters. None for none.
    """

    def __init__(self, message: object = "", code: str | None = None) -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[type[BusinessError], tuple[object, str | None]]:
        """Keep the code when it is pickled, as a pool of processes does."""
        return type(self), (self.args[0] if self.args else "", self.code)


class SchedulerError(OpenOrchestratorError, RuntimeError):
    """The scheduler cannot do what was asked."""


class SchedulerNameInUseError(SchedulerError):
    """Another live scheduler uses this name."""


class LaunchError(SchedulerError):
    """A robot could not be started; the message is the reason stored on its job."""
