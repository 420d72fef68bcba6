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
    └── SchedulerError (RuntimeError)
        ├── SchedulerNameInUseError           another live scheduler has this name
        └── LaunchError                       a robot could not be started
"""


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


class SchedulerError(OpenOrchestratorError, RuntimeError):
    """The scheduler cannot do what was asked."""


class SchedulerNameInUseError(SchedulerError):
    """Another live scheduler uses this name."""


class LaunchError(SchedulerError):
    """A robot could not be started; the message is the reason stored on its job."""
