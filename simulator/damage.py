"""Faults in the data: an answer that parses (mostly) and is wrong. Each damages in place and counts what it did.

Row lists are the three arrays of a chart, or the list itself of an answer that is one; they are always damaged
in the same places. Prices are the cells of a chart's `prices`, of `/simple/price`, and `current_price`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from simulator.noise import key_of, uniform

EVERY = 10  # one price in ten is damaged, the first of them included
_DAY_MS = 86_400_000
_NOT_A_NUMBER = orjson.Fragment(b"NaN")


@dataclass(frozen=True, slots=True)
class Damage:
    """What a damaging function is told: the fault's `arg`, and where the dice and the clock stand."""

    arg: float | None
    seed: int
    now: float

    def share(self, default: float) -> float:
        return default if self.arg is None else self.arg


Damaging = Callable[[Any, Damage], int]


def _is_chart(payload: Any) -> bool:
    return isinstance(payload, dict) and "prices" in payload


def _simple_quotes(payload: Any) -> list[dict[str, Any]]:
    """The coins of a `/simple/price` answer: objects that hold numbers only. Nothing else looks like that."""
    quotes = list(payload.values()) if isinstance(payload, dict) else []
    if all(isinstance(quote, dict) and all(map(_is_number, quote.values())) for quote in quotes):
        return quotes
    return []


def _is_number(value: Any) -> bool:
    return value is None or isinstance(value, int | float)


def _row_lists(payload: Any) -> list[list[Any]]:
    if _is_chart(payload):
        return [payload["prices"], payload["market_caps"], payload["total_volumes"]]
    return [payload] if isinstance(payload, list) else []


def _price_cells(payload: Any) -> Iterator[tuple[Any, Any]]:
    """(container, key) of every price."""
    if _is_chart(payload):
        yield from ((row, 1) for row in payload["prices"])
    elif isinstance(payload, list):
        yield from ((row, "current_price") for row in payload if "current_price" in row)
    else:
        yield from ((quote, code) for quote in _simple_quotes(payload) for code in _codes(quote))


def _codes(quote: dict[str, Any]) -> list[str]:
    return [key for key in quote if "_" not in key]


def _every_tenth_price(change: Callable[[Any, Any], None]) -> Damaging:
    def damage(payload: Any, _: Damage) -> int:
        cells = list(_price_cells(payload))[::EVERY]
        for container, key in cells:
            change(container, key)
        return len(cells)

    return damage


def _set_to(value: object) -> Damaging:
    return _every_tenth_price(lambda container, key: container.__setitem__(key, value))


def _negate(container: Any, key: Any) -> None:
    container[key] = -(container[key] or 1)


def _spell(container: Any, key: Any) -> None:
    container[key] = f"{container[key]} USD"


def _null_caps(payload: Any, damage: Damage) -> int:
    if not _is_chart(payload):
        return 0
    chosen = _chosen(payload["market_caps"], damage.seed, damage.share(0.1))
    for index in chosen:
        payload["market_caps"][index][1] = None
    return len(chosen)


def _chosen(rows: list[Any], seed: int, share: float) -> list[int]:
    """Indexes of a seeded share of the rows; a row is chosen by what it is, not where it stands."""
    names = (row[0] if isinstance(row, list) else row["id"] for row in rows)
    return [index for index, name in enumerate(names) if uniform(key_of(seed, name), 0) < share]


def _gap(payload: Any, damage: Damage) -> int:
    dropped = 0
    for rows in _row_lists(payload):
        chosen = set(_chosen(rows, damage.seed, damage.share(0.1)))
        rows[:] = [row for index, row in enumerate(rows) if index not in chosen]
        dropped = len(chosen)
    return dropped


def _partial(payload: Any, _: Damage) -> int:
    for rows in _row_lists(payload):
        del rows[len(rows) // 2 :]
    return 1


def _empty(payload: Any, _: Damage) -> int:
    for rows in _row_lists(payload):
        rows.clear()
    if _simple_quotes(payload):
        payload.clear()
    return 1


def _duplicate(payload: Any, _: Damage) -> int:
    repeated = 0
    for rows in _row_lists(payload):
        repeated = len(rows[::EVERY])
        rows[:] = [row for index, row in enumerate(rows) for _ in range(1 + (index % EVERY == 0))]
    return repeated


def _reorder(payload: Any, damage: Damage) -> int:
    for rows in _row_lists(payload):
        order = sorted(range(len(rows)), key=lambda index: uniform(damage.seed, index))
        rows[:] = [rows[index] for index in order]
    return 1


def _future(payload: Any, damage: Damage) -> int:
    """One more sample, `arg` seconds ahead of the clock (a day)."""
    if not _is_chart(payload):
        return 0
    ahead_ms = _DAY_MS if damage.arg is None else int(damage.arg * 1000)
    for rows in _row_lists(payload):
        if rows:
            rows.append([int(damage.now) * 1000 + ahead_ms, rows[-1][1]])
    return 1


def _short_array(payload: Any, damage: Damage) -> int:
    """`arg` market caps fewer than prices (1)."""
    if not _is_chart(payload):
        return 0
    missing = min(int(damage.share(1)), len(payload["market_caps"]))
    del payload["market_caps"][len(payload["market_caps"]) - missing :]
    return missing


def _rename(payload: Any, _: Damage) -> int:
    """The field that matters most, under another name: everywhere, as after a change of the provider's mind."""
    if _is_chart(payload):
        payload["price"] = payload.pop("prices")
        return 1
    cells = list(_price_cells(payload))
    for container, key in cells:
        container["price" if key == "current_price" else f"{key}_price"] = container.pop(key)
    return len(cells)


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
    "short-array": _short_array,
    "renamed": _rename,
}
