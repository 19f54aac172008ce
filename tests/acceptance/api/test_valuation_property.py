"""Over random books: every figure of a valuation is the one worked out by hand, and a history is its valuations."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db.pool import Database
from db.series import DAY, HOUR, floor
from tests.api import execute, iso
from tests.portfolios import MANUAL, Person, open_person
from tests.valuation_oracle import Books, Move, Report, holdings, value
from tests.world import NOW

pytestmark = pytest.mark.slow

TODAY = floor(NOW, DAY)
START = TODAY - 5 * DAY
COINS, MONEY, CURRENCIES = (1, 2, 3), ("usd", "eur", "gbp"), ("usd", "eur", "gbp")
ACCOUNTS = (1, 2)
VALUATION = """
  at total { amount currency { code } } knownTotal { amount } complete pricesAsOf incompleteAccounts { label }
"""
DETAILS = """
  unpriced { coin { slug } currency { code } quantity account { label } }
  holdings { holding { coin { slug } currency { code } quantity account { label } } price priceAt value { amount }
             weightPercent }
"""
ASK = f"""
query($id: ID!, $at: Time!, $from: Time!, $interval: Interval!, $currency: String!) {{
  portfolio(id: $id) {{
    valuation(at: $at, currency: $currency) {{ {VALUATION} {DETAILS} }}
    history(from: $from, interval: $interval, currency: $currency) {{ {VALUATION} }}
    detailed: history(from: $from, interval: $interval, currency: $currency) {{ {VALUATION} {DETAILS} }}
  }}
}}
"""

ASSETS = st.sampled_from([*COINS, *MONEY])
QUANTITIES = st.decimals("0.000000000000000001", "1000000", places=18)
# Often on the very hour, where everything meets.
HOURS = st.integers(-30, 5 * 24 + 19).map(lambda hours: START + hours * HOUR)
INSTANTS = HOURS | st.builds(
    lambda at, off: at + timedelta(microseconds=off), HOURS, st.sampled_from([-1, 1, 1800_000_000])
)
PRICES = st.floats(1e-9, 1e9)


def moves() -> st.SearchStrategy[Move]:
    changes = QUANTITIES | QUANTITIES.map(lambda quantity: -quantity) | st.sampled_from([Decimal(1), Decimal(-1)])
    return st.builds(Move, st.sampled_from(ACCOUNTS), ASSETS, INSTANTS, changes)


def reports() -> st.SearchStrategy[list[Report]]:
    quantities = st.sampled_from([Decimal(0), Decimal(1)]) | QUANTITIES
    return st.lists(
        st.builds(Report, st.sampled_from(ACCOUNTS), ASSETS, INSTANTS, quantities),
        max_size=5,
        unique_by=lambda one: (one.account, one.asset, one.at),
    )


def stores(width: timedelta) -> st.SearchStrategy[dict[tuple[int, str], dict[datetime, float]]]:
    """Of each series any points at all: the coins in usd, the first one in eur as well."""
    times = [START - 4 * DAY + place * width for place in range((NOW - START + 4 * DAY) // width + 1)]
    points = st.one_of(
        st.dictionaries(st.sampled_from(times), PRICES, max_size=40),
        st.tuples(PRICES, st.sets(st.sampled_from(times), max_size=6)).map(
            lambda given: {at: given[0] * (1 + place / 7) for place, at in enumerate(times) if at not in given[1]}
        ),
    )
    return st.fixed_dictionaries(dict.fromkeys(((1, "usd"), (2, "usd"), (3, "usd"), (1, "eur")), points))


def books() -> st.SearchStrategy[Books]:
    latest = st.dictionaries(st.sampled_from([(1, "usd"), (2, "usd"), (1, "eur")]), st.tuples(INSTANTS, PRICES))
    return st.builds(
        Books,
        base=st.just("usd"),
        rate_coin=st.just(1),
        moves=st.lists(moves(), max_size=12),
        reports=reports(),
        daily=stores(DAY),
        hourly=stores(HOUR),
        latest=latest,
        rated=st.just(["eur"]),
        unknown=st.sampled_from([frozenset(), frozenset(), frozenset({2})]),
    )


@dataclass
class Keeper:
    """Puts books into the database, in place of those before, and asks for what they are worth."""

    database: Database
    person: Person
    portfolio: str
    accounts: dict[int, int]
    assets: dict[int | str, int]
    currencies: dict[str, int]

    async def store(self, books: Books) -> None:
        await execute(self.database, "truncate transactions, balances, unknown_assets cascade")
        for table in ("price_daily", "price_hourly", "price_latest"):
            await execute(self.database, f"truncate {table}")
        async with self.database.transaction() as connection, connection.cursor() as cursor:
            await cursor.executemany(
                "insert into transactions (account_id, asset_id, kind, at, quantity, created_at) "
                "values (%s, %s, %s, %s, %s, %s)",
                [
                    (
                        self.accounts[one.account],
                        self.assets[one.asset],
                        "DEPOSIT" if one.change > 0 else "WITHDRAWAL",
                        one.at,
                        abs(one.change),
                        NOW,
                    )
                    for one in books.moves
                ],
            )
            await cursor.executemany(
                "insert into balances (account_id, asset_id, taken_at, quantity) values (%s, %s, %s, %s)",
                [(self.accounts[one.account], self.assets[one.asset], one.at, one.quantity) for one in books.reports],
            )
            await cursor.executemany(
                "insert into unknown_assets (account_id, code, quantity, seen_at) values (%s, 'XYZ', 1, %s)",
                [(self.accounts[account], NOW) for account in books.unknown],
            )
            for table, series in (("price_daily", books.daily), ("price_hourly", books.hourly)):
                await cursor.executemany(
                    f"insert into {table} (coin_id, currency_id, ts, price, observed_at, provider_id) "
                    "values (%s, %s, %s, %s, %s, 1)",
                    [
                        (coin, self.currencies[code], at, price, at)
                        for (coin, code), points in series.items()
                        for at, price in points.items()
                    ],
                )
            await cursor.executemany(
                "insert into price_latest (coin_id, currency_id, observed_at, price, provider_id) "
                "values (%s, %s, %s, %s, 1)",
                [(coin, self.currencies[code], *latest) for (coin, code), latest in books.latest.items()],
            )

    async def ask(self, at: datetime, interval: str, currency: str) -> dict[str, Any]:
        given = {"at": iso(at), "from": iso(START), "interval": interval, "currency": currency}
        answer: dict[str, Any] = (await self.person.ask(ASK, id=self.portfolio, **given))["portfolio"]
        return answer


@pytest.fixture
async def keeper(database: Database) -> AsyncIterator[Keeper]:
    await execute(
        database,
        "insert into coins (slug, symbol, name, rank, tracked) "
        "select 'coin-' || i, 's' || i, 'Coin ' || i, i, true from generate_series(1, 3) i",
    )
    await execute(database, "update currencies set tracked = code = 'usd'")
    await execute(database, "update currencies set rate_coin_id = 1 where code = 'eur'")
    await execute(database, "insert into assets (coin_id) select id from coins order by id")
    await execute(
        database, "insert into assets (currency_id) select id from currencies where code = any(%s)", list(MONEY)
    )
    rows = await execute(
        database,
        "select a.id, c.id, y.code from assets a left join coins c on c.id = a.coin_id "
        "left join currencies y on y.id = a.currency_id",
    )
    async with open_person(database, "alice") as alice:
        portfolio = await alice.create_portfolio()
        for account in ACCOUNTS:
            await alice.add_account(portfolio, MANUAL, str(account))
        yield Keeper(
            database,
            alice,
            portfolio,
            {int(label): id_ for label, id_ in await execute(database, "select label, id from accounts")},
            {coin or code: id_ for id_, coin, code in rows},
            dict(await execute(database, "select code, id from currencies")),
        )


def check(found: dict[str, Any], books: Books, currency: str) -> None:
    """One valuation against what follows from the books."""
    at = datetime.fromisoformat(found["at"])
    expected = value(books, currency, at)
    assert Decimal(found["knownTotal"]["amount"]) == expected.known
    assert found["complete"] == expected.complete
    assert found["total"] == (
        {"amount": found["knownTotal"]["amount"], "currency": {"code": currency}} if expected.complete else None
    )
    assert {int(one["label"]) for one in found["incompleteAccounts"]} == expected.incomplete
    assert found["pricesAsOf"] == (iso(expected.as_of) if expected.as_of else None)
    if "holdings" in found:
        held = holdings(books, at)
        assert {_key(one["holding"]): Decimal(one["holding"]["quantity"]) for one in found["holdings"]} == held
        assert {_key(one) for one in found["unpriced"]} == expected.unpriced
        values = {_key(one["holding"]): one["value"] for one in found["holdings"]}
        assert {key: Decimal(one["amount"]) for key, one in values.items() if one} == expected.values


def _key(holding: dict[str, Any]) -> tuple[int, int | str]:
    coin, money = holding["coin"], holding["currency"]
    return int(holding["account"]["label"]), int(coin["slug"].removeprefix("coin-")) if coin else money["code"]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    books=books(),
    at=INSTANTS.filter(lambda at: at <= NOW),
    interval=st.sampled_from(["HOUR_1", "HOUR_4", "HOUR_12", "DAY_1", "WEEK_1"]),
    currency=st.sampled_from(CURRENCIES),
)
async def test_every_valuation_is_what_the_books_say_and_a_history_is_its_valuations(
    keeper: Keeper, books: Books, at: datetime, interval: str, currency: str
) -> None:
    await keeper.store(books)

    found = await keeper.ask(at, interval, currency)

    check(found["valuation"], books, currency)
    assert [
        {key: one[key] for key in plain} for one, plain in zip(found["detailed"], found["history"], strict=True)
    ] == (found["history"])
    for one in found["detailed"]:
        check(one, books, currency)
