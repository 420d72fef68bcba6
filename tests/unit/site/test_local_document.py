"""The file of a run without a site: a site's file that says more, and what is told where it cannot be."""

from __future__ import annotations

import textwrap

import pytest

from OpenOrchestrator.database.stores.sample_data import SampleCredential, SampleElement
from OpenOrchestrator.site import document, local_document
from OpenOrchestrator.site.problems import SiteFileError


def read(text: str, **environment: str) -> local_document.LocalDocument:
    data = textwrap.dedent(text).encode()
    return local_document.read(data, dialect_name="sqlite", environment=environment)


def problems(text: str) -> list[str]:
    with pytest.raises(SiteFileError) as caught:
        read(text)
    return [f"{each.mark.line}:{each.mark.column} {each.words}" for each in caught.value.problems]


def test_what_a_site_does_not_have_is_read_beside_what_it_has() -> None:
    found = read(
        """\
        version: 1
        constants: {Shop: Nordvest}
        arguments: {orders: 3}
        credentials:
          Mail: {username: robot, password_from: MAIL, fields: {client_id: abc}}
          Bank: {password: ""}
        elements:
          Orders:
            - {reference: "1", data: {amount: 2}}
            - {reference: "1", data: {amount: 2}}
            - {}
          Empty: []
        """,
        MAIL="secret",
    )
    assert [(each.name, each.value.value) for each in found.site.constants or ()] == [("Shop", "Nordvest")]
    assert found.site.credentials is None
    assert found.arguments == '{"orders": 3}'
    assert found.sample.credentials == {
        "Mail": SampleCredential("robot", "secret", {"client_id": "abc"}),
        "Bank": SampleCredential("", ""),
    }
    order = SampleElement("1", '{"amount": 2}')
    assert found.sample.elements == {"Orders": (order, order, SampleElement()), "Empty": ()}
    assert "secret" not in repr(found)


def test_the_file_of_a_site_is_one_as_well() -> None:
    found = read("version: 1\ncredentials: [Mail]\n")
    assert [each.name for each in found.site.credentials or ()] == ["Mail"]
    assert found.sample.credentials == {}


def test_all_that_is_wrong_is_told_with_its_place() -> None:
    told = problems(
        """\
        version: 1
        constants: {Shop: 5}
        credentials:
          Mail: {username: robot}
          Bank: {username: robot, password: a, password_from: B}
          Shop: {username: robot, password_from: NOWHERE}
        elements:
          Orders:
            - {referense: "1"}
            - a text
        arguments: 5
        elementz: []
        """
    )
    assert [each.split()[0] for each in told] == ["2:19", "4:9", "5:9", "6:9", "9:8", "10:7", "11:12", "12:1"]
    assert "either password, or password_from" in told[1]
    assert "NOWHERE" in told[3]
    assert "Is reference meant?" in told[4]
    assert "Is elements meant?" in told[7]


@pytest.mark.parametrize(
    "text", ["version: 1\nelements: {Orders: []}\n", "version: 1\ncredentials: {Mail: {password: a}}\n"]
)
def test_a_site_refuses_what_belongs_into_no_file_of_a_site(text: str) -> None:
    with pytest.raises(SiteFileError):
        document.read(text.encode(), dialect_name="sqlite")
