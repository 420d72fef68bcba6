"""What of YAML is understood, what is refused and where, and that what is written is read as it was meant."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from OpenOrchestrator.site import durations, yaml_text
from OpenOrchestrator.site.argument_texts import Arguments, are_same
from OpenOrchestrator.site.kinds import Reading
from OpenOrchestrator.site.problems import Mark, SiteFileError
from OpenOrchestrator.site.yaml_tree import Entries, Items, Node, Scalar, is_clearly_text, parse

TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"))
DATA = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**15), 10**15)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def data_of(node: Node) -> Any:
    """Return what is in a tree, everything without quotes as it stands."""
    if isinstance(node, Items):
        return [data_of(each) for each in node.items]
    return node.text if isinstance(node, Scalar) else {key.text: data_of(value) for key, value in node.entries}


def refused(text: str | bytes) -> tuple[Mark, str]:
    with pytest.raises(SiteFileError) as error:
        parse(text if isinstance(text, bytes) else text.encode())
    (problem,) = error.value.problems
    return problem.mark, problem.words


@given(TEXTS, st.booleans())
def test_every_text_is_read_as_it_was_written_by_every_reader(text: str, in_line: bool) -> None:
    written = yaml_text.scalar(text, in_line=in_line)
    line = f"[{written}, {written}]" if in_line else f"a: {written}"
    expected = [text, text] if in_line else {"a": text}
    assert data_of(parse(line.encode())) == expected
    for loader in (yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        assert yaml.load(line, Loader=loader) == expected


@pytest.mark.parametrize(
    "word",
    [
        *("no", "Yes", "on", "y", "N", "true", "null", "~", "<<", "="),
        *("12:30", "1_000", "017", "0o17", "0x1F", "1e3", "1.10", ".5", ".inf", "7", "-1", "2026-12-24"),
    ],
)
def test_what_somebody_takes_for_something_else_is_no_text_without_quotes(word: str) -> None:
    assert not is_clearly_text(word)
    assert yaml_text.scalar(word) == f'"{word}"'


@pytest.mark.parametrize("word", ["Nordvest", "no way", "Blåbær", "a/b", "x:y", "v1.10", "nope"])
def test_ordinary_texts_need_no_quotes(word: str) -> None:
    assert yaml_text.scalar(word, in_line=False) == word


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("a: 1\nb: 2\na: 3", 3, 1, "a second time, after line 1, column 1"),
        ("a: &x [1]", 1, 4, "Anchors such as &x"),
        ("a: *x", 1, 4, "*x stands for something else"),
        ("a: !!str 1", 1, 4, "Tags such as"),
        ("a: !!python/object/apply:os.system ['x']", 1, 4, "Tags such as"),
        ("<<: {a: 1}", 1, 1, 'Write "<<" in quotes'),
        ("a: 1\n---\nb: 2", 2, 1, "A second document"),
        ("a:\n  - [b: }", 2, 9, "This is no YAML"),
        ("schedule: * * * * *", 1, 12, "has to stand in quotes"),
        ("", 1, 1, "The file is empty"),
        ("# nothing", 1, 1, "The file is empty"),
        ("a: \0", 1, 4, "a character that YAML does not allow"),
        (b"a: b\nc: \xff", 2, 4, "not in UTF-8"),
        ("[" * 60 + "]" * 60, 1, 52, "50 levels deep"),
        ("{[a]: 1}", 1, 2, "A key has to be a text"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_place(
    text: str | bytes, line: int, column: int, words: str
) -> None:
    mark, said = refused(text)
    assert (mark, words in said) == (Mark(line, column), True), said


def test_a_byte_order_mark_and_ends_of_lines_of_windows_are_taken() -> None:
    assert data_of(parse(b"\xef\xbb\xbfa: b\r\nc: d\r\n")) == {"a": "b", "c": "d"}


def test_an_explosion_of_aliases_is_refused_at_its_first() -> None:
    bomb = "a: &a [x]\n" + "\n".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in zip("abcdefgh", "bcdefghi"))  # noqa: B905
    assert refused(bomb)[0] == Mark(1, 4)


def test_long_values_are_written_over_several_lines_and_read_the_same() -> None:
    value = {"names": [f"a rather long name of number {n}" for n in range(6)], "inner": {"key": "v" * 100}}
    lines = yaml_text.entry("arguments", value, 4)
    assert len(lines) > 5
    tree = parse("\n".join(["x:", *lines]).encode())
    assert data_of(tree) == {"x": {"arguments": value}}


def test_positions_are_those_of_the_file() -> None:
    tree = parse("a:\n  - b: æ\n    c: d\n".encode())
    assert isinstance(tree, Entries)
    (_, items) = tree.entries[0]
    assert isinstance(items, Items)
    assert isinstance(items.items[0], Entries)
    assert [(str(key.mark), str(value.mark)) for key, value in items.items[0].entries] == [
        ("line 2, column 5", "line 2, column 8"),
        ("line 3, column 5", "line 3, column 8"),
    ]


@given(st.integers(0, 2**31))
def test_durations_are_read_as_they_are_written(seconds: int) -> None:
    assert durations.read(durations.written(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0s", 0),
        ("30s", 30),
        ("5m", 300),
        ("1h", 3600),
        ("2d", 172800),
        ("1h 30m", 5400),
        ("1d2h", 93600),
        ("90m", 5400),
    ],
)
def test_durations(text: str, seconds: int) -> None:
    assert durations.read(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "m", "5 m", "5M", "1.5h", "-5m", "05m", "30m 1h", "1h 1h", "1w", "٣m"])
def test_what_is_no_duration(text: str) -> None:
    assert durations.read(text) is None


@pytest.mark.parametrize(("seconds", "text"), [(0, "0s"), (90, "90s"), (3600, "1h"), (5400, "90m"), (86400, "1d")])
def test_durations_are_written_in_their_largest_unit(seconds: int, text: str) -> None:
    assert durations.written(seconds) == text


@given(DATA)
def test_arguments_that_are_exported_as_yaml_come_back_to_the_last_character(data: Any) -> None:
    import json

    kind = Arguments(10**9)
    text = json.dumps(data, ensure_ascii=False)
    written = yaml_text.entry("arguments", kind.plain(text), 0)
    tree = parse("\n".join(written).encode())
    assert isinstance(tree, Entries)
    reading = Reading("sqlite")
    assert kind.read(tree.entries[0][1], reading) == text
    assert not reading.problems


@pytest.mark.parametrize(
    "text", ["", "plain", '{"a":1}', '{"a": 1, "a": 2}', "[1,  2]", '{"a": NaN}', "{'a': 1}", '{"a": 1.10}', "7", '"x"']
)
def test_arguments_in_another_form_stay_a_text(text: str) -> None:
    assert Arguments(1000).plain(text) == text


def test_arguments_of_the_same_data_are_the_same() -> None:
    assert are_same('{"a":1,"b":[true]}', '{"a": 1, "b": [true]}')
    assert not are_same('{"a": 1}', '{"a": 1.0}')
    assert not are_same('{"a": NaN}', '{"b": NaN}')
    assert not are_same("a b", "a  b")
