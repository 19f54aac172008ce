"""External ids of what a file holds, so that importing it again adds nothing.

Where the source has no ids, the content makes one: the first of several equal rows is always the first, so that
twins are all kept, and a file that overlaps another one adds only what is new.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from resolvers.csv_import.rows import Leg, Row
from resolvers.decimals import format_decimal
from resolvers.transaction_drafts import AmountOrder

# Half of the digest: enough for more rows than anybody has.
_DIGITS = 32
# What a trade on a market has is told from transfers by its prefix (db.transfers).
_FORMS = {"": "{}", "trade": "fill:{}", "cash": "fill:{}:cash", "out": "{}:out", "in": "{}:in"}


def with_ids(rows: Iterable[Row]) -> Iterator[Row]:
    """The same rows, with the external id in each leg; refused where an id stands for something else already."""
    seen: Counter[str] = Counter()
    contents: dict[str, str] = {}
    for row in rows:
        content = _digest(row)
        base = row.id
        if base is None:
            seen[content] += 1
            base = f"csv:{content}:{seen[content]}"
        legs = [_with_id(leg, _FORMS[leg.purpose].format(base)) for leg in row.legs]
        ids = [leg.wording.external_id or "" for leg in legs]
        if any(contents.setdefault(id_, content) != content for id_ in ids):
            yield replace(row, legs=(), remark=f"another row has the id {base[:80]!r} and says something else")
        else:
            yield replace(row, legs=legs)


def _with_id(leg: Leg, external_id: str) -> Leg:
    return replace(leg, wording=replace(leg.wording, external_id=external_id))


def _digest(row: Row) -> str:
    text = json.dumps([_content(leg) for leg in row.legs])
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def _content(leg: Leg) -> list[str]:
    wording = leg.wording
    return [
        leg.asset.text.lower(),
        wording.kind.value,
        wording.at.isoformat(),
        format_decimal(wording.quantity),
        *_amount(wording.unit_price),
        *_amount(wording.fee),
    ]


def _amount(order: AmountOrder | None) -> tuple[str, str]:
    return (format_decimal(order.amount), order.currency.lower()) if order else ("", "")
