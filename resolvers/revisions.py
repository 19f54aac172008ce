"""Changes of stored prices; for any number of coins on a page a constant number of statements."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from db.coins import CoinRow
from db.pool import Database
from db.revisions import RevisionRow, count_revisions, list_revisions
from db.series import Granularity, Window
from resolvers.errors import ApiError, Code
from resolvers.instants import Instant
from resolvers.paging import Page, check_page_size, decode_cursor, make_page
from resolvers.ranges import resolve_range

if TYPE_CHECKING:
    from resolvers.context import Context


@dataclass(frozen=True, slots=True)
class RevisionKey:
    """Changes of one series: of buckets inside the window, at most `limit`, only ids lower than `before`."""

    coin_id: int
    currency_id: int
    granularity: Granularity
    window: Window
    limit: int
    before: int | None


class RevisionLoader:
    """Loads many keys at once: one statement for all coins of which the same is asked."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, keys: list[RevisionKey]) -> list[list[RevisionRow]]:
        found: dict[RevisionKey, list[RevisionRow]] = {}
        async with self._database.connection() as connection:
            for one, coins in _grouped(keys).items():
                asked = (one.currency_id, one.granularity, one.window, one.limit, one.before)
                rows = await list_revisions(connection, coins, *asked)
                found |= {replace(one, coin_id=coin): rows[coin] for coin in coins}
        return [found[key] for key in keys]

    async def count(self, keys: list[RevisionKey]) -> list[int]:
        found: dict[RevisionKey, int] = {}
        async with self._database.connection() as connection:
            for one, coins in _grouped(keys).items():
                counts = await count_revisions(connection, coins, one.currency_id, one.granularity, one.window)
                found |= {replace(one, coin_id=coin): counts[coin] for coin in coins}
        return [found[key] for key in keys]


async def resolve_revision_page(context: Context, key: RevisionKey, first: int, after: str | None) -> Page[RevisionRow]:
    """The newest changes first, loaded together with those of other coins that are asked for alongside."""
    context.charge(first)
    rows = await context.revisions.load(key)
    return make_page(rows, first, after, lambda row: ["revisions", row.id])


async def make_revision_key(
    context: Context,
    coin: CoinRow,
    currency: str,
    granularity: Granularity,
    start: Instant,
    end: Instant,
    first: int,
    after: str | None,
) -> RevisionKey:
    """NOT_FOUND in a currency that the coin's prices are converted to."""
    check_page_size(first)
    cursor = decode_cursor(after, "revisions", int)
    quote = await context.quote(coin.id, currency)
    if quote.pair:
        raise ApiError(
            Code.NOT_FOUND,
            f"prices of {coin.slug} in {quote.currency.code} are converted, so they have no revisions; "
            f"ask in {quote.base.code}",
            field=["currency"],
        )
    window = resolve_range(context.now, start, end)
    return RevisionKey(coin.id, quote.currency.id, granularity, window, first + 1, int(cursor[0]) if cursor else None)


def _grouped(keys: list[RevisionKey]) -> dict[RevisionKey, list[int]]:
    """The coins of which the same is asked, by a key without a coin."""
    groups: dict[RevisionKey, list[int]] = defaultdict(list)
    for key in keys:
        groups[replace(key, coin_id=0)].append(key.coin_id)
    return groups
