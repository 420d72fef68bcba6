"""Whether a trigger that somebody names can run now and here, and if not, why.

Reads only: claiming it is ``trigger_claims``'s, and may find that another scheduler was faster.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from OpenOrchestrator.common.errors import InvalidInputError, NotFoundError
from OpenOrchestrator.database.engine.exact_texts import SameText
from OpenOrchestrator.database.labels import missing
from OpenOrchestrator.database.leases import Identity
from OpenOrchestrator.database.lifecycle import screens
from OpenOrchestrator.database.lifecycle.pool_shares import waits_for
from OpenOrchestrator.database.statuses import BUSY_TRIGGER_STATUSES, TriggerStatus
from OpenOrchestrator.database.stores import due_triggers, pools
from OpenOrchestrator.database.stores.trigger_rows import (
    BASE_COLUMNS,
    TIME_COLUMNS,
    TIME_JOIN,
    TRIGGERS,
    PoisonedRowError,
    TriggerRow,
    raw,
    read,
)

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def require_runnable(connection: Connection, scheduler_name: str, trigger_name: str) -> TriggerRow:
    """Return the one idle trigger of a name that may run on a scheduler, whether it is due or not.

    Args:
        connection: Within a transaction.
        scheduler_name: Name that the trigger's whitelist has to allow.
        trigger_name: Its name.

    Raises:
        NotFoundError: If there is no trigger of that name.
        InvalidInputError: If it cannot run now or here; the message says why.
    """
    query = (
        sa.select(*BASE_COLUMNS, *TIME_COLUMNS, raw(TRIGGERS.c.process_status, "status"))
        .select_from(TIME_JOIN)
        .where(SameText(TRIGGERS.c.trigger_name, trigger_name))
    )
    rows = connection.execute(query).all()
    if not rows:
        raise NotFoundError(f"There is no trigger named {trigger_name!r}. Check the spelling, also capital letters.")
    if len(rows) > 1:
        raise InvalidInputError(
            f"{len(rows)} triggers are named {trigger_name!r}, so it is not clear which one to run. Rename all but one."
        )
    try:
        trigger = read(rows[0])
    except PoisonedRowError as error:
        raise InvalidInputError(f"The trigger {trigger_name!r} cannot run: {error}.") from error
    status = TriggerStatus.__members__.get(str(rows[0].status))
    if status is not TriggerStatus.IDLE:
        shown = repr(rows[0].status) if status is None else status.value
        advice = "Wait until its run has ended." if status in BUSY_TRIGGER_STATUSES else "Enable it first."
        raise InvalidInputError(f"The trigger {trigger_name!r} cannot run now: its status is {shown}. {advice}")
    if trigger.trigger_id in due_triggers.active_triggers(connection):
        raise InvalidInputError(
            f"The trigger {trigger_name!r} cannot run now: it has a job that has not ended, although it is Idle."
        )
    if not due_triggers.is_allowed_on(trigger.whitelist, scheduler_name):
        raise InvalidInputError(
            f"The trigger {trigger_name!r} may not run on {scheduler_name!r}: its whitelist allows only "
            f"{', '.join(map(repr, trigger.whitelist))}."
        )
    book = pools.read_book(connection) if trigger.pools else pools.EMPTY
    lacking = waits_for(trigger.pools, book)
    if lacking:
        raise InvalidInputError(f"The trigger {trigger_name!r} cannot run now. {lacking[0].words}")
    return trigger


def require_here(session: Session, identity: Identity, trigger: TriggerRow) -> None:
    """Look whether a machine has what a trigger needs: its labels, and its screen.

    Raises:
        InvalidInputError: If it has not; the message says what is missing.
    """
    lacking = missing(trigger.labels, identity.labels)
    if lacking:
        raise InvalidInputError(
            f"The trigger {trigger.name!r} cannot run here: it requires the label{'s' if len(lacking) > 1 else ''} "
            f"{', '.join(map(repr, lacking))}, which this machine does not carry. Run it where a scheduler does, or "
            "say with --label what this machine has."
        )
    key = screens.machine_key(identity.machine, identity.name)
    holder = screens.holders(session, key).get(key) if trigger.needs_screen else None
    if holder is not None:
        raise InvalidInputError(
            f"The trigger {trigger.name!r} cannot run now: it needs the screen of this machine, which {holder.name!r} "
            f"has since {holder.since:%Y-%m-%d %H:%M:%S} (job {holder.job_id}). Wait until that has ended."
        )
