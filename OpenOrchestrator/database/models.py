"""All models in one import, for whoever needs the metadata of the whole database."""

from __future__ import annotations

from OpenOrchestrator.database.annotations import Annotation
from OpenOrchestrator.database.attachments import Attachment, AttachmentPiece
from OpenOrchestrator.database.base import Base
from OpenOrchestrator.database.calendars import SiteCalendar
from OpenOrchestrator.database.constants import Constant, ConstantOverride, Credential
from OpenOrchestrator.database.job_reports import JobAlert, JobResult
from OpenOrchestrator.database.jobs import Job, JobOutput
from OpenOrchestrator.database.logs import Log
from OpenOrchestrator.database.pools import Pool
from OpenOrchestrator.database.queue_attempts import QueueAttempt
from OpenOrchestrator.database.queue_references import QueueGuard, QueueReference
from OpenOrchestrator.database.queue_settings import QueueSetting
from OpenOrchestrator.database.queues import QueueElement
from OpenOrchestrator.database.schedulers import Scheduler, Screen
from OpenOrchestrator.database.site import SiteSetting
from OpenOrchestrator.database.triggers import QueueTrigger, ScheduledTrigger, SingleTrigger, Trigger
from OpenOrchestrator.database.uses import Use

__all__ = [
    "Annotation",
    "Attachment",
    "AttachmentPiece",
    "Base",
    "Constant",
    "ConstantOverride",
    "Credential",
    "Job",
    "JobAlert",
    "JobOutput",
    "JobResult",
    "Log",
    "Pool",
    "QueueAttempt",
    "QueueElement",
    "QueueGuard",
    "QueueReference",
    "QueueSetting",
    "QueueTrigger",
    "ScheduledTrigger",
    "Scheduler",
    "Screen",
    "SingleTrigger",
    "SiteCalendar",
    "SiteSetting",
    "Trigger",
    "Use",
]
