"""Currencies: the ones known, and which of them this installation stores prices in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from db.pool import Connection


class CurrencyRow(NamedTuple):
    id: int
    code: str
    name: str
    kind: str
    decimals: int


_TRACKED = "select id, code, name, kind, decimals from currencies where tracked order by id"


async def list_currencies(connection: Connection) -> list[CurrencyRow]:
    """The currencies that prices are stored in."""
    return [CurrencyRow._make(row) for row in await (await connection.execute(_TRACKED)).fetchall()]


async def track_currencies(connection: Connection, codes: Sequence[str]) -> list[str]:
    """Store prices in these from now on, besides those that are stored already; answers the codes nobody knows."""
    cursor = await connection.execute(
        "update currencies set tracked = true where code = any(%s) returning code", (list(codes),)
    )
    known = {row[0] for row in await cursor.fetchall()}
    return [code for code in codes if code not in known]
