"""Who owns a job, and for how long: the words that schedulers, claims and runs share."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID, uuid4

LEASE_SECONDS = 30.0
"""How long a claim or heartbeat lasts on the database's clock. Owners extend it about three times as often."""

LEFT_LEASE_SECONDS = 900.0
"""How long robots that a scheduler leaves running on purpose may wait for it to come back."""


ELEMENT_LEASE_SECONDS = 300.0
"""How long a robot without a job holds an element it took by ``work``; it prolongs that three times as often.

Longer than that of jobs, because a person may have stopped it at a breakpoint or closed the lid of a laptop.
"""


@dataclass(frozen=True, slots=True)
class Identity:
    """A scheduler as the owner of jobs.

    Attributes:
        name: Its name, which outlives restarts.
        instance: This start of it; a restarted scheduler has another one.
        machine: Name of the machine it runs on; empty if that is not known, and then it counts as alone on one.
        labels: What it carries for triggers that require labels.
    """

    name: str
    instance: UUID = field(default_factory=uuid4)
    machine: str = ""
    labels: tuple[str, ...] = ()
