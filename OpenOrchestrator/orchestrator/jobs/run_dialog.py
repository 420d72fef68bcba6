"""The question with which arguments, and where, a trigger is to be run once."""

from __future__ import annotations

from nicegui import ui

from OpenOrchestrator.common.redaction import MASK
from OpenOrchestrator.database.statuses import TriggerStatus
from OpenOrchestrator.orchestrator.components.buttons import ghost, primary
from OpenOrchestrator.orchestrator.components.forms.confirm import question, take_away
from OpenOrchestrator.orchestrator.components.forms.fields import choice, field, switch, text_area
from OpenOrchestrator.orchestrator.components.forms.who import WhoField
from OpenOrchestrator.orchestrator.jobs.backend.jobs import STOPPED_STATUSES
from OpenOrchestrator.orchestrator.jobs.backend.run_once import LONGEST_ARGUMENTS, RunPlan, RunWish

ANY = ""


def sentences(plan: RunPlan) -> list[str]:
    """Return what will happen. Pure."""
    text = ["The next free scheduler starts it, also when it is not due."]
    if plan.status in STOPPED_STATUSES:
        then = ": only this run is made" if not _can_enable(plan) else " unless it is enabled too"
        text.append(f"Its trigger is {plan.status.value.lower()}, and stays so{then}.")
    else:
        text.append("Its schedule and its own arguments stay as they are, whatever the end of this run.")
    if plan.job_id is not None and not plan.job_arguments:
        text.append("What that job ran with is not known: these are the arguments that its trigger has now.")
    return text


def choices(plan: RunPlan) -> dict[str, str]:
    """Return the schedulers to choose from, by name, with what speaks against each. Pure."""
    any_words = f"Any of its own: {', '.join(plan.whitelist)}" if plan.whitelist else "Any"
    allowed = {name.strip().casefold() for name in plan.whitelist}
    known = {each.name: each for each in plan.schedulers}
    words = {ANY: any_words}
    heard_of = {name.strip().casefold() for name in known}
    missing = {name for name in plan.whitelist if name.strip().casefold() not in heard_of}
    for name in sorted({*known, *missing}, key=str.casefold):
        against = []
        if name not in known:
            against.append("never heard of")
        elif known[name].is_silent:
            against.append("not heard of for a while")
        if allowed and name.strip().casefold() not in allowed:
            against.append("not among its own")
        words[name] = f"{name} ({', '.join(against)})" if against else name
    return words


def check(value: object, plan: RunPlan) -> str | None:
    """Say what is wrong with the arguments. Pure."""
    text = str(value or "")
    if plan.hides and text != plan.arguments and MASK in text:
        return f"{MASK} stands for what is not shown: enter the whole arguments, or leave them as they were."
    return None if len(text) <= LONGEST_ARGUMENTS else f"At most {LONGEST_ARGUMENTS} characters; these are {len(text)}."


async def ask_run(plan: RunPlan) -> RunWish | None:
    """Ask, and return what is wanted; None for nothing."""
    title = f"Run {plan.name} again?" if plan.job_id is not None else f"Run {plan.name} once?"
    with question(title, sentences(plan), role="dialog") as (dialog, body):
        with body:
            note = f"{MASK} stays as it is" if plan.hides else "JSON or any text"
            with field("Arguments of this run", note=note, wide=True):
                arguments = text_area(
                    "Arguments of this run",
                    plan.arguments,
                    check=lambda value: check(value, plan),
                    mono=True,
                    marker="run-arguments",
                )
            with field("Scheduler"):
                where = choice("Scheduler", choices(plan), ANY, marker="run-scheduler")
            enable = switch("Enable the trigger too, from its next time on", _enables(plan), marker="run-enable")
            enable.set_visibility(_can_enable(plan))
            who = WhoField()

        def accept() -> None:
            if not arguments.validate():
                return
            text = str(arguments.value or "")
            wish = RunWish(
                arguments=None if text == plan.arguments else text,
                scheduler=where.value or None,
                by=who.take(),
                enable=bool(enable.visible and enable.value),
            )
            dialog.submit(wish)

        with ui.element("div").classes("oo-dialog-f"):
            ghost("Cancel", lambda: dialog.submit(None), marker="cancel")
            primary("Run again" if plan.job_id is not None else "Run once", accept, marker="confirm-run")
    try:
        wish: RunWish | None = await dialog
        return wish
    finally:
        take_away(dialog)


def _can_enable(plan: RunPlan) -> bool:
    # A single trigger whose time has passed would run a second time, at once.
    return plan.status in STOPPED_STATUSES and plan.status is not TriggerStatus.DONE and plan.has_next


def _enables(plan: RunPlan) -> bool:
    # Whoever repeats what failed wants it to go on; whoever paused it, or had it killed, has a reason.
    return plan.job_id is not None and plan.status is TriggerStatus.FAILED and _can_enable(plan)
