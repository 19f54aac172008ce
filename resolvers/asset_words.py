"""What a file calls coins and money, understood without guessing."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from db.asset_codes import find_codes
from db.coins import CoinRow, match_coins, read_coins_by_id
from db.currencies import CurrencyRow
from resolvers.context import Context
from resolvers.csv_import.rows import Among, AssetWord
from resolvers.errors import ApiError, Code
from resolvers.quotes import find_currency
from resolvers.resolution import MAX_CANDIDATES
from resolvers.texts import can_be_stored

Asset = CoinRow | CurrencyRow
# Nobody holds more different coins; a wrong column has as many words as rows.
MAX_WORDS = 2_000


async def resolve_words(
    context: Context, account_id: int, words: Collection[AssetWord]
) -> dict[AssetWord, Asset | ApiError]:
    """The coin or the currency of each word; or an error that names what it may be."""
    if len(words) > MAX_WORDS:
        text = f"the file names more than {MAX_WORDS:,} different coins; is it the right column?"
        raise ApiError(Code.COST_EXCEEDED, text, field=["csv"])
    known = await context.known_currencies()
    found: dict[AssetWord, Asset | ApiError] = {}
    for word in words:
        if word.among is Among.MONEY:
            found[word] = _find_money(word.text, known)
    others = [word for word in words if word not in found]
    found |= await _find_coins(context, account_id, others, known)
    rest = [word for word in others if word not in found]
    return found | await _suggest(context, rest)


async def _find_coins(
    context: Context, account_id: int, words: Sequence[AssetWord], known: Sequence[CurrencyRow]
) -> dict[AssetWord, Asset | ApiError]:
    texts = [word.text for word in words if can_be_stored(word.text)]
    slugs = await context.coins(texts)
    async with context.database.connection() as connection:
        codes = await find_codes(connection, account_id, set(texts))
        coins = await read_coins_by_id(connection, [coin for coin, _ in codes.values() if coin is not None])
    moneys = {row.id: row for row in known}
    found: dict[AssetWord, Asset | ApiError] = {}
    for word in words:
        coin, money = codes.get(word.text, (None, None))
        by_slug, by_symbol = slugs.get(word.text), coins.get(coin) if coin is not None else None
        by_code = moneys.get(money) if money is not None else None
        meant = by_slug or by_symbol if word.among is Among.COINS else by_code or by_symbol or by_slug
        if meant is not None:
            found[word] = meant
    return found


async def _suggest(context: Context, words: Sequence[AssetWord]) -> dict[AssetWord, Asset | ApiError]:
    texts = [word.text for word in words if can_be_stored(word.text)]
    async with context.database.connection() as connection:
        meant = await match_coins(connection, texts, MAX_CANDIDATES)
    return {word: _unknown(word.text, meant.get(word.text, [])) for word in words}


def _unknown(text: str, candidates: Sequence[CoinRow]) -> ApiError:
    if not candidates:
        return ApiError(Code.NOT_FOUND, f"no coin goes by {text[:64]!r}; say which one it is with `names`")
    slugs = " or ".join(coin.slug for coin in candidates)
    return ApiError(Code.NOT_FOUND, f"{text[:64]!r} may be {slugs}; say which one it is with `names`")


def _find_money(text: str, known: Sequence[CurrencyRow]) -> Asset | ApiError:
    try:
        return find_currency(text, known)
    except ApiError as error:
        return error
