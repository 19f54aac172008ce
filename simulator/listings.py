"""`/coins/list`, `/coins/markets` and `/coins/{id}`: what coins there are, and each one's page."""

from collections.abc import Callable
from typing import Any

from simulator.call import Call
from simulator.coins import Coin
from simulator.currencies import Currency
from simulator.errors import iso_ms, plan_restricted
from simulator.market import DAY_S, HOUR_S, Granularity, Quote, price_limits
from simulator.quotes import change_percentage, named_coins, rounded
from simulator.ranking import Ranking

_MOST_PER_PAGE = 250
_USUAL_PER_PAGE = 100  # with `ids` too: more ids than that are lost without a word
_PERIODS = {
    "1h": HOUR_S,
    "24h": DAY_S,
    "7d": 7 * DAY_S,
    "14d": 14 * DAY_S,
    "30d": 30 * DAY_S,
    "200d": 200 * DAY_S,
    "1y": 365 * DAY_S,
}
_ORDERS = frozenset({"market_cap_asc", "market_cap_desc", "volume_asc", "volume_desc", "id_asc", "id_desc"})
_ALL_TIME_LOW, _ALL_TIME_HIGH = 1_372_982_400, 1_759_777_062.558


def coins_list(call: Call) -> list[dict[str, Any]]:
    """Listed by now and not delisted; the delisted ones are for paid plans."""
    active = call.query.get("status", "active") != "inactive"
    if not active and not call.plan.is_paid:
        raise plan_restricted(call.now)
    told = (*call.market.coins.values(), *call.market.repeated)
    coins = [coin for coin in told if coin.active is active and coin.listed <= call.now]
    rows: list[dict[str, Any]] = [{"id": coin.id, "symbol": coin.symbol, "name": coin.name} for coin in coins]
    if call.flag("include_platform"):
        for row, coin in zip(rows, coins, strict=True):
            row["platforms"] = coin.platforms
    return rows


def coins_markets(call: Call, ranking: Ranking) -> list[dict[str, Any]]:
    """A page of at most 250 rows, 100 unless told; past the end it is empty."""
    currency = call.vs_currency()
    per_page = min(call.number("per_page", _USUAL_PER_PAGE, least=1), _MOST_PER_PAGE)
    page = call.number("page", 1, least=1)
    order = call.query.get("order", "market_cap_desc")
    if order not in _ORDERS:
        raise call.invalid("order")
    ranks = ranking.at(call.now)
    coins = list(ranks)
    if any(call.query.get(name) for name in ("ids", "names", "symbols")):
        wanted = set(named_coins(call))
        coins = [coin for coin in coins if coin in wanted]
    coins = _ordered(call, coins, order)[(page - 1) * per_page : page * per_page]
    return [_market_row(call, coin, currency, ranks[coin]) for coin in coins]


def _ordered(call: Call, coins: list[Coin], order: str) -> list[Coin]:
    """`coins` come by market cap already."""
    if order.startswith("market_cap"):
        return coins if order.endswith("desc") else coins[::-1]
    keys: dict[str, Callable[[Coin], Any]] = {
        "id": lambda coin: coin.id,
        "volume": lambda coin: call.market.usd_volume(coin, call.now),
    }
    return sorted(coins, key=keys[order.split("_")[0]], reverse=order.endswith("desc"))


def _market_row(call: Call, coin: Coin, currency: Currency, rank: int | None) -> dict[str, Any]:
    """Coins of the tail, which have no rank, have no figure but price and volume."""
    current = call.market.quote(coin, currency, call.now) or Quote(0.0, None, 0.0)
    row: dict[str, Any] = {
        "id": coin.id,
        "symbol": coin.symbol,
        "name": coin.name,
        "image": coin.image("large"),
        "current_price": rounded(current.price),
        "market_cap": whole(current.market_cap),
        "market_cap_rank": rank,
        "fully_diluted_valuation": whole(coin.supply and (coin.max_supply or coin.supply) * current.price),
        "total_volume": whole(current.volume),
    }
    figures = day_figures(call, coin, currency) | _supply(coin) | records(call, coin, currency)
    row |= figures if rank else dict.fromkeys(figures)
    row |= {"roi": None, "last_updated": iso_ms(call.now, "Z")}
    return row | {"market_cap_rank_with_rehypothecated": rank} | _asked_for(call, coin, currency)


def whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def day_figures(call: Call, coin: Coin, currency: Currency) -> dict[str, Any]:
    """The last 24 hours; the changes are None for a coin listed less than a day."""
    low, high = call.market.extremes(coin, currency, call.now)
    current = call.market.quote(coin, currency, call.now)
    before = call.market.quote(coin, currency, call.now - DAY_S)
    figures: dict[str, Any] = {
        "high_24h": rounded(high),
        "low_24h": rounded(low),
        "price_change_24h": None,
        "price_change_percentage_24h": None,
        "market_cap_change_24h": None,
        "market_cap_change_percentage_24h": None,
    }
    if current and before:
        ratio = round((current.price / before.price - 1) * 100, 5)
        figures["price_change_24h"] = current.price - before.price
        figures["price_change_percentage_24h"] = ratio
        if current.market_cap is not None and before.market_cap is not None:
            figures["market_cap_change_24h"] = current.market_cap - before.market_cap
            figures["market_cap_change_percentage_24h"] = ratio
    return figures


def _supply(coin: Coin) -> dict[str, float | None]:
    return {
        "circulating_supply": coin.supply,
        "total_supply": coin.max_supply or coin.supply,
        "max_supply": coin.max_supply,
    }


def records(call: Call, coin: Coin, currency: Currency) -> dict[str, Any]:
    """All-time figures: the bounds of the coin's walk at today's rate, never left in dollars."""
    low, high = (limit / call.market.unit(currency, call.now) for limit in price_limits(coin))
    price = call.market.usd_price(coin, call.now) / call.market.unit(currency, call.now)
    return {
        "ath": rounded(high),
        "ath_change_percentage": round((price / high - 1) * 100, 5),
        "ath_date": iso_ms(_ALL_TIME_HIGH, "Z"),
        "atl": rounded(low),
        "atl_change_percentage": round((price / low - 1) * 100, 5),
        "atl_date": iso_ms(max(_ALL_TIME_LOW, coin.listed), "Z"),
    }


def _asked_for(call: Call, coin: Coin, currency: Currency) -> dict[str, Any]:
    """`sparkline` and `price_change_percentage`."""
    extra: dict[str, Any] = {}
    if call.flag("sparkline"):
        span_ms = ((call.now - 7 * DAY_S) * 1000, call.now * 1000)
        samples = call.market.samples(coin, currency, Granularity.HOURLY, *span_ms)
        extra["sparkline_in_7d"] = {"price": [sample.quote.price for sample in samples]}
    for period in call.words("price_change_percentage"):
        if period in _PERIODS:
            change = change_percentage(call, coin, currency, _PERIODS[period])
            extra[f"price_change_percentage_{period}_in_currency"] = change
    return extra
