"""`/simple/price`, `/exchange_rates` and the other answers about now that are not a coin's own page."""

from collections.abc import Iterable
from typing import Any

from simulator.call import Call
from simulator.coins import Coin
from simulator.currencies import CURRENCIES, Currency
from simulator.errors import missing_parameter
from simulator.market import DAY_S


def simple_price(call: Call) -> dict[str, dict[str, Any]]:
    """By id, whichever way the coins were named; unknown coins and currencies are dropped without a word."""
    codes = [code.lower() for code in call.required("vs_currencies").split(",")]
    currencies = [CURRENCIES[code] for code in codes if code in CURRENCIES]
    if not any(call.query.get(name) for name in ("ids", "names", "symbols")):
        raise missing_parameter("ids")
    return {coin.id: _simple_quote(call, coin, currencies) for coin in named_coins(call)}


def _simple_quote(call: Call, coin: Coin, currencies: Iterable[Currency]) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    for currency in currencies:
        code, quote = currency.code, call.market.quote(coin, currency, call.now)
        answer[code] = None if quote is None else _at_precision(call, quote.price)
        if call.flag("include_market_cap"):
            answer[f"{code}_market_cap"] = quote and quote.market_cap
        if call.flag("include_24hr_vol"):
            answer[f"{code}_24h_vol"] = quote and quote.volume
        if call.flag("include_24hr_change"):
            answer[f"{code}_24h_change"] = change_percentage(call, coin, currency, DAY_S)
    if call.flag("include_last_updated_at"):
        answer["last_updated_at"] = call.now
    return answer


def named_coins(call: Call) -> list[Coin]:
    """The active coins that `ids`, else `names`, else `symbols` name: no symbol names one coin only."""
    coins = call.market.coins.values()
    if ids := call.words("ids"):
        found = [call.market.coins[name] for name in dict.fromkeys(ids) if name in call.market.coins]
    elif names := {name.lower() for name in call.words("names")}:
        found = [coin for coin in coins if coin.name.lower() in names]
    else:
        symbols = {symbol.lower() for symbol in call.words("symbols")}
        found = [coin for coin in coins if coin.symbol in symbols]
        if call.query.get("include_tokens") != "all":
            found = list({coin.symbol: coin for coin in sorted(found, key=_usual_cap)}.values())
    return [coin for coin in found if coin.active]


def _usual_cap(coin: Coin) -> float:
    return (coin.supply or 0.0) * coin.usd


def _at_precision(call: Call, price: float) -> float:
    """Unless told otherwise prices are shortened, whole ones without a point: 77671 and 67.81."""
    return shortened(price, call.precision()) if "precision" in call.query else rounded(price)


def shortened(price: float, places: int | None) -> float:
    return price if places is None else round(price, places)


def rounded(value: float) -> float:
    """About as many digits as the provider shows where it does not send them all."""
    if value >= 10_000:
        return round(value)
    if value >= 1:
        short = round(value, 2)
        return int(short) if short == int(short) else short
    return float(f"{value:.6g}")


def change_percentage(call: Call, coin: Coin, currency: Currency, seconds: int) -> float | None:
    """Against so many seconds ago; None if the coin was not listed then."""
    current = call.market.quote(coin, currency, call.now)
    before = call.market.quote(coin, currency, call.now - seconds)
    return (current.price / before.price - 1) * 100 if current and before else None


def exchange_rates(call: Call) -> dict[str, Any]:
    """Everything per bitcoin."""
    bitcoin = call.market.unit(CURRENCIES["btc"], call.now)
    rates = {}
    for code, currency in CURRENCIES.items():
        value = round(bitcoin / call.market.unit(currency, call.now), 3)
        rates[code] = {"name": currency.name, "unit": currency.unit, "value": value, "type": currency.kind}
    return {"rates": rates}


def supported_vs_currencies(_: Call) -> list[str]:
    return list(CURRENCIES)


def ping(_: Call) -> dict[str, str]:
    return {"gecko_says": "(V3) To the Moon!"}
