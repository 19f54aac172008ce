"""Messages of refusals that say which argument is at fault, or what was asked for."""

from __future__ import annotations

from db.pool import Database
from tests.acceptance.api.histories import know
from tests.api import Api, iso
from tests.world import NOW

PRICES_AT = "query($inputs: [PriceAtInput!]!) { pricesAt(inputs: $inputs) { error { code message } } }"
RESOLVE = "query($inputs: [String!]!) { resolveCoins(inputs: $inputs) { outcome } }"
REBASE = '{ coin(slug: "coin-1") { history(transforms: [{rebase: {to: 1e999}}]) { points { value } } } }'


async def test_too_many_inputs_are_refused_by_the_name_of_the_argument(api: Api) -> None:
    for query, one in ((PRICES_AT, {"coin": "coin-1", "at": iso(NOW)}), (RESOLVE, "coin-1")):
        error = await api.fail(query, inputs=[one] * 1_001)
        assert error["message"] == "`inputs`: at most 1,000 fit in one request"
        assert error["extensions"]["code"] == "COST_EXCEEDED"


async def test_a_price_that_is_not_there_is_missed_in_the_currency_that_is_stored(api: Api, database: Database) -> None:
    await know(database, 2)
    asked = [{"coin": "coin-2", "at": iso(NOW), "currency": currency} for currency in ("usd", "eur")]

    for answer in (await api.ask(PRICES_AT, inputs=asked))["pricesAt"]:
        assert answer["error"]["code"] == "NO_DATA"
        assert "no price of coin-2 in usd is stored within" in answer["error"]["message"]


async def test_an_index_does_not_begin_at_infinity(api: Api, database: Database) -> None:
    await know(database, 1)
    assert (await api.fail(REBASE))["message"] == "`rebase { to }` must be a finite number above 0"
