"""Faults in the data: an answer that parses (mostly) and is wrong. Each damages in place and counts what it did."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from simulator.noise import key_of, uniform
from simulator.payloads import is_chart, price_cells, row_lists, row_name, simple_quotes, stamp, stamped

EVERY = 10  # one price in ten is damaged, the first of them included
_DAY_S, _HOUR_S = 86_400, 3600
_NOT_A_NUMBER = orjson.Fragment(b"NaN")
_CANDLE_FIELDS = {
    5: ("time", "open", "high", "low", "close"),
    6: ("time", "low", "high", "open", "close", "volume"),
}


@dataclass(frozen=True, slots=True)
class Damage:
    """What a damaging function is told: the fault's `arg`, where the dice and the clock stand, and what was asked."""

    arg: float | None
    seed: int
    now: float
    path: str
    query: Mapping[str, str]

    def share(self, default: float) -> float:
        return default if self.arg is None else self.arg


Damaging = Callable[[Any, Damage], int]


def _every_tenth_price(change: Callable[[Any, Any], None]) -> Damaging:
    def damage(payload: Any, _: Damage) -> int:
        cells = list(price_cells(payload))[::EVERY]
        for container, key in cells:
            change(container, key)
        return len(cells)

    return damage


def _set_to(value: object) -> Damaging:
    return _every_tenth_price(lambda container, key: container.__setitem__(key, value))


def _negate(container: Any, key: Any) -> None:
    amount = container[key] or 1
    container[key] = f"-{amount}" if isinstance(amount, str) else -amount


def _spell(container: Any, key: Any) -> None:
    container[key] = f"{container[key]} USD"


def _null_caps(payload: Any, damage: Damage) -> int:
    if not is_chart(payload):
        return 0
    chosen = _chosen(payload["market_caps"], damage.seed, damage.share(0.1))
    for index in chosen:
        payload["market_caps"][index][1] = None
    return len(chosen)


def _chosen(rows: list[Any], seed: int, share: float) -> list[int]:
    """Indexes of a seeded share of the rows; a row is chosen by what it is, not where it stands."""
    return [index for index, row in enumerate(rows) if uniform(key_of(seed, row_name(row)), 0) < share]


def _gap(payload: Any, damage: Damage) -> int:
    dropped = 0
    for rows in row_lists(payload):
        chosen = set(_chosen(rows, damage.seed, damage.share(0.1)))
        rows[:] = [row for index, row in enumerate(rows) if index not in chosen]
        dropped = len(chosen)
    return dropped


def _partial(payload: Any, _: Damage) -> int:
    for rows in row_lists(payload):
        del rows[len(rows) // 2 :]
    return 1


def _empty(payload: Any, _: Damage) -> int:
    for rows in row_lists(payload):
        rows.clear()
    if simple_quotes(payload):
        payload.clear()
    return 1


def _duplicate(payload: Any, _: Damage) -> int:
    repeated = 0
    for rows in row_lists(payload):
        repeated = len(rows[::EVERY])
        rows[:] = [row for index, row in enumerate(rows) for _ in range(1 + (index % EVERY == 0))]
    return repeated


def _reorder(payload: Any, damage: Damage) -> int:
    for rows in row_lists(payload):
        order = sorted(range(len(rows)), key=lambda index: uniform(damage.seed, index))
        rows[:] = [rows[index] for index in order]
    return 1


def _future(payload: Any, damage: Damage) -> int:
    """Beside the newest row, wherever the provider has it."""
    ahead, added = damage.share(_DAY_S), 0
    for rows in row_lists(payload):
        newest = max(range(len(rows)), key=lambda index: stamp(rows[index]) or 0.0, default=None)
        if newest is not None and stamp(rows[newest]) is not None:
            rows.insert(newest + (newest > 0), stamped(rows[newest], int(damage.now) + ahead))
            added = 1
    return added


def _local_time(payload: Any, damage: Damage) -> int:
    """The hour after the clocks went back is read as the one before, as by whoever takes local time for UTC."""
    change = damage.share(_clocks_back(damage.now))
    moved = 0
    for rows in row_lists(payload):
        moved = 0
        for index, row in enumerate(rows):
            at = stamp(row)
            if at is not None and change <= at < change + _HOUR_S:
                rows[index] = stamped(row, at - _HOUR_S)
                moved += 1
    return moved


def _clocks_back(now: float) -> float:
    """When Europe last left its summer time: 01:00 UTC of the last Sunday in October."""
    this_year = datetime.fromtimestamp(now, UTC).year
    ends = (datetime(year, 10, 31, 1, tzinfo=UTC) for year in (this_year, this_year - 1))
    sundays = (end - timedelta(days=end.isoweekday() % 7) for end in ends)
    return next(sunday.timestamp() for sunday in sundays if sunday.timestamp() <= now)


def _short_array(payload: Any, damage: Damage) -> int:
    if not is_chart(payload):
        return 0
    missing = min(int(damage.share(1)), len(payload["market_caps"]))
    del payload["market_caps"][len(payload["market_caps"]) - missing :]
    return missing


def _rename(payload: Any, _: Damage) -> int:
    """Everywhere, as after a change of the provider's mind; rows without names become objects."""
    if is_chart(payload):
        payload["price"] = payload.pop("prices")
        return 1
    cells = list(price_cells(payload))
    for index, (container, key) in enumerate(cells):
        if isinstance(container, list):
            payload[index] = dict(zip(_CANDLE_FIELDS[len(container)], container, strict=True))
        else:
            container["value" if key == "price" else _other_name(key)] = container.pop(key)
    return len(cells)


def _other_name(key: str) -> str:
    return "price" if key == "current_price" else f"{key}_price"


def _repeat_cursor(payload: Any, damage: Damage) -> int:
    """From the second page on: what comes next is what was just asked for."""
    cursor = damage.query.get("cursor")
    if not cursor or "cursor" not in payload:
        return 0
    payload["cursor"] = cursor
    if "has_next" in payload:
        payload["has_next"] = True
    return 1


DAMAGES: dict[str, Damaging] = {
    "null": _set_to(None),
    "nan": _set_to(_NOT_A_NUMBER),
    "zero": _set_to(0),
    "negative": _every_tenth_price(_negate),
    "string-number": _every_tenth_price(_spell),
    "missing": _every_tenth_price(lambda container, key: container.__delitem__(key)),
    "null-caps": _null_caps,
    "gap": _gap,
    "partial-page": _partial,
    "empty": _empty,
    "dup": _duplicate,
    "reorder": _reorder,
    "future": _future,
    "dst": _local_time,
    "short-array": _short_array,
    "renamed": _rename,
}
# Of those that turn pages by a cursor.
CURSOR_DAMAGES: dict[str, Damaging] = {"cursor-repeats": _repeat_cursor}
