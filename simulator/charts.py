"""`/coins/{id}/market_chart`, `market_chart/range`, `ohlc` and `history`: the past, at the provider's granularity."""

from datetime import UTC, datetime
from typing import Any

from simulator.call import Call
from simulator.coin_details import community_data, developer_data
from simulator.coins import Coin
from simulator.currencies import CURRENCIES, Currency
from simulator.errors import bad_argument, plan_restricted, time_range
from simulator.market import DATA_STARTS, DAY_S, Granularity, Quote, Sample
from simulator.quotes import shortened

_FREE_HISTORY_DAYS = 365  # public and Demo plans; one second older and the whole request fails
_HOURLY_UP_TO_DAYS = 90
_INTERVAL_HOURLY_UP_TO_DAYS = 100
_REACHES_NOW_S = 60  # a range that ended so recently still counts as reaching now
# A completed day's sample appears this long after midnight.
_CHART_DAY_FINAL_S = 10 * 60
_RANGE_DAY_FINAL_S = 35 * 60

Chart = dict[str, list[list[Any]]]


def market_chart(call: Call) -> Chart:
    """The last `days` days; `interval` on every plan."""
    call.required("vs_currency")
    days, interval = call.required("days"), call.query.get("interval")
    coin, currency = call.coin(), call.vs_currency()
    oldest = DATA_STARTS[Granularity.DAILY]
    first = oldest if days == "max" else call.now - call.number("days", 1, least=1) * DAY_S
    granularity = _granularity(call, first, call.now, interval)
    return _chart(call, coin, currency, granularity, first, call.now, _CHART_DAY_FINAL_S)


def market_chart_range(call: Call) -> Chart:
    """Samples stamped within [from, to]; `interval` and calendar dates on paid plans only."""
    call.required("vs_currency")
    first, last = _instant(call, "from"), _instant(call, "to")
    coin, currency = call.coin(), call.vs_currency()
    interval = call.query.get("interval") if call.plan.is_paid else None
    granularity = _granularity(call, first, last, interval)
    return _chart(call, coin, currency, granularity, first, last, _RANGE_DAY_FINAL_S)


def _instant(call: Call, name: str) -> int:
    given = call.required(name)
    if given.isdecimal():
        return int(given)
    if call.plan.is_paid:
        for form in ("%Y-%m-%d", "%Y-%m-%dT%H:%M"):
            try:
                return int(datetime.strptime(given, form).replace(tzinfo=UTC).timestamp())
            except ValueError:
                continue
    raise bad_argument(f"invalid {name}")


def _granularity(call: Call, first: int, last: int, interval: str | None) -> Granularity:
    if not call.plan.is_paid and first < call.now - _FREE_HISTORY_DAYS * DAY_S:
        raise time_range(call.now)
    span = last - first
    if interval is None:
        if span <= DAY_S and last >= call.now - _REACHES_NOW_S:
            return Granularity.FIVE_MINUTES
        return Granularity.HOURLY if span <= _HOURLY_UP_TO_DAYS * DAY_S else Granularity.DAILY
    if interval in ("5m", "1m"):
        raise plan_restricted(call.now)  # Enterprise only
    if interval == "daily":
        return Granularity.DAILY
    if interval == "hourly" and span <= _INTERVAL_HOURLY_UP_TO_DAYS * DAY_S:
        return Granularity.HOURLY
    raise call.invalid("interval")


def _chart(
    call: Call,
    coin: Coin,
    currency: Currency,
    granularity: Granularity,
    first: int,
    last: int,
    day_final_s: int,
) -> Chart:
    """The samples up to now, and the pair of now itself if the range reaches it."""
    newest = min(last, call.now)
    if granularity is Granularity.DAILY:
        newest = min(newest, call.now - day_final_s)
    samples = list(call.market.samples(coin, currency, granularity, first * 1000, newest * 1000))
    current = call.market.quote(coin, currency, call.now)
    if first <= call.now <= last and current is not None:
        samples.append(Sample(call.now, call.now * 1000, current))
    return _rows(samples, call.precision())


def _rows(samples: list[Sample], precision: int | None) -> Chart:
    return {
        "prices": [[stamp, shortened(price, precision)] for _, stamp, (price, _, _) in samples],
        "market_caps": [[stamp, cap] for _, stamp, (_, cap, _) in samples],
        "total_volumes": [[stamp, volume] for _, stamp, (_, _, volume) in samples],
    }


_CANDLE_S = {1: 1800, 7: 4 * 3600, 14: 4 * 3600, 30: 4 * 3600, 90: 4 * DAY_S, 180: 4 * DAY_S, 365: 4 * DAY_S}


def ohlc(call: Call) -> list[list[float]]:
    """`[ms of the candle's end, open, high, low, close]`, out of the market's ticks; other `days` are refused."""
    currency = call.vs_currency()
    days, coin = call.required("days"), call.coin()
    if not days.isdecimal() or int(days) not in _CANDLE_S:
        raise call.invalid("days")
    size = _CANDLE_S[int(days)]
    step = Granularity.FIVE_MINUTES if size == 1800 else Granularity.HOURLY
    first = (call.now - int(days) * DAY_S) // size * size
    candles: dict[int, list[float]] = {}
    for sample in call.market.samples(coin, currency, step, first * 1000, call.now * 1000):
        candles.setdefault(sample.second // size * size + size, []).append(sample.quote.price)
    return [
        [end * 1000, prices[0], max(prices), min(prices), prices[-1]]
        for end, prices in candles.items()
        if end <= call.now
    ]


def history(call: Call) -> dict[str, Any]:
    """The midnight that begins `date`, which is dd-mm-yyyy, or yyyy-mm-dd on paid plans."""
    coin, midnight = call.coin(), _date(call)
    if not call.plan.is_paid and midnight < call.now - _FREE_HISTORY_DAYS * DAY_S:
        raise time_range(call.now)
    answer: dict[str, Any] = {
        "id": coin.id,
        "symbol": coin.symbol,
        "name": coin.name,
        "localization": {"en": coin.name, "de": coin.name},
        "image": {"thumb": coin.image("thumb"), "small": coin.image("small")},
    }
    quotes = {code: call.market.quote(coin, currency, midnight) for code, currency in CURRENCIES.items()}
    known: dict[str, Quote] = {code: quote for code, quote in quotes.items() if quote is not None}
    if known and midnight <= call.now:
        answer["market_data"] = {
            "current_price": {code: quote.price for code, quote in known.items()},
            "market_cap": {code: quote.market_cap for code, quote in known.items()},
            "total_volume": {code: quote.volume for code, quote in known.items()},
        }
    interest = {"alexa_rank": None, "bing_matches": None}
    return answer | {
        "community_data": community_data(),
        "developer_data": developer_data(),
        "public_interest_stats": interest,
    }


def _date(call: Call) -> int:
    given = call.required("date")
    for form in ("%d-%m-%Y", "%Y-%m-%d") if call.plan.is_paid else ("%d-%m-%Y",):
        try:
            return int(datetime.strptime(given, form).replace(tzinfo=UTC).timestamp())
        except ValueError:
            continue
    raise call.invalid("date")
