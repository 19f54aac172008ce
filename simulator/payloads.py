"""Where an answer of any provider has its rows, its prices and its stamps.

Rows are the three parallel arrays of a chart, the list that an answer is, or one page of accounts or fills. A row is a
list that begins with its stamp, or an object with a name or a time of its own. What a wallet or an output holds is
its price here. Nothing else is ever damaged.
"""

from collections.abc import Iterator
from typing import Any

from simulator.instants import rfc3339, unix_seconds

# The price that stands for the row: of [ms, value], of [ms, open, high, low, close], and the opening one of
# [s, low, high, open, close, volume].
_PRICE_COLUMN = {2: 1, 5: 1, 6: 3}
_LATEST_IN_SECONDS = 1e11  # a larger number of a stamp is milliseconds
_PRICE_FIELDS = ("current_price", "price")
_PAGES = ("accounts", "fills")
_NAMES = ("id", "timestamp", "uuid", "trade_id", "txid")
_TIMES = ("timestamp", "trade_time")


def is_chart(payload: Any) -> bool:
    return isinstance(payload, dict) and "prices" in payload


def simple_quotes(payload: Any) -> list[dict[str, Any]]:
    """The coins of a `/simple/price` answer: objects that hold numbers only. Nothing else looks like that."""
    quotes = list(payload.values()) if isinstance(payload, dict) else []
    if all(isinstance(quote, dict) and all(map(_is_number, quote.values())) for quote in quotes):
        return quotes
    return []


def _is_number(value: Any) -> bool:
    return value is None or isinstance(value, int | float)


def row_lists(payload: Any) -> list[list[Any]]:
    """Parallel ones: damaged in the same places."""
    if is_chart(payload):
        return [payload["prices"], payload["market_caps"], payload["total_volumes"]]
    page = _page(payload)
    return [] if page is None else [page]


def _page(payload: Any) -> list[Any] | None:
    """The one list of rows that an answer is, or has."""
    if isinstance(payload, dict):
        payload = next((payload[name] for name in _PAGES if name in payload), None)
    return payload if isinstance(payload, list) else None


def price_cells(payload: Any) -> Iterator[tuple[Any, Any]]:
    """(container, key) of every price."""
    if is_chart(payload):
        yield from ((row, 1) for row in payload["prices"])
    elif (page := _page(payload)) is not None:
        for row in page:
            yield from _cells_of_row(row)
    elif quotes := simple_quotes(payload):
        yield from ((quote, code) for quote in quotes for code in _codes(quote))
    else:
        yield from _cells_of_row(payload)


def _cells_of_row(row: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(row, list):
        yield from [(row, _PRICE_COLUMN[len(row)])] if len(row) in _PRICE_COLUMN else []
    elif isinstance(row, dict):
        yield from ((row, field) for field in _PRICE_FIELDS if field in row)
        yield from [(row["available_balance"], "value")] if "available_balance" in row else []
        outputs, quotes = row.get("vout"), row.get("quotes")
        yield from ((output, "value") for output in (outputs if isinstance(outputs, list) else []))
        yield from ((quote, "price") for quote in (quotes.values() if isinstance(quotes, dict) else []))


def _codes(quote: dict[str, Any]) -> list[str]:
    return [key for key in quote if "_" not in key]


def row_name(row: Any) -> Any:
    """What a row is known by, wherever it stands."""
    if isinstance(row, list):
        return row[0]
    return next((row[name] for name in _NAMES if name in row), None) if isinstance(row, dict) else row


def stamp(row: Any) -> float | None:
    """Unix seconds; None for a row of no time."""
    if isinstance(row, list):
        return float(row[0]) / (1000 if row[0] > _LATEST_IN_SECONDS else 1)
    field = _time_field(row)
    return float(unix_seconds(row[field])) if field else None


def _time_field(row: Any) -> str | None:
    return next((field for field in _TIMES if isinstance(row, dict) and field in row), None)


def stamped(row: Any, seconds: float) -> Any:
    """The same row at another time, in the row's own notation."""
    if isinstance(row, list):
        number = round(seconds * 1000) if row[0] > _LATEST_IN_SECONDS else int(seconds)
        return [number, *row[1:]]
    return row | {_time_field(row): rfc3339(seconds)}
