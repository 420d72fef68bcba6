"""The difference between the constants and credentials of a file and those of a site. Pure."""

from __future__ import annotations

from OpenOrchestrator.common.redaction import MASK
from OpenOrchestrator.common.shown_arguments import shown
from OpenOrchestrator.site.constant_entries import ConstantValues
from OpenOrchestrator.site.findings import Findings
from OpenOrchestrator.site.plans import Action, Change, Noun, Step


def constant_changes(findings: Findings) -> list[Change]:
    """Return what has to be done to constants."""
    if findings.document.constants is None:
        return []
    changes = []
    there = {name.strip(): name for name in findings.site.constants}
    for entry in findings.document.constants:
        name = there.pop(entry.name, None)
        if name is None:
            alike = [each for each in there if each.casefold() == entry.name.casefold()]
            if alike:
                findings.problem(entry.mark, f"The site has a constant {alike[0]!r}: write its name as it is there.")
        former = {} if name is None else _by_scheduler(findings.site.constants[name])
        wanted = {
            scheduler: former[scheduler] if value == _shown(former.get(scheduler)) else value
            for scheduler, value in _by_scheduler(entry.value).items()
        }
        changed = [each for each in {**former, **wanted} if former.get(each) != wanted.get(each)]
        if any(MASK in wanted.get(each, "") for each in changed):
            findings.problem(entry.mark, f"{MASK} stands for what is in no file. Write the value out.")
        steps = tuple(
            Step(f"value on {each}" if each else "value", _shown(former.get(each)), _shown(wanted.get(each)))
            for each in changed
        )
        if name is None or steps:
            action = Action.CREATE if name is None else Action.CHANGE
            values = ConstantValues(wanted.pop(""), wanted)
            changes.append(
                Change(action=action, noun=Noun.CONSTANT, name=name or entry.name, steps=steps, wanted=values)
            )
    if findings.prune:
        changes += [Change(action=Action.DELETE, noun=Noun.CONSTANT, name=name) for name in there.values()]
    else:
        findings.others += [(Noun.CONSTANT, name) for name in there]
    return changes


def credential_changes(findings: Findings) -> list[Change]:
    """Return what has to be done to credentials: those that are missing are made, without their passwords."""
    if findings.document.credentials is None:
        return []
    there = {name.strip(): has_password for name, has_password in findings.site.credentials.items()}
    named = {each.name for each in findings.document.credentials}
    findings.others += [(Noun.CREDENTIAL, name) for name in there if name not in named]
    findings.notes += [
        f"The credential {name!r} has no password yet. Enter it in the app."
        for name in there
        if name in named and not there[name]
    ]
    changes = []
    for entry in findings.document.credentials:
        if entry.name in there:
            continue
        alike = [each for each in there if each.casefold() == entry.name.casefold()]
        if alike:
            findings.problem(entry.mark, f"The site has a credential {alike[0]!r}: write its name as it is there.")
        changes.append(Change(action=Action.CREATE, noun=Noun.CREDENTIAL, name=entry.name))
    return changes


def _by_scheduler(values: ConstantValues) -> dict[str, str]:
    """Return the values of a constant by name of a scheduler; that of all others under the empty name."""
    return {"": values.value, **values.schedulers}


def _shown(value: str | None) -> str | None:
    return None if value is None else shown(value, ())
