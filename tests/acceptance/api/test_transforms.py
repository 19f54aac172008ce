"""Transforms as a client asks for them: computed over `price`, answered in `value`."""

from __future__ import annotations

from typing import Any

import pytest

from db.pool import Database
from db.prices import Point
from db.series import Granularity
from tests.api import Api, add_coins, add_points
from tests.world import hours_ago

VALUES = """
query Values($transforms: [Transform!]) {
  coin(slug: "coin-1") {
    history(from: "now-5h/h", to: "now/h", interval: HOUR_1, transforms: $transforms) {
      points { time price value }
      columns { time price value }
      summary { first { time price value } last { time value } min { value } max { value } }
    }
  }
}
"""


async def stored(database: Database) -> list[Point]:
    """Three hours, a hole, and one more."""
    await add_coins(database, 1)
    return await add_points(database, Granularity.HOURLY, [hours_ago(age) for age in (5, 4, 3, 1)])


async def test_each_transform_works_on_what_the_one_before_it_answered(api: Api, database: Database) -> None:
    first, second, third, last = (point.price for point in await stored(database))
    cases: list[tuple[list[dict[str, Any]], list[float | None]]] = [
        ([], [first, second, third, None, last]),
        ([{"rebase": {"to": 1}}], [1, second / first, third / first, None, last / first]),
        ([{"movingAverage": {"points": 2}}], [None, (first + second) / 2, (second + third) / 2, None, None]),
        ([{"percentChange": {"points": 2}}], [None, None, (third / first - 1) * 100, None, (last / third - 1) * 100]),
        ([{"drawdown": True}], [0, 0, 0, None, 0]),
        (
            [{"percentChange": {}}, {"rebase": {}}],
            [None, 100, (third / second - 1) / (second / first - 1) * 100] + [None] * 2,
        ),
    ]
    for transforms, values in cases:
        found = (await api.ask(VALUES, transforms=transforms))["coin"]["history"]

        assert found["columns"]["value"] == [pytest.approx(value) for value in values], transforms
        assert [point["value"] for point in found["points"]] == found["columns"]["value"]
        assert found["columns"]["price"] == [first, second, third, None, last]


async def test_a_summary_is_over_prices_and_its_points_are_those_of_the_list(api: Api, database: Database) -> None:
    await stored(database)

    found = (await api.ask(VALUES, transforms=[{"rebase": {"to": 1}}]))["coin"]["history"]

    values = found["columns"]["value"]
    assert found["summary"]["first"] == found["points"][0]
    assert [found["summary"][name]["value"] for name in ("last", "min", "max")] == [values[4], values[0], values[4]]


REFUSED: list[list[dict[str, Any]]] = [
    [{"movingAverage": {"points": 1}}],
    [{"movingAverage": {"points": 1001}}],
    [{"rollingVolatility": {"points": -5}}],
    [{"percentChange": {"points": 0}}],
    [{"rebase": {"to": 0}}],
    [{"rebase": {"to": -1}}],
    [{"drawdown": False}],
    [{"drawdown": True}] * 9,
    [{"drawdown": True, "rebase": {"to": 1}}],
    [{}],
    [{"rebase": None}],
]


async def test_what_cannot_be_computed_is_refused(api: Api, database: Database) -> None:
    await add_coins(database, 1)

    for transforms in REFUSED:
        error = await api.fail(VALUES, transforms=transforms)

        assert error["extensions"]["code"] == "BAD_INPUT", transforms


async def test_numbers_too_large_to_add_are_unknown_and_no_fault_of_the_servers(api: Api, database: Database) -> None:
    await stored(database)
    transforms = [{"rebase": {"to": 1e308}}, {"movingAverage": {"points": 2}}, {"rollingVolatility": {"points": 2}}]

    found = (await api.ask(VALUES, transforms=transforms))["coin"]["history"]

    assert found["columns"]["value"] == [None] * 5
