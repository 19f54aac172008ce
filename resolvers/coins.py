"""Coins by slug, and pages of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from db.coin_pages import CoinFilter, CoinOrder, ListedCoin, count_coins, list_coins
from db.coins import CoinRow, match_coins
from db.companions import ALONE, Companions
from resolvers.errors import ApiError, Code
from resolvers.paging import Page, check_page_size, decode_cursor, make_page
from resolvers.texts import can_be_stored, check_text

if TYPE_CHECKING:
    from resolvers.context import Context

_HINTS = 3
_KEY_TYPES: dict[CoinOrder, tuple[type[Any], ...]] = {
    CoinOrder.RELEVANCE: (int, int, int),
    CoinOrder.RANK: (int, int),
    CoinOrder.NAME: (str, int),
    CoinOrder.SLUG: (str,),
}


async def resolve_coin(context: Context, slug: str, argument: str = "slug", companions: Companions = ALONE) -> CoinRow:
    """NOT_FOUND, with the slugs that were perhaps meant."""
    [found] = await resolve_coins_by_slug(context, [slug], argument, companions)
    if isinstance(found, ApiError):
        raise found
    return found


async def resolve_coins_by_slug(
    context: Context, slugs: Sequence[str], argument: str = "coins", companions: Companions = ALONE
) -> list[CoinRow | ApiError]:
    """One answer per slug, in order; an unknown coin is an error of its own and fails no other."""
    check_batch(context, slugs, argument)
    possible = [slug for slug in slugs if can_be_stored(slug)]
    found = await context.coins(possible, companions)
    meant = await _match(context, [slug for slug in possible if slug not in found])
    return [found.get(slug) or _unknown(slug, meant.get(slug, []), argument) for slug in slugs]


def check_batch(context: Context, given: Sequence[object], *field: str) -> None:
    limit = context.settings.limits.max_coins_per_batch
    if len(given) > limit:
        raise ApiError(Code.COST_EXCEEDED, f"`{field[-1]}`: at most {limit:,} fit in one request", field=field)


async def resolve_coin_page(
    context: Context,
    where: CoinFilter,
    order: CoinOrder | None,
    first: int,
    after: str | None,
    companions: Companions,
) -> Page[ListedCoin]:
    """Without an order: by relevance when something is searched, else by rank."""
    check_page_size(first)
    if order is None:
        order = CoinOrder.RELEVANCE if where.search else CoinOrder.RANK
    if order is CoinOrder.RELEVANCE and not where.search:
        raise ApiError(Code.BAD_INPUT, "RELEVANCE is the order of a search; set `filter: {search}`", field=["orderBy"])
    check_text(where.search, "filter", "search")
    check_text(where.symbol, "filter", "symbol")
    check_batch(context, where.slugs or [], "filter", "slugs")
    key = decode_cursor(after, order.value, *_KEY_TYPES[order])
    async with context.reads.connection() as connection:
        rows, found = await list_coins(connection, where, order, first + 1, key, companions)
    context.learn([coin.id for coin, _ in rows], found, companions)
    return make_page(rows, first, after, lambda row: [order.value, *row[1]])


async def resolve_coin_count(context: Context, where: CoinFilter) -> int:
    async with context.reads.connection() as connection:
        return await count_coins(connection, where)


async def _match(context: Context, slugs: Sequence[str]) -> dict[str, list[CoinRow]]:
    """The coins that were perhaps meant."""
    if not slugs:
        return {}
    async with context.reads.connection() as connection:
        return await match_coins(connection, slugs, _HINTS)


def _unknown(slug: str, meant: Sequence[CoinRow], argument: str) -> ApiError:
    hints = " or ".join(coin.slug for coin in meant)
    advice = f"did you mean {hints}?" if hints else "`coins(filter: {search})` finds similar ones"
    return ApiError(Code.NOT_FOUND, f"no coin has the slug {slug[:64]!r}; {advice}", field=[argument])
