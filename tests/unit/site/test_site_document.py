"""Every value of a file is checked before anything is done, and what is wrong is told with its place."""

from __future__ import annotations

from datetime import date
from textwrap import dedent

import pytest

from OpenOrchestrator.common.calendars import Calendar
from OpenOrchestrator.database.statuses import TriggerType
from OpenOrchestrator.site.document import SiteDocument, read
from OpenOrchestrator.site.problems import SiteFileError


def document(text: str) -> SiteDocument:
    return read(("version: 1\n" + dedent(text)).encode(), dialect_name="sqlite")


def problems(text: str) -> list[str]:
    with pytest.raises(SiteFileError) as error:
        document(text)
    return [f"{problem.mark.line}:{problem.mark.column} {problem.words}" for problem in error.value.problems]


def test_the_file_of_the_documentation_is_understood() -> None:
    found = document(
        """
        timezone: Europe/Copenhagen
        calendars:
          - {name: Denmark, country: DK, closed: [2026-12-24], open: [], working_days: [mon, tue, wed, thu, fri]}
        triggers:
          - name: Invoices
            schedule: "0 5 * * MON-FRI"
            timezone: Europe/Copenhagen
            calendar: {name: Denmark, closed_days: next}
            path: https://git.example/robots/invoices
            git: true
            branch: main
            arguments: {customer: 7}
            enabled: true
            priority: 0
            schedulers: [worker-1]
            time_out: 30m
            retry: {times: 2, pause: 5m, growth: 2, most: 1h, after: [failed, timed out]}
            pause_after_failures: 1
            when_lost: leave
            secrets: auto
        constants: {Shop name: Nordvest}
        credentials: [Order system]
        """
    )
    assert found.calendars is not None
    assert found.calendars[0].calendar == Calendar("Denmark", "DK", closed=frozenset({date(2026, 12, 24)}))
    assert found.triggers is not None
    (trigger,) = found.triggers
    assert trigger.type is TriggerType.SCHEDULED
    assert trigger.values["process"] == "Invoices"
    assert trigger.values["arguments"] == '{"customer": 7}'
    assert trigger.values["time_out"] == 1800
    assert trigger.values["retry"]["most"] == 3600
    assert found.constants is not None
    assert (found.constants[0].name, found.constants[0].value.value) == ("Shop name", "Nordvest")
    assert [each.name for each in found.credentials or ()] == ["Order system"]


def test_a_section_that_is_not_there_says_nothing_and_an_empty_one_says_none() -> None:
    found = document("triggers: []\nconstants: {}")
    assert (found.triggers, found.constants) == ((), ())
    assert (found.calendars, found.credentials, found.settings) == (None, None, {})


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("trigers: []", "2:1", "There is no key 'trigers' here. Is triggers meant?"),
        ("elements: []", "2:1", "There is no key 'elements'"),
        ("timezone: Mars/Olympus", "2:11", "'Mars/Olympus' is not known here"),
        ("triggers:", "2:10", "Here has to stand a list, or [] for none, not nothing"),
        ("triggers: {}", "2:11", "Here has to stand a list"),
        ("constants: []", "2:12", "Here have to stand keys with values"),
        ("constants: {a: 1.10}", "2:16", 'Write "1.10" in quotes'),
        ("constants: {a: }", "2:16", 'Write "" for an empty text'),
        ('constants: {a: x, A: "y"}', "2:22", "The constant 'A' stands here a second time, after line 2, column 16"),
        ("credentials: [{name: a, password: b}]", "2:15", "no user and no password"),
        ("calendars: [{country: DK}]", "2:13", "Here is no name"),
        ("calendars: [{name: a, country: Denmark}]", "2:32", "at most 2"),
        ("calendars: [{name: a, country: DK, region: X}]", "2:13", "No holidays are known of the region 'X'"),
        ("calendars: [{name: a, working_days: [mon, Tue]}]", "2:43", "one of mon, tue"),
        ("calendars: [{name: a, closed: [24-12-2026]}]", "2:32", "a day such as 2026-12-24"),
        ("calendars: [{name: a, closed: [2026-12-24], open: [2026-12-24]}]", "2:13", "among the closed and the open"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, place: str, words: str) -> None:
    (problem,) = problems(text)
    assert problem.startswith(place), problem
    assert words in problem


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("schedule: ^'0 25 * * *'", "hour field"),
        ("schedule: ^5", 'Write "5" in quotes'),
        ("at: ^tomorrow", "a date and time of the site such as 2026-12-01 05:00"),
        ("at: ^2026-02-30 05:00", "a date and time"),
        ("queue: ^''", "is empty"),
        ("queue: a, min_batch: ^0", "from 1 to"),
        ("queue: a, min_batch: ^010", "a whole number, not '010'"),
        ("queue: a, enabled: ^yes", "true or false, not 'yes'"),
        ("queue: a, git: ^'true'", "true or false"),
        ("queue: a, time_out: ^30", "a duration such as"),
        ("queue: a, time_out: ^0s", "from 1s to"),
        ("queue: a, schedulers: ^worker", "a list such as"),
        ("queue: a, schedulers: [b, ^b]", "a second time"),
        ("queue: a, schedulers: [^no]", 'Write "no" in quotes'),
        ("queue: a, retry: {^time: 2}", "Is times meant?"),
        ("queue: a, retry: {times: ^101}", "from 0 to 100"),
        ("queue: a, retry: {growth: ^11}", "from 1 to 10"),
        ("queue: a, retry: {after: [^lost]}", "one of failed, timed out"),
        ("queue: a, when_lost: ^ask", "one of leave, retry"),
        ("queue: a, desktop: ^own", "one of background"),
        ("queue: a, arguments: {at: ^12:30}", 'Write "12:30" in quotes'),
        ("queue: a, arguments: ^7", 'Write "7" in quotes'),
        ("queue: a, branch: ^", "leave the key out"),
        ("queue: a, id: ^x", "is no id of a trigger"),
        ("queue: a, ^calendar: {name: b}", "calendar goes with schedule only"),
        ("schedule: '0 5 * * *', calendar: ^b", "keys with values"),
        ("schedule: '0 5 * * *', timezone: ^X/Y", "is not known here"),
        ("schedule: '0 5 * * *', ^min_batch: 3", "min_batch goes with queue only"),
        ("at: 2026-12-01 05:00, ^jobs: 2", "jobs goes with schedule or queue only; this one has at"),
        ("queue: a, ^prority: 3", "Is priority meant?"),
        ("queue: a, process: ^''", "is empty"),
    ],
)
def test_what_is_wrong_with_a_trigger_is_told_with_its_place(keys: str, words: str) -> None:
    start, mark, rest = keys.partition("^")
    assert mark
    (problem,) = problems("triggers:\n  - {name: A, path: a.py,\n     " + start + rest + "}")
    place, _, said = problem.partition(" ")
    assert words in said
    assert place == f"4:{len(start) + 6}"


def test_a_constant_is_a_value_or_has_values_on_schedulers() -> None:
    found = document("constants: {A: x, B: {value: x}, C: {value: x, schedulers: {W2: b, w1: a}}}")
    assert found.constants is not None
    assert {each.name: (each.value.value, dict(each.value.schedulers)) for each in found.constants} == {
        "A": ("x", {}),
        "B": ("x", {}),
        "C": ("x", {"w1": "a", "W2": "b"}),
    }


def test_what_a_constant_cannot_be_is_told_with_its_place() -> None:
    text = """
        constants:
          A: {schedulers: {w1: a}}
          B: {value: x, schedulers: {w1: 1}}
          C: {value: x, schedulers: {w1: a, W1: b}}
          D: {value: x, scheduler: a}
        """
    assert problems(text) == [
        "4:6 Here is no value: it is needed.",
        '5:34 Write "1" in quotes: without them it is no text for everybody.',
        "6:6 The scheduler 'w1' has two values: it is also written 'W1'.",
        "7:17 There is no key 'scheduler' here. Is schedulers meant?",
    ]
