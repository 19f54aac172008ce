"""How much of many series is stored, what may explain what is not, and how young they are: all in one statement, which
may be a part of the one that reads candles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from db.candle_query import CandleQuery
from db.candles import Candles, Rows, read_candles_with
from db.evidence import EVIDENCE_COLUMNS, JOIN_EVIDENCE, Evidence, evidence_of
from db.gaps import HOLE_COLUMNS, JOIN_HOLES, holes_of
from db.pool import Connection
from db.series import HOUR, Granularity, Series, Window


class Place(NamedTuple):
    """Where to look: one store of a series, inside a window that begins and ends on bucket starts."""

    series: Series
    granularity: Granularity
    window: Window


@dataclass(frozen=True, slots=True)
class Covered:
    """`holes`: the buckets that are not stored. `observed_at`: the provider's stamp of the newest point of the series,
    wherever it lies; None without one, or if it was not asked for. `why`: what evidence is made of, if it was.
    """

    place: Place
    holes: list[Window]
    observed_at: datetime | None
    why: Sequence[Any]

    def evidence(self, now: datetime) -> Evidence:
        """Made when it is needed: mostly nothing is missing."""
        return evidence_of(self.place.granularity, now, *self.why)


CoveredPlaces = Mapping[Place, Covered]


@dataclass(frozen=True, slots=True)
class CoverageQuery:
    """`explained` and `observed` say whether evidence and newest observations are wanted too."""

    places: Sequence[Place]
    explained: bool
    observed: bool

    @property
    def rows(self) -> Rows:
        granularities = {place.granularity for place in self.places}
        return Rows(_statement(tuple(sorted(granularities)), self.explained, self.observed), self._parameters)

    @property
    def _parameters(self) -> dict[str, object]:
        found: dict[str, object] = {}
        for granularity in {place.granularity for place in self.places}:
            numbered = [(n, place) for n, place in enumerate(self.places) if place.granularity is granularity]
            windows = [place.window for _, place in numbered]
            values = {
                "numbers": [n for n, _ in numbered],
                "coins": [place.series.coin_id for _, place in numbered],
                "currencies": [place.series.currency_id for _, place in numbered],
                "starts": [window.start for window in windows],
                "ends": [window.end for window in windows],
                "first": min(window.start for window in windows),
                "last": max(window.end for window in windows),
            }
            found |= {f"{granularity}_{name}": value for name, value in values.items()}
        return found


_COVERED = """
select w.number, {observed_at}, {columns}
from unnest(%({store}_numbers)s::int[], %({store}_coins)s::int[], %({store}_currencies)s::smallint[],
            %({store}_starts)s::timestamptz[], %({store}_ends)s::timestamptz[])
    as w (number, coin_id, currency_id, from_ts, to_ts)
{joins}
"""
_OBSERVED_AT = """(
    select n.observed_at from {table} n
    where n.coin_id = w.coin_id and n.currency_id = w.currency_id order by n.ts desc limit 1
)"""


@lru_cache
def _statement(granularities: Sequence[Granularity], explained: bool, observed: bool) -> str:
    """Put together from the texts of this module and its neighbours alone."""
    return "union all".join(_of_store(granularity, explained, observed) for granularity in granularities)


def _of_store(granularity: Granularity, explained: bool, observed: bool) -> str:
    parts = {
        "granularity": granularity,
        "table": granularity.table,
        "hours": granularity.width // HOUR,
        "first": f"%({granularity}_first)s",
        "last": f"%({granularity}_last)s",
    }
    columns, joins = [HOLE_COLUMNS], [JOIN_HOLES]
    if explained:
        columns.append(EVIDENCE_COLUMNS)
        joins.append(JOIN_EVIDENCE)
    return _COVERED.format(
        store=granularity,
        observed_at=_OBSERVED_AT.format(**parts) if observed else "null::timestamptz",
        columns=", ".join(columns).format(**parts),
        joins="".join(joins).format(**parts),
    )


async def read_coverage(connection: Connection, query: CoverageQuery) -> CoveredPlaces:
    text, parameters = query.rows
    cursor = await connection.execute(text.encode(), parameters, binary=True)
    return _answer(query, await cursor.fetchall())


async def read_candles_and_coverage(
    connection: Connection, candles: CandleQuery, coverage: CoverageQuery | None
) -> tuple[dict[int, Candles], CoveredPlaces]:
    """One statement, so that what is counted is what is read."""
    found, rows = await read_candles_with(connection, candles, coverage.rows if coverage else None)
    return found, _answer(coverage, rows) if coverage else {}


def _answer(query: CoverageQuery, rows: Sequence[tuple[Any, ...]]) -> CoveredPlaces:
    found = ((query.places[number], row) for number, *row in rows)
    return {place: _covered(place, *row) for place, row in found}


def _covered(
    place: Place,
    observed_at: datetime | None,
    first: datetime | None,
    after: datetime | None,
    starts: list[datetime] | None,
    ends: list[datetime] | None,
    *why: Any,
) -> Covered:
    empty = place.window.start >= place.window.end
    holes = [] if empty else holes_of(place.window, first, after, starts, ends)
    return Covered(place, holes, observed_at, why)
