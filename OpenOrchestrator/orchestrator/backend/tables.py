"""The tables as statements name them.

Models know their tables as what SQLAlchemy calls a ``FromClause``; here they are what its statements take. Models that
are asked for as rows (``session.get``) are imported from the database as ever.
"""

from __future__ import annotations

from typing import Any

from OpenOrchestrator.database.jobs import Job, JobOutput
from OpenOrchestrator.database.logs import Log
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.schedulers import Scheduler
from OpenOrchestrator.database.triggers import QueueTrigger, Trigger

ELEMENTS: Any = QueueElement.__table__
JOBS: Any = Job.__table__
LOGS: Any = Log.__table__
OUTPUT: Any = JobOutput.__table__
QUEUE_TRIGGERS: Any = QueueTrigger.__table__
SCHEDULERS: Any = Scheduler.__table__
TRIGGERS: Any = Trigger.__table__
