"""Lists in parts: sorted by a value and an id, continued behind the last row that was seen.

A cursor names that row and not a number of rows, so it survives changes of the list.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import BigInteger, ColumnElement, Select, Text, literal, tuple_, type_coerce

MAX_PAGE = 1000
"""A page holds at most so many rows, whatever was asked for."""


@dataclass(frozen=True, slots=True)
class Order:
    """How a list is sorted: by a number or moment, rows of equal value by their id."""

    list_name: str
    value: ColumnElement[Any]  # a BIGINT, whatever Python makes of it
    id: ColumnElement[str]
    is_backwards: bool = False


class BadCursorError(ValueError):
    """A cursor that this list did not hand out."""


class _Mark(msgspec.Struct, frozen=True, array_like=True):
    list: str
    value: int
    id: str


def write_cursor(list_name: str, value: int, id_: str) -> str:
    """Return the cursor behind the row with this sort value and id."""
    return urlsafe_b64encode(msgspec.json.encode(_Mark(list_name, value, id_))).decode()


def read_cursor(list_name: str, cursor: str) -> tuple[int, str]:
    """Return sort value and id. Raises `BadCursorError` for anything not of this list."""
    try:
        mark = msgspec.json.decode(urlsafe_b64decode(cursor.encode("ascii")), type=_Mark)
    except (ValueError, msgspec.MsgspecError) as error:
        raise BadCursorError("this cursor is not one of ours") from error
    if mark.list != list_name or not 0 <= mark.value < 2**63:
        raise BadCursorError("this cursor belongs to another list")
    return mark.value, mark.id


def paged(query: Select[Any], order: Order, cursor: str | None, limit: int) -> Select[Any]:
    """Return the query for the rows behind a cursor, one more than `limit` of them.

    The columns `sort_value` and `sort_id` are added. Raises `BadCursorError`.
    """
    value = type_coerce(order.value, BigInteger)
    query = query.add_columns(value.label("sort_value"), order.id.label("sort_id"))
    if cursor is not None:
        seen_value, seen_id = read_cursor(order.list_name, cursor)
        seen = tuple_(literal(seen_value, BigInteger), literal(seen_id, Text))
        here = tuple_(value, order.id)
        query = query.where(here < seen if order.is_backwards else here > seen)
    if order.is_backwards:
        query = query.order_by(order.value.desc(), order.id.desc())
    else:
        query = query.order_by(order.value, order.id)
    return query.limit(limit + 1)
