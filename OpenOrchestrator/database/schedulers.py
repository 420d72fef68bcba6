"""Models of schedulers, the daemons on worker machines, and of the screens of these machines."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Double, String
from sqlalchemy.orm import Mapped, mapped_column

from OpenOrchestrator.database.base import Base
from OpenOrchestrator.database.engine.dialects import NameList, SiteDateTime, UtcDateTime, text_type, uuid_type


class Scheduler(Base):
    """One scheduler by name, as it last reported itself.

    Attributes:
        last_update: Site time of the last heartbeat.
        latest_trigger: Name of the trigger it started last.
        instance: The running daemon; a second one of the same name is refused while its lease lives.
        lease_until: On the database's clock.
        heartbeat_at: The last heartbeat as an instant.
        slots: How many jobs it runs at once.
        pid: Process id of the daemon on the machine ``host_name``.
        pid_started: Its create time as psutil tells it, for people: it moves when the clock is set.
        process_identity: What tells its process from others of the same id, in this boot and container or another.
        cordoned_at: Since when it starts nothing new, by the wish of ``cordoned_by``.
        drain_at: Since when it is to end as soon as its robots have, by the wish of ``drain_by``.
        labels: What it carries for triggers that require labels, as it last said; None from earlier versions.
        stopping_at: Since when the running daemon, asked by a signal, waits for its robots to end.
    """

    __tablename__ = "Schedulers"

    machine_name: Mapped[str] = mapped_column(text_type(100), primary_key=True)
    last_update: Mapped[datetime] = mapped_column(SiteDateTime)
    latest_trigger: Mapped[str | None] = mapped_column(text_type(100))
    latest_trigger_time: Mapped[datetime | None] = mapped_column(SiteDateTime)
    instance: Mapped[UUID | None] = mapped_column(uuid_type())
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    heartbeat_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    version: Mapped[str | None] = mapped_column(String(20))
    slots: Mapped[int | None]
    running_jobs: Mapped[int | None]
    pid: Mapped[int | None]
    pid_started: Mapped[float | None] = mapped_column(Double)
    host_name: Mapped[str | None] = mapped_column(text_type(255))
    process_identity: Mapped[str | None] = mapped_column(String(150))
    cordoned_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cordoned_by: Mapped[str | None] = mapped_column(text_type(100))
    drain_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    drain_by: Mapped[str | None] = mapped_column(text_type(100))
    stopping_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    labels: Mapped[list[str]] = mapped_column(NameList(1200), nullable=True)


class Screen(Base):
    """The screen of one machine, which one robot at a time may use, whichever scheduler there started it.

    Attributes:
        machine: Name of the machine in small letters.
        job_id: Who took it last; it is taken for as long as that job has not ended.
        taken_at: When it did.
    """

    __tablename__ = "Screens"

    machine: Mapped[str] = mapped_column(text_type(255), primary_key=True)
    job_id: Mapped[UUID | None] = mapped_column(uuid_type())
    taken_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
