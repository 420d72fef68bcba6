"""What of a trigger stands in a file: one registry, from which reading, schema, export and comparison follow. Pure.

A policy that is added to triggers gets its entry here. A test fails while a column of a trigger is neither named by an
entry nor among those that are not exported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from OpenOrchestrator.common.repository_address import RepositoryAddress
from OpenOrchestrator.common.shown_arguments import shown
from OpenOrchestrator.database.labels import LONGEST_LABEL, label_key
from OpenOrchestrator.database.lifecycle.failure_limit import DEFAULT_LIMIT, limit_of
from OpenOrchestrator.database.statuses import TriggerType
from OpenOrchestrator.database.stores import pool_amounts, pools, trigger_input, validation
from OpenOrchestrator.database.stores.overlap import DEFAULT_MOST_JOBS, LARGEST_MOST_JOBS, most_jobs
from OpenOrchestrator.database.stores.trigger_places import desktop_of
from OpenOrchestrator.site import argument_texts
from OpenOrchestrator.site.fields import Columns, Field, column_field
from OpenOrchestrator.site.groups import Many, Named
from OpenOrchestrator.site.kinds import Choice, Duration, Flag, Text, WholeNumber
from OpenOrchestrator.site.moments import Moment
from OpenOrchestrator.site.policies import (
    CALENDAR,
    DESKTOP_WORDS,
    ENVIRONMENT_WORDS,
    LOST_WORDS,
    MISSED,
    PASSING_WORDS,
    RETRY,
    STOP,
    calendar_of,
    calendar_stored,
    desktop_stored,
    environment_of,
    environment_stored,
    lost_of,
    lost_stored,
    missed_of,
    missed_stored,
    passing_of,
    passing_stored,
    retry_of,
    retry_stored,
    stop_of,
    stop_stored,
)
from OpenOrchestrator.site.robot_entries import Entry

_SCHEDULED = frozenset({TriggerType.SCHEDULED})


def _trimmed(column: str) -> Callable[[Columns], str]:
    return lambda columns: str(columns[column]).strip()


TRIGGER_FIELDS: tuple[Field, ...] = (
    Field(
        key="name",
        kind=Text("name of the trigger", trigger_input.TRIGGER_NAME_LENGTH),
        words="What the trigger is called. Two of the same name need their id.",
        columns=("trigger_name",),
        of=_trimmed("trigger_name"),
        stored=lambda value: {"trigger_name": value},
        required=True,
    ),
    Field(
        key="process",
        kind=Text("name of the process", trigger_input.PROCESS_NAME_LENGTH),
        words="What its process is called in jobs and logs. Default: the name of the trigger.",
        columns=("process_name",),
        of=_trimmed("process_name"),
        stored=lambda value: {"process_name": value},
    ),
    column_field(
        "schedule",
        "cron_expr",
        Text("schedule", trigger_input.CRON_LENGTH),
        "When it runs: a cron expression of five fields. A trigger has a schedule, or at, or a queue.",
        types=_SCHEDULED,
        is_schedule=True,
    ),
    column_field(
        "timezone",
        "timezone",
        Text("time zone", trigger_input.ZONE_LENGTH),
        "The time zone whose clock the schedule means. Default: that of the site.",
        types=_SCHEDULED,
        is_schedule=True,
    ),
    Field(
        key="calendar",
        kind=CALENDAR,
        words="On which days the schedule holds. Default: on every day.",
        columns=("calendar", "closed_days"),
        of=calendar_of,
        stored=calendar_stored,
        types=_SCHEDULED,
        is_schedule=True,
    ),
    Field(
        key="missed",
        kind=MISSED,
        words="What becomes of runs that were missed. Default: one run for all of them, however late.",
        columns=("missed", "missed_within_seconds", "missed_most"),
        of=missed_of,
        stored=missed_stored,
        default=MISSED.defaults(),
        types=_SCHEDULED,
    ),
    Field(
        key="at",
        kind=Moment(),
        words="When it runs, once: a date and time on the clock of the site, or with an offset.",
        columns=("next_run", "due_at"),
        of=lambda columns: columns["moment"],
        stored=lambda value: {"next_run": value},
        types=frozenset({TriggerType.SINGLE}),
    ),
    column_field(
        "queue",
        "queue_name",
        Text("name of the queue", trigger_input.QUEUE_NAME_LENGTH, may_be_empty=True),
        "The queue whose New elements start it.",
        types=frozenset({TriggerType.QUEUE}),
    ),
    Field(
        key="min_batch",
        kind=WholeNumber(1),
        words="How many New elements it takes to start it.",
        columns=("min_batch_size",),
        of=lambda columns: max(1, columns["min_batch_size"]),
        stored=lambda value: {"min_batch_size": value},
        default=1,
        types=frozenset({TriggerType.QUEUE}),
    ),
    Field(
        key="path",
        kind=Text("path", trigger_input.PROCESS_PATH_LENGTH, may_be_empty=True),
        words="Where its robot is: a file, or with git the address of a repository. What *** stands for stays.",
        columns=("process_path",),
        of=_trimmed("process_path"),
        stored=lambda value: {"process_path": value.strip()},
        required=True,
        hide=lambda value: RepositoryAddress(value).shown,
    ),
    column_field("git", "is_git_repo", Flag(), "Whether the path is a git repository.", default=False),
    column_field(
        "branch",
        "git_branch",
        Text("branch", trigger_input.GIT_BRANCH_LENGTH),
        "Branch, tag or commit. Default: the branch of the repository itself.",
    ),
    column_field(
        "keep_files",
        "keep_files",
        Flag(),
        "Whether a run from git finds what the one before left in its folder.",
        default=False,
    ),
    Field(
        key="environment",
        kind=Choice(tuple(ENVIRONMENT_WORDS.values())),
        words="The Python environment of its robot: its own, or one that is managed and made from its lock.",
        columns=("environment",),
        of=lambda columns: environment_of(columns["environment"]),
        stored=lambda value: {"environment": environment_stored(value)},
        default="own",
    ),
    column_field(
        "entry", "entry", Entry(), "What of the robot's files is started, a file or a module. Default: its main.py."
    ),
    Field(
        key="arguments",
        kind=argument_texts.Arguments(trigger_input.PROCESS_ARGS_LENGTH),
        words="What the robot is given: a text, or JSON written as YAML. What *** stands for stays.",
        columns=("process_args",),
        of=lambda columns: columns["process_args"] or "",
        stored=lambda value: {"process_args": value},
        default="",
        is_same=argument_texts.are_same,
        hide=lambda value: shown(value, ()),
    ),
    Field(
        key="enabled",
        kind=Flag(),
        words="Whether it runs when it is due. Without the key a new trigger does, and others stay as they are.",
        columns=("process_status",),
        of=lambda columns: columns["enabled"],
        stored=lambda _value: {},
        is_same=lambda stored, wanted: wanted is None or stored is None or stored == wanted,
    ),
    column_field(
        "priority",
        "priority",
        WholeNumber(-validation.LARGEST_INTEGER - 1),
        "Of triggers that are due, those with the highest priority come first.",
        default=0,
    ),
    Field(
        key="schedulers",
        kind=Many(Text("name of a scheduler", 100)),
        words="The only schedulers that may run it. Default: any.",
        columns=("scheduler_whitelist",),
        of=lambda columns: tuple(dict.fromkeys(name.strip() for name in columns["scheduler_whitelist"] or ())),
        stored=lambda value: {"scheduler_whitelist": list(value)},
        default=(),
        is_same=lambda stored, wanted: sorted(stored) == sorted(wanted),
    ),
    Field(
        key="pools",
        kind=Named(Text("name of the pool", pool_amounts.NAME_LENGTH), WholeNumber(1, pool_amounts.LARGEST)),
        words="How much of which pool a run of it holds. Default: nothing.",
        columns=("pools",),
        of=lambda columns: dict(pools.readable(columns["pools"]) or ()),
        stored=lambda value: {"pools": pool_amounts.written(pool_amounts.in_order(value))},
        default=MappingProxyType({}),
    ),
    Field(
        key="labels",
        kind=Many(Text("label", LONGEST_LABEL)),
        words="What its scheduler has to carry, all of it. Default: nothing.",
        columns=("labels",),
        of=lambda columns: tuple(dict.fromkeys(label.strip() for label in columns["labels"] or ())),
        stored=lambda value: {"labels": list(value)},
        default=(),
        is_same=lambda stored, wanted: sorted(map(label_key, stored)) == sorted(map(label_key, wanted)),
    ),
    Field(
        key="desktop",
        kind=Choice(tuple(DESKTOP_WORDS.values())),
        words="screen: one at a time on a machine. exclusive: nothing else runs on its scheduler meanwhile.",
        columns=("is_blocking", "desktop"),
        of=lambda columns: DESKTOP_WORDS[desktop_of(columns["is_blocking"], columns["desktop"])],
        stored=desktop_stored,
        default="background",
    ),
    Field(
        key="jobs",
        kind=WholeNumber(1, LARGEST_MOST_JOBS),
        words="How many of its jobs may run at the same time.",
        columns=("max_jobs",),
        of=lambda columns: most_jobs(TriggerType.QUEUE, columns["max_jobs"]),
        stored=lambda value: {"max_jobs": value},
        default=DEFAULT_MOST_JOBS,
        types=frozenset({TriggerType.SCHEDULED, TriggerType.QUEUE}),
    ),
    column_field(
        "elements_per_job",
        "elements_per_job",
        WholeNumber(1),
        "For how many elements one of several jobs stands. Default: for min_batch.",
        types=frozenset({TriggerType.QUEUE}),
    ),
    column_field("time_out", "timeout_seconds", Duration(1), "How long its robot may run. Default: without limit."),
    Field(
        key="stop",
        kind=STOP,
        words="How its robot is stopped when its time is up. Default: terminated, and killed 5 seconds later.",
        columns=("stop_soft_seconds", "stop_terminate_seconds"),
        of=stop_of,
        stored=stop_stored,
        default=STOP.defaults(),
    ),
    Field(
        key="retry",
        kind=RETRY,
        words="Whether a run that failed is tried again. Default: it is not.",
        columns=("retry_times", "retry_pause_seconds", "retry_growth", "retry_most_seconds", "retry_after"),
        of=retry_of,
        stored=retry_stored,
        default=RETRY.defaults(),
    ),
    Field(
        key="pause_after_failures",
        kind=WholeNumber(0),
        words="After so many failed runs in a row somebody has to enable it; 0: never.",
        columns=("pause_after_failures",),
        of=lambda columns: limit_of(columns["pause_after_failures"]),
        stored=lambda value: {"pause_after_failures": value},
        default=DEFAULT_LIMIT,
    ),
    Field(
        key="when_lost",
        kind=Choice(tuple(LOST_WORDS.values())),
        words="What becomes of a run that was lost: leave it to an admin, or retry it.",
        columns=("when_lost",),
        of=lambda columns: lost_of(columns["when_lost"]),
        stored=lambda value: {"when_lost": lost_stored(value)},
        default="leave",
    ),
    Field(
        key="secrets",
        kind=Choice(tuple(PASSING_WORDS.values())),
        words="How connection string and key reach the robot.",
        columns=("secret_passing",),
        of=lambda columns: passing_of(columns["secret_passing"]),
        stored=lambda value: {"secret_passing": passing_stored(value)},
        default="auto",
    ),
)
"""All keys of a trigger apart from its id, in the order in which they are written."""

FIELDS_BY_KEY: Mapping[str, Field] = MappingProxyType({each.key: each for each in TRIGGER_FIELDS})

TYPE_KEYS: Mapping[str, TriggerType] = MappingProxyType(
    {"schedule": TriggerType.SCHEDULED, "at": TriggerType.SINGLE, "queue": TriggerType.QUEUE}
)
"""The keys of which a trigger has exactly one, and what that makes it."""

NOT_EXPORTED: Mapping[str, str] = MappingProxyType(
    {
        "id": "what it is, not how; files name it where names do not tell",
        "type": "follows from schedule, at or queue",
        "last_run": "what has happened",
        "failed_starts": "what has happened",
        "failed_runs": "what has happened",
        "run_requested_at": "a run that was asked for",
        "run_requested_by": "a run that was asked for",
        "run_args": "a run that was asked for",
        "run_scheduler": "a run that was asked for",
        "run_again_of": "a run that was asked for",
        "run_request_id": "a run that was asked for",
        "paused_at": "a pause, with who and why",
        "paused_by": "a pause, with who and why",
        "pause_reason": "a pause, with who and why",
        "paused_until": "a pause, with who and why",
        "retry_at": "a retry that waits",
        "retry_number": "a retry that waits",
        "retry_of": "a retry that waits",
        "retry_last_run": "a retry that waits",
        "status_after": "what becomes of it after its jobs",
        "skipped_due": "a run that is passed over",
        "skipped_at": "a run that is passed over",
        "skipped_by": "a run that is passed over",
    }
)
"""Attributes of triggers that are in no file, and what they are; those of Scheduled_Triggers' next run follow from its
schedule."""


def fields_of(kind: TriggerType) -> tuple[Field, ...]:
    """Return the fields of a kind of triggers, in the order in which they are written."""
    return tuple(each for each in TRIGGER_FIELDS if kind in each.types)
