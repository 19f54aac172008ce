"""The simulated market: one value per coin and instant, whichever way and in whatever order it is asked."""

from itertools import pairwise
from math import log
from statistics import pstdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.coins import Coin, coins_of
from simulator.currencies import CURRENCIES, Currency
from simulator.market import DAY_S, HOUR_S, Granularity, Market
from simulator.settings import SimulatorSettings

NOW = 1_795_003_215  # 2026-11-18 12:00:15 UTC
MARKET = Market(SimulatorSettings())
FLAWED = Market(SimulatorSettings(missing_hours=0.1, null_caps=0.1))
DEFAULT_COINS = [
    "bitcoin", "ethereum", "tether", "ripple", "binancecoin", "solana",
    "usd-coin", "dogecoin", "cardano", "tron", "shiba-inu",
]  # fmt: skip

coins = st.sampled_from([MARKET.coins[name] for name in [*DEFAULT_COINS, "newcomer"]])
currencies = st.sampled_from(list(CURRENCIES.values()))
granularities = st.sampled_from(list(Granularity))
starts = st.integers(min_value=NOW - 365 * DAY_S, max_value=NOW)
lengths = st.integers(min_value=0, max_value=3 * DAY_S)


# A loaded machine is not a failure, and a range costs some milliseconds.
unhurried = settings(deadline=None, max_examples=40)


def hourly_prices(coin: Coin, days: int) -> list[float]:
    span = (1000 * (NOW - days * DAY_S), 1000 * NOW)
    samples = MARKET.samples(coin, CURRENCIES["usd"], Granularity.HOURLY, *span)
    return [sample.quote.price for sample in samples]


@unhurried
@given(coins, currencies, granularities, starts, lengths, lengths, lengths)
def test_any_part_of_a_range_agrees_with_the_whole(
    coin: Coin, currency: Currency, granularity: Granularity, start: int, before: int, length: int, after: int
) -> None:
    first, last = start * 1000, (start + length) * 1000
    whole = MARKET.samples(coin, currency, granularity, first - before * 1000, last + after * 1000)

    part = list(MARKET.samples(coin, currency, granularity, first, last))

    assert part == [sample for sample in whole if first <= sample.stamp_ms <= last]


@unhurried
@given(coins, currencies, starts)
def test_another_market_of_the_same_seed_is_the_same_market(coin: Coin, currency: Currency, second: int) -> None:
    again = Market(SimulatorSettings())
    assert again.quote(again.coins[coin.id], currency, second) == MARKET.quote(coin, currency, second)


def test_another_seed_is_another_market() -> None:
    other = Market(SimulatorSettings(seed=2))
    usd = CURRENCIES["usd"]
    ours = MARKET.quote(MARKET.coins["bitcoin"], usd, NOW)
    assert ours != other.quote(other.coins["bitcoin"], usd, NOW)


@unhurried
@given(coins, currencies, starts)
@pytest.mark.parametrize("market", [MARKET, FLAWED], ids=["whole", "with holes"])
def test_the_day_is_midnights_hour_bit_for_bit(market: Market, coin: Coin, currency: Currency, start: int) -> None:
    span = (start * 1000, (start + 3 * DAY_S) * 1000)
    days = market.samples(coin, currency, Granularity.DAILY, *span)
    hours = market.samples(coin, currency, Granularity.HOURLY, span[0], span[1] + 120_000)

    at_midnight = {hour.second: hour.quote for hour in hours if hour.second % DAY_S == 0}

    assert {day.second: day.quote for day in days} == {
        second: quote for second, quote in at_midnight.items() if span[0] <= second * 1000 <= span[1]
    }


@unhurried
@given(coins, st.sampled_from(["usd", "eur", "xau"]), st.integers(min_value=-9 * DAY_S, max_value=9 * DAY_S))
def test_a_correction_meets_hours_that_are_over_and_no_other(coin: Coin, code: str, distance: int) -> None:
    market, currency, second = Market(SimulatorSettings()), CURRENCIES[code], NOW + distance
    before = market.quote(coin, currency, second)

    market.correct(share=1.0, size=0.01, now=NOW)

    after = market.quote(coin, currency, second)
    assert before is not None
    assert after is not None
    if second < NOW // HOUR_S * HOUR_S:
        assert 1.004 < after.price / before.price < 1.011
        assert after.volume == before.volume
    else:
        assert after == before


def test_each_correction_chooses_hours_of_its_own() -> None:
    corrected = []
    bitcoin, usd = MARKET.coins["bitcoin"], CURRENCIES["usd"]
    hours = range(NOW - 100 * HOUR_S, NOW - HOUR_S, HOUR_S)
    market = Market(SimulatorSettings())
    for _ in range(2):
        before = [market.quote(bitcoin, usd, hour) for hour in hours]
        market.correct(share=0.3, size=0.01, now=NOW)
        after = [market.quote(bitcoin, usd, hour) for hour in hours]
        corrected.append({hour for hour, old, new in zip(hours, before, after, strict=True) if old != new})
    assert all(15 < len(found) < 45 for found in corrected)
    assert corrected[0] != corrected[1]


@unhurried
@given(coins, starts)
def test_an_hour_is_stamped_up_to_two_minutes_late_and_never_at_a_whole_second(coin: Coin, start: int) -> None:
    for sample in MARKET.samples(coin, CURRENCIES["usd"], Granularity.HOURLY, start * 1000, (start + 9 * DAY_S) * 1000):
        assert 0 < sample.stamp_ms - sample.second * 1000 < 120_000
        assert sample.stamp_ms % 2 == 1


@unhurried
@given(coins, starts)
def test_the_five_minute_tick_of_a_full_hour_is_the_hours_sample(coin: Coin, start: int) -> None:
    span = (start * 1000, (start + DAY_S) * 1000)
    hours = list(MARKET.samples(coin, CURRENCIES["eur"], Granularity.HOURLY, *span))
    ticks = list(MARKET.samples(coin, CURRENCIES["eur"], Granularity.FIVE_MINUTES, *span))

    assert hours == [tick for tick in ticks if tick.second % HOUR_S == 0]
    stamps = [tick.stamp_ms for tick in ticks]
    assert stamps == sorted(stamps)


@unhurried
@given(currencies, starts)
def test_cross_rates_agree_between_coins(currency: Currency, second: int) -> None:
    def rate(name: str) -> float:
        coin = MARKET.coins[name]
        here, usd = MARKET.quote(coin, currency, second), MARKET.quote(coin, CURRENCIES["usd"], second)
        assert here is not None
        assert usd is not None
        return here.price / usd.price

    assert rate("ethereum") == pytest.approx(rate("shiba-inu"), rel=1e-12)


@unhurried
@given(starts)
def test_a_bitcoin_costs_one_bitcoin(second: int) -> None:
    quote = MARKET.quote(MARKET.coins["bitcoin"], CURRENCIES["btc"], second)
    assert quote is not None
    assert quote.price == 1.0


def test_truth_is_every_complete_bucket_and_no_other() -> None:
    coin, usd = MARKET.coins["bitcoin"], CURRENCIES["usd"]
    last_full_hour = NOW // HOUR_S * HOUR_S
    truth = MARKET.truth(coin, usd, Granularity.HOURLY, last_full_hour - DAY_S, NOW + DAY_S, NOW)
    assert [row[0] for row in truth] == list(range(last_full_hour - DAY_S, last_full_hour, HOUR_S))


@unhurried
@given(coins, currencies, starts)
def test_truth_is_what_the_samples_say(coin: Coin, currency: Currency, start: int) -> None:
    first = start // HOUR_S * HOUR_S
    end = first + 2 * DAY_S
    samples = FLAWED.samples(coin, currency, Granularity.HOURLY, first * 1000, end * 1000)
    complete = [sample for sample in samples if sample.second < end and sample.second + HOUR_S <= NOW]

    truth = FLAWED.truth(coin, currency, Granularity.HOURLY, first, end, NOW)

    assert truth == [(sample.second, *sample.quote) for sample in complete]


def test_missing_hours_are_the_same_in_every_currency_and_every_route() -> None:
    coin = FLAWED.coins["ethereum"]
    today = NOW // DAY_S * DAY_S
    span = (1000 * (today - 10 * DAY_S), 1000 * today)

    def hours(code: str, granularity: Granularity) -> set[int]:
        return {sample.second // HOUR_S for sample in FLAWED.samples(coin, CURRENCIES[code], granularity, *span)}

    found = hours("usd", Granularity.HOURLY)
    assert found == hours("btc", Granularity.HOURLY)
    assert 190 < len(found) < 236
    assert found == hours("usd", Granularity.FIVE_MINUTES)


def test_null_caps_leave_the_price_and_the_volume() -> None:
    span = (1000 * (NOW - 10 * DAY_S), 1000 * NOW)
    samples = FLAWED.samples(FLAWED.coins["solana"], CURRENCIES["gbp"], Granularity.HOURLY, *span)
    capless = [sample.quote for sample in samples if sample.quote.market_cap is None]
    assert 5 < len(capless) < 60
    assert all(quote.price > 0 and quote.volume > 0 for quote in capless)


@pytest.mark.parametrize("name", DEFAULT_COINS)
def test_the_default_coins_stay_near_their_real_price(name: str) -> None:
    coin = MARKET.coins[name]
    assert all(coin.usd / 3 < price < coin.usd * 3 for price in hourly_prices(coin, days=60))


def test_bitcoin_moves_as_much_as_a_real_one() -> None:
    daily = hourly_prices(MARKET.coins["bitcoin"], days=365)[::24]
    assert 0.012 < pstdev(log(after / before) for before, after in pairwise(daily)) < 0.035


def test_some_prices_are_whole_numbers_and_some_tiny() -> None:
    bitcoin = hourly_prices(MARKET.coins["bitcoin"], days=60)
    assert {type(price) for price in bitcoin} == {int, float}
    assert max(hourly_prices(MARKET.coins["shiba-inu"], days=60)) < 1e-4


def test_a_coin_has_no_sample_before_its_listing() -> None:
    newcomer, usd = MARKET.coins["newcomer"], CURRENCIES["usd"]
    span = (1000 * (newcomer.listed - 9 * DAY_S), 1000 * (newcomer.listed + DAY_S))
    samples = list(MARKET.samples(newcomer, usd, Granularity.HOURLY, *span))
    assert samples[0].second == newcomer.listed
    assert MARKET.quote(newcomer, usd, newcomer.listed - 1) is None


def test_symbols_and_names_are_not_keys() -> None:
    listed = list(coins_of(1).values())
    assert sum(coin.symbol == "usdc" for coin in listed) > 3
    assert len({coin.name for coin in listed}) < len(listed)
    assert len(listed) > 17_000
