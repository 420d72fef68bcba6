"""What of a robot's arguments people may see."""

from __future__ import annotations

import pytest

from OpenOrchestrator.common.redaction import secrets_of
from OpenOrchestrator.common.shown_arguments import shown

SECRETS = secrets_of("postgresql+psycopg://robot:Tr0ub4dor@db.example/oo", None)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("", ""),
        ('{"customer": 7}', '{"customer": 7}'),
        ('{"password": "hunter2", "customer": 7}', '{"password": "***", "customer": 7}'),
        ('{"erp_Password": "a \\"b\\" c"}', '{"erp_Password": "***"}'),
        ("{'api-key': 'abc'}", "{'api-key': '***'}"),
        ("user=anna;pwd=hunter2;db=1", "user=anna;pwd=***;db=1"),
        ("--token=abc123 --fast", "--token=*** --fast"),
        ("--token abc123 --fast", "--token *** --fast"),
        ("-Password 'a b' 7", "-Password '***' 7"),
        ('["--password", "a b", "--fast"]', '["--password", "***", "--fast"]'),
        ("--ask-password --fast", "--ask-password --fast"),
        ('["--ask-password", "--fast"]', '["--ask-password", "--fast"]'),
        ("the password is known", "the password is known"),
        ('{"adgangskode": "sommer"}', '{"adgangskode": "***"}'),
        ('{"pin_token": 12345, "x": 1}', '{"pin_token": ***, "x": 1}'),
        ('{"token": null}', '{"token": null}'),
        ("Tr0ub4dor", "***"),
        ("https://anna:hunter2@git.example/x", "https://***@git.example/x"),
        ('{"password": "cut', '{"password": "***"'),
    ],
)
def test_what_must_not_be_seen_is_replaced(arguments: str, expected: str) -> None:
    assert shown(arguments, SECRETS) == expected
