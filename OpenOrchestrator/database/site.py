"""Model of the settings that belong to the installation as a whole."""

from __future__ import annotations

from sqlalchemy.orm import Mapped, mapped_column

from OpenOrchestrator.database.base import Base
from OpenOrchestrator.database.engine.dialects import text_type

TIME_ZONE = "timezone"
"""Name of the setting that holds the site's IANA time zone."""

QUEUE_POLL = "queue_poll_seconds"
"""Name of the setting that holds the longest rest of a queue trigger whose runs take nothing, in whole seconds."""

SITE_NAME = "site_name"
"""Name of the setting that holds what the site is called, such as TEST; a site without it has no name."""

SITE_COLOUR = "site_colour"
"""Name of the setting that holds the colour of the site: a name, or ``#rrggbb``."""

SITE_PAUSE = "site_pause"
"""Name of the setting that is there while the site is paused, or was until its end; see ``stores.site_pause``."""

FILE_MEGABYTES = "file_megabytes"
"""Name of the setting that holds how large a file of an element or a job can be, in whole megabytes."""

FILES_MEGABYTES = "files_megabytes"
"""Name of the setting that holds how large all files of an element or a job can be together, in whole megabytes."""

KEEP_JOBS = "keep_jobs_days"
"""Name of the setting that holds for how many days jobs are kept that have ended; without it for ever, as the next."""

KEEP_OUTPUT = "keep_output_days"
"""Name of the setting that holds for how many days the output of jobs is kept that have ended."""

KEEP_LOGS = "keep_logs_days"
"""Name of the setting that holds for how many days logs are kept."""

KEEP_FILES = "keep_files_days"
"""Name of the setting that holds for how many days files of elements and jobs are kept that have ended."""

RETENTION_SWEEP = "retention_sweep"
"""Name of the setting that says who deletes what is too old today, or that it was done; see ``sweep_turn``."""


class SiteSetting(Base):
    """A named setting of the installation."""

    __tablename__ = "Site_Settings"

    name: Mapped[str] = mapped_column(text_type(100), primary_key=True)
    value: Mapped[str] = mapped_column(text_type(1000))
