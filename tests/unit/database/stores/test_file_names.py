"""Names of files that come from anywhere, as they are written on this machine."""

from __future__ import annotations

import pytest

from OpenOrchestrator.database.stores.attachment_files import safe_name
from OpenOrchestrator.database.stores.attachments import media_type_of


@pytest.mark.parametrize(
    ("stored", "written"),
    [
        ("Invoice 1.pdf", "Invoice 1.pdf"),
        ("../../etc/passwd", ".._.._etc_passwd"),
        ("..", "_"),
        ("c:\\windows\\x.dll", "c__windows_x.dll"),
        ("a:stream", "a_stream"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("contract.txt", "contract.txt"),
        ("name. . ", "name"),
        ("a\0b\nc", "a_b_c"),
        ("", "_"),
    ],
)
def test_a_name_never_leads_out_of_its_folder(stored: str, written: str) -> None:
    assert safe_name(stored) == written


def test_a_long_name_keeps_its_end() -> None:
    written = safe_name("ø" * 250 + ".pdf")
    assert written.endswith("ø.pdf")
    assert len(written.encode()) <= 255


def test_what_a_file_is_is_told_by_its_name() -> None:
    assert media_type_of("a.pdf") == "application/pdf"
    assert media_type_of("a.html") == "text/html"
    assert media_type_of("a") == media_type_of("a.unknown-end") == "application/octet-stream"
