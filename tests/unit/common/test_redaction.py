"""What counts as a secret, and that it is hidden wherever it stands."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import subprocess
import sys
from urllib.parse import quote, quote_plus

import pytest
from sqlalchemy import URL

from OpenOrchestrator.common.redaction import mask_connection_string, redact, secrets_of

ODBC = "DRIVER={ODBC Driver 18};SERVER=h;UID=sa;PWD={p;}}w d};Encrypt=no"
KEY = "dGhpcyBpcyBhIGtleSBmb3IgdGVzdHMgb25seSEhISE="


@pytest.mark.parametrize(
    ("connection_string", "password"),
    [
        ("postgresql+psycopg://user:p%40ss%2Fword@host:5432/db", "p@ss/word"),
        ("postgresql://u:pl%20us+@host/db", "pl us+"),
        ("postgresql://u:p@ss/w@host/db", "p@ss/w"),
        ("mssql+pyodbc://u:pw?d#x@h/db?driver=ODBC+Driver+18", "pw?d#x"),
        ("mysql+pymysql://h/db?user=a&password=hemm%20elig", "hemm elig"),
        (f"mssql+pyodbc:///?odbc_connect={quote_plus(ODBC)}", "p;}w d"),
        (f"mssql+pyodbc:///?odbc_connect={quote(ODBC)}", "p;}w d"),
        (ODBC, "p;}w d"),
        ("DSN=x;Password=hemlig", "hemlig"),
        ("postgresql://u:back\\slash\"'@h/d", "back\\slash\"'"),
        ("postgresql://u:a:b@c/d;e@h/d", "a:b@c/d;e"),
        ("postgresql://u:wh?t@ever#is@h/d", "wh?t@ever#is"),
        ("mysql+pymysql://h/db?user=a&password=semi%3Bcolon", "semi;colon"),
        ("mysql+pymysql://h/db?user=a&password=semi;colon&x=1", "semi;colon"),
        ("postgresql://u@h/d?sslkey=x&sslpassword=hem%2Flig", "hem/lig"),
        ("DRIVER=x;PWD=amp&er;UID=a", "amp&er"),
        (f"mssql+pyodbc:///?odbc_connect={quote_plus('DRIVER=x;PWD={cur}}ly;x};UID=a').lower()}", "cur}ly;x"),
        ("postgresql://u:l{eft}r@h/d", "l{eft}r"),
        ("postgresql://u:blåbær/gr@d@h/d", "blåbær/gr@d"),
    ],
)
def test_the_password_is_hidden_however_it_is_printed(connection_string: str, password: str) -> None:
    secrets = secrets_of(connection_string, KEY)
    forms = [
        connection_string,
        password,
        repr([password]),
        json.dumps({"password": password}),
        quote(password, safe=""),
        quote_plus(password),
        f"could not connect with {connection_string}: {password} is wrong for {KEY}",
        quote(password),
        re.sub("%..", lambda code: code[0].lower(), quote(password, safe="")),
        quote(quote(password, safe=""), safe=""),
        json.dumps(json.dumps({"password": password})),
        json.dumps({"password": password}, ensure_ascii=False),
        json.dumps(repr([password])),
        repr(json.dumps([password])),
        repr(password.encode()),
        repr(f"{password}: {KEY}".encode()),
        password.replace("{", "{{").replace("}", "}}"),
        *(base64.b64encode(f"{before}{password}:{KEY}".encode()).decode() for before in ("", "x", "xy", "user:")),
        base64.b64encode(connection_string.encode()).decode(),
        base64.urlsafe_b64encode(KEY.encode()).decode(),
        str(URL.create("postgresql", "u", password, "other").render_as_string(hide_password=False)),
    ]
    for form in forms:
        shown = redact(f"before {form} after", secrets)
        assert shown.startswith("before ")
        assert shown.endswith(" after")
        assert "***" in shown
        for secret in (password, quote(password, safe=""), KEY, connection_string):
            assert secret not in shown, form
        # What is left of base64 says nothing any more.
        for part in shown.replace("***", " ").split():
            with contextlib.suppress(ValueError):
                assert password[:4].encode() not in base64.b64decode(part + "=" * (-len(part) % 4)), form


@pytest.mark.parametrize(
    ("connection_string", "said"),
    [
        ("postgresql+psycopg://u:first@sEcond@host:5432/db", 'host name "sEcond@host"'),
        ("postgresql+psycopg://u:first@sEcond@host:5432/db", "host name 'second'"),
        ("postgresql+psycopg://u:first@sEcond@third@host/db", 'host "third@host", "sEcond@third@host"'),
        ("postgresql+psycopg://u:first@x@host/db", 'host name "x@host"'),
        ("mysql+pymysql://u:first@sEcond/third:4th!@host/db", "unknown database 'third:4th!@host/db', host sEcond"),
        ("mysql+pymysql://u:first@host2:geheim@host/db", "invalid literal for int(): 'geheim@host'"),
        ("mysql+pymysql://u:first@sEcond?word=geheim@host/db", "unexpected argument 'word': 'geheim@host/db'"),
    ],
)
def test_what_a_password_split_at_its_signs_leaves_elsewhere_is_hidden(connection_string: str, said: str) -> None:
    shown = redact(said, secrets_of(connection_string, None)).lower()
    assert "***" in shown
    for piece in ("first", "second", "third", "4th!", "geheim", "x@host", "'word'"):
        assert piece not in shown


def test_the_user_may_have_a_name_with_a_sign() -> None:
    written = "postgresql://bot@server:hemlig@host/db"
    assert mask_connection_string(written) == "postgresql://bot@server:***@host/db"
    assert redact("hemlig", secrets_of(written, None)) == "***"
    assert mask_connection_string("postgresql://bot@host:5432/db") == "postgresql://bot@host:5432/db"


@pytest.mark.parametrize("password", ["hemlig", "blåbær"])
def test_a_password_with_every_byte_encoded_is_hidden(password: str) -> None:
    encoded = "".join(f"%{byte:02X}" for byte in password.encode())
    for connection_string in (f"postgresql://u:{password}@h/d", f"postgresql://u:{encoded}@h/d"):
        secrets = secrets_of(connection_string, None)
        for form in (encoded, encoded.lower(), password):
            assert redact(f"<{form}>", secrets) == "<***>"


def test_longest_secrets_come_first_so_that_no_part_remains() -> None:
    secrets = secrets_of("postgresql://u:pass@h/d", "passkey")
    assert [len(secret) for secret in secrets] == sorted((len(secret) for secret in secrets), reverse=True)
    assert redact("passkey", secrets) == "***"
    assert redact("passkey", tuple(reversed(secrets))) == "***"


@pytest.mark.parametrize("connection_string", ["postgresql://u:abc@h/d", "postgresql://u:@h/d", "postgresql://u@h/d"])
def test_short_and_missing_passwords_do_not_shred_text(connection_string: str) -> None:
    secrets = secrets_of(connection_string, None)
    assert secrets == (connection_string,)
    assert redact("abc: u and the alphabet", secrets) == "abc: u and the alphabet"


def test_nothing_is_secret_without_secrets() -> None:
    assert secrets_of("", None) == ()
    assert secrets_of("", "") == ()
    assert redact("text", ()) == "text"
    assert redact("text", ("",)) == "text"


@pytest.mark.parametrize(
    ("connection_string", "shown"),
    [
        ("postgresql+psycopg://user:p%40ss@host:5432/db", "postgresql+psycopg://user:***@host:5432/db"),
        ("postgresql://u:p@ss/w@host/db", "postgresql://u:***@host/db"),
        ("postgresql://u:ab@host/db", "postgresql://u:***@host/db"),
        ("postgresql://u:a:b@c/d;e@host/db", "postgresql://u:***@host/db"),
        ("postgresql://u:a#b@c@host/db", "postgresql://u:***@host/db"),
        ("postgresql://u@host/db?sslpassword=a%3Bb&x=1", "postgresql://u@host/db?sslpassword=***&x=1"),
        ("DRIVER=x;PWD=amp&er;UID=a", "DRIVER=x;PWD=***;UID=a"),
        ("mysql://h/db?password=semi;colon&x=1", "mysql://h/db?password=***&x=1"),
        ("postgresql://u@host/db", "postgresql://u@host/db"),
        ("postgresql://host/db?options=a:b@c", "postgresql://host/db?options=a:b@c"),
        ("sqlite:////tmp/a.db", "sqlite:////tmp/a.db"),
        ("mysql://h/db?user=a&password=hemmelig&x=1", "mysql://h/db?user=a&password=***&x=1"),
        (ODBC, "DRIVER={ODBC Driver 18};SERVER=h;UID=sa;PWD=***;Encrypt=no"),
        ("", ""),
    ],
)
def test_masked_connection_strings_show_all_but_the_password(connection_string: str, shown: str) -> None:
    assert mask_connection_string(connection_string) == shown


@pytest.mark.parametrize("encode", [quote, quote_plus])
def test_masked_odbc_connect_hides_the_password_only(encode: object) -> None:
    encoded = quote(ODBC) if encode is quote else quote_plus(ODBC)
    shown = mask_connection_string(f"mssql+pyodbc:///?odbc_connect={encoded}")
    assert shown.endswith("UID%3Dsa%3BPWD%3D***%3BEncrypt%3Dno")


def test_the_import_is_cheap() -> None:
    code = "import sys; import OpenOrchestrator.common.redaction; print('sqlalchemy' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


@pytest.mark.parametrize("odbc", ["PWD={geh}}eim};UID=u", "PWD%3D%7Bgeh%7D%7Deim%7D%3BUID%3Du", "PWD%3d{geh}}eim}"])
@pytest.mark.parametrize("host", ["", "host/base"])
def test_a_password_that_stands_first_in_an_odbc_string_within_a_url(odbc: str, host: str) -> None:
    url = f"mssql+pyodbc://{host}?odbc_connect={odbc}"
    assert redact("before geh}eim after", secrets_of(url, None)) == "before *** after"
    assert "eim" not in mask_connection_string(url)
