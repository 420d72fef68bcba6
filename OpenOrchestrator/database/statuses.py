"""The enumerations stored in the database, free of SQLAlchemy.

Columns store member names. Names of TriggerStatus, TriggerType, QueueStatus and LogLevel are fixed: robots with
older libraries read the same rows and raise on a name they do not know.
"""

from __future__ import annotations

from enum import Enum


class TriggerStatus(Enum):
    """State of a trigger."""

    IDLE = "Idle"
    RUNNING = "Running"
    FAILED = "Failed"
    DONE = "Done"
    PAUSED = "Paused"
    PAUSING = "Pausing"
    KILLING = "Killing"
    KILLED = "Killed"


class TriggerType(Enum):
    """Kind of a trigger."""

    SINGLE = "Single"
    SCHEDULED = "Scheduled"
    QUEUE = "Queue"


class QueueStatus(Enum):
    """State of a queue element."""

    NEW = "New"
    IN_PROGRESS = "In Progress"
    DONE = "Done"
    FAILED = "Failed"
    ABANDONED = "Abandoned"


class LogLevel(Enum):
    """Severity of a log message."""

    TRACE = "Trace"
    INFO = "Info"
    ERROR = "Error"


class JobStatus(Enum):
    """State of a job, one persisted run of a trigger."""

    RUNNING = "Running"
    DONE = "Done"
    FAILED = "Failed"
    KILLED = "Killed"
    STARTING = "Starting"
    TIMED_OUT = "Timed out"
    LOST = "Lost"
    SKIPPED = "Skipped"  # never run: due times that were missed, and that its trigger leaves out


ACTIVE_JOB_STATUSES = frozenset({JobStatus.STARTING, JobStatus.RUNNING})
"""A job in one of these has not ended yet."""

UNSTARTED_JOB_STATUSES = (JobStatus.SKIPPED,)
"""A job in one of these stands for runs that never were: it has no duration, and counts as no run."""

BAD_JOB_STATUSES = (JobStatus.FAILED, JobStatus.TIMED_OUT, JobStatus.LOST)
"""How a job ends that went wrong; a killed one was stopped by somebody."""

RETRIED_JOB_STATUSES = (JobStatus.FAILED, JobStatus.TIMED_OUT)
"""After these ends a run can be tried again; after a lost one only if its trigger says that lost runs are."""

WAITING_TRIGGER_STATUSES = frozenset({TriggerStatus.PAUSING, TriggerStatus.KILLING})
"""A trigger in one of these waits for the end of its run."""

HELD_TRIGGER_STATUSES = (TriggerStatus.FAILED, TriggerStatus.KILLED)
"""A trigger in one of these does not run before somebody enables it, though nobody paused it."""

RESTING_TRIGGER_STATUSES = (
    TriggerStatus.IDLE,
    TriggerStatus.PAUSED,
    TriggerStatus.FAILED,
    TriggerStatus.KILLED,
    TriggerStatus.DONE,
)
"""A trigger in one of these has no run, and can be run once with arguments of its own without leaving that state."""

BUSY_TRIGGER_STATUSES = frozenset({TriggerStatus.RUNNING, *WAITING_TRIGGER_STATUSES})
"""A trigger in one of these has a run that has not ended."""

FINAL_ELEMENT_STATUSES = frozenset({QueueStatus.DONE, QueueStatus.FAILED, QueueStatus.ABANDONED})
"""An element in one of these has been worked on to an end."""


class AttemptEnd(Enum):
    """How a robot's attempt at a queue element ended. The column holds member names."""

    DONE = "Done"
    FAILED = "Failed"
    RETRIED = "To be tried again"
    POSTPONED = "Postponed"
    RELEASED = "Given back"
    ABANDONED = "Abandoned"


class WhenRobotDied(Enum):
    """What becomes of a queue element whose robot died, so that nobody knows what it did."""

    ABANDON = "Abandon"
    RETRY = "Try again"


class UniqueReferences(Enum):
    """Among which elements of a queue a reference may occur once only. The column holds member names."""

    NONE = "Not unique"
    OPEN = "Unique among open elements"  # New or In Progress
    EVER = "Unique for ever"  # also when the element was deleted


class StartedBy(Enum):
    """What started a job."""

    SCHEDULE = "Schedule"  # the time of a single or scheduled trigger had come
    QUEUE = "Queue"
    REQUEST = "Request"  # somebody asked for a run in the app
    AGAIN = "Run again"  # somebody asked for a job to be run again
    RETRY = "Retry"  # the run before failed, and the trigger says that it is tried again
    BY_HAND = "By hand"  # somebody ran the trigger from a terminal


class WhenLost(Enum):
    """What becomes of a trigger whose run was lost, so that nobody knows what its robot did."""

    LEAVE = "Leave to an admin"
    RETRY = "Retry"


class RobotEnvironment(Enum):
    """The Python environment that a robot is started in."""

    OWN = "Own"  # its trigger's: what its main.py installs stays there
    MANAGED = "Managed"  # made from the robot's lock or requirements, and shared by all that need the same


class Desktop(Enum):
    """What a robot needs of the machine it runs on."""

    BACKGROUND = "Background"  # nothing: others may run beside it
    SCREEN = "Screen"  # the screen: one such robot at a time on a machine
    EXCLUSIVE = "Exclusive"  # to be alone on its scheduler


class SecretPassing(Enum):
    """How connection string and key reach a robot."""

    AUTO = "Auto"
    ENVIRONMENT = "Environment"
    ARGUMENTS = "Arguments"


class UsedKind(Enum):
    """What robots use by its name."""

    CONSTANT = "Constant"
    CREDENTIAL = "Credential"
    QUEUE = "Queue"


class Access(Enum):
    """How a robot uses it. Taking an element reads a queue, adding one writes it."""

    READ = "Read"
    WRITE = "Write"


class AttachmentOwner(Enum):
    """What files can belong to."""

    ELEMENT = "Queue element"
    JOB = "Job"
