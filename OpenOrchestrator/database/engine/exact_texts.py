"""Texts compared character by character on every kind of database, whatever the collation of a column.

Most collations of MariaDB, MySQL and SQL Server take ``mal`` for ``Mål``, and a text with blanks at its end for one
without. Databases keep the collation they were made with, so the statement says it: the collation's own comparison
comes first, because indexes are in its order, and what it finds is compared as bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.visitors import InternalTraversal


def same_text_sql(dialect_name: str, left: str, right: str) -> str:
    """Return the condition that two texts, each given as SQL, are the same to the last character.

    Both are used more than once, so neither may have an effect, and parameters must have names.

    Args:
        dialect_name: The kind of database.
        left: A column, for the index on it to be used.
        right: Another one, or a parameter.
    """
    equal = f"{left} = {right}"
    left_bytes, right_bytes = _bytes_sql(dialect_name, left), _bytes_sql(dialect_name, right)
    return equal if left_bytes == left else f"{equal} AND {left_bytes} = {right_bytes}"


def is_exact(dialect_name: str) -> bool:
    """Tell whether a kind of database compares texts exactly by itself: PostgreSQL and SQLite do."""
    return _bytes_sql(dialect_name, "") == ""


class SameText(sa.ColumnElement[bool]):
    """The condition that a column holds exactly a text: case, accents, Unicode form and blanks count everywhere.

    It cannot be negated.

    Args:
        column: The column.
        text: A text, another column, or a parameter.
    """

    inherit_cache = True
    type = sa.Boolean()
    _traverse_internals = [  # noqa: RUF012  (so SQLAlchemy declares it)
        ("left", InternalTraversal.dp_clauseelement),
        ("right", InternalTraversal.dp_clauseelement),
    ]

    def __init__(self, column: Any, text: Any) -> None:
        pair = column == text  # gives a text the type of the column
        self.left: Any = pair.left
        self.right: Any = pair.right

    def self_group(self, against: Any = None) -> Any:  # noqa: ARG002
        """Return it in brackets: it is two conditions where a collation has to be overruled."""
        return sa.sql.elements.Grouping(self)

    def _negate(self) -> Any:
        raise TypeError("Exact comparison cannot be negated: not every database has truth values to do that with.")

    @property
    def _from_objects(self) -> list[Any]:
        return [*self.left._from_objects, *self.right._from_objects]


def one_of(column: Any, texts: Sequence[str], *, exclude: bool = False) -> sa.ColumnElement[bool]:
    """Return the condition that a column, which holds no NULL, is exactly one of some texts.

    Args:
        column: The column.
        texts: As many as a statement takes parameters, twice.
        exclude: The condition that it is none of them instead.
    """
    exact = TextBytes(column)
    same = [TextBytes(sa.literal(text, column.type)) for text in texts]
    if exclude:
        return exact.not_in(same) if same else sa.true()
    # What the collation finds comes first, because indexes are in its order.
    return sa.and_(column.in_(texts), exact.in_(same)) if same else sa.false()


class TextBytes(sa.sql.functions.FunctionElement[Any]):
    """What tells exactly the same texts from others when rows are grouped, counted or made distinct.

    Bytes where a collation decides otherwise; the text itself where texts are compared exactly anyway.

    Args:
        column: The column.
    """

    inherit_cache = True
    type = sa.types.NullType()
    name = "text_bytes"

    def __init__(self, column: Any) -> None:
        super().__init__(column)


@compiles(SameText)
def _compile_same(element: SameText, compiler: Any, **kw: Any) -> str:
    left, right = compiler.process(element.left, **kw), compiler.process(element.right, **kw)
    return same_text_sql(compiler.dialect.name, left, right)


@compiles(TextBytes)
def _compile_bytes(element: TextBytes, compiler: Any, **kw: Any) -> str:
    return _bytes_sql(compiler.dialect.name, compiler.process(element.clauses.clauses[0], **kw))


def _bytes_sql(dialect_name: str, text: str) -> str:
    if dialect_name in ("mysql", "mariadb"):
        # Of one character set: a parameter comes in that of the connection.
        return f"CAST(CONVERT({text} USING utf8mb4) AS BINARY)"
    if dialect_name == "mssql":
        # As the wide type, whichever of both a column was made with.
        return f"CAST(CAST({text} AS NVARCHAR(4000)) AS VARBINARY(8000))"
    return text
