"""Messages of jobs as tables show them."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from OpenOrchestrator.orchestrator.backend.causes import telling_line
from OpenOrchestrator.orchestrator.components import times
from OpenOrchestrator.orchestrator.components.tables import cells
from OpenOrchestrator.orchestrator.components.tables.data_table import Column, Row
from OpenOrchestrator.orchestrator.components.vocabulary import LOG_LOOKS

if TYPE_CHECKING:
    from OpenOrchestrator.orchestrator.jobs.backend.messages import JobMessage

MESSAGE_COLUMNS = (
    Column("time", "Time", "148px", phone=True, phone_width="84px"),
    Column("level", "Level", "84px", phone=True, phone_width="74px"),
    Column("message", "Message", phone=True),
)
SHOWN_CHARACTERS = 300

BY_TIME_ICON = "sym_r_schedule"
BY_TIME = (
    "By process and time: the message does not say which job it is from. This process wrote it while the job ran; "
    "if several runs overlapped, another one may have."
)


def message_row(row: JobMessage, now: datetime, zone: tzinfo) -> Row:
    """Return a message as a table shows it: its first line."""
    instant = times.from_site(row.time, zone)
    lines = row.message.strip().split("\n")
    line = telling_line(row.message)
    more = f"  (+{len(lines) - 1} lines)" if len(lines) > 1 else ""
    local, today = instant.astimezone(zone), now.astimezone(zone)
    day = "" if local.date() == today.date() else f"{times.calendar(instant, now, zone).split(' ')[0]} "
    if abs((local.date() - today.date()).days) > 6:
        day = f"{local.day} {times.MONTHS[local.month - 1]} "
    return Row(
        id=str(row.id),
        name=f"message of {local:%H:%M:%S}",
        cells={
            "time": cells.text(f"{day}{local:%H:%M:%S}", tip=times.absolute(instant, zone), tone="t2"),
            "level": cells.pill(LOG_LOOKS[row.level]),
            "message": cells.text(
                line[:SHOWN_CHARACTERS] + more,
                mono=True,
                icon=BY_TIME_ICON if row.job_id is None else None,
                tip=BY_TIME if row.job_id is None else None,
            ),
        },
    )
