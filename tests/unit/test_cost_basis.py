"""What holdings have cost and what they brought, over flows of every kind."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from resolvers.cost_basis import CostBasisMethod, Doubt, Standing, reckon
from resolvers.decimals import EXACT, round_amount
from resolvers.flows import Flow, Way

START = datetime(2026, 1, 1, tzinfo=UTC)
COIN, USD, EUR = 1, 2, 3
FIFO, AVERAGE = CostBasisMethod.FIFO, CostBasisMethod.AVERAGE
BOTH = st.sampled_from(CostBasisMethod)
INCOMING = {Way.BUY, Way.DEPOSIT, Way.REWARD}


def flow(way: Way, quantity: str, amount: str | None, fee: str | None = "0", asset: int = COIN, hours: int = 0) -> Flow:
    """With a value like its amount."""
    money = None if amount is None else Decimal(amount)
    paid = None if fee is None else Decimal(fee)
    return Flow(asset, way, START + timedelta(hours=hours), Decimal(quantity), money, money, paid)


def stand(flows: Sequence[Flow], method: CostBasisMethod = FIFO, asset: int = COIN) -> Standing:
    [found], _ = reckon(flows, method, {USD, EUR}, [START + timedelta(days=99)], own_money=USD)
    return found[asset]


def doubts(*flows: Flow) -> list[Doubt]:
    return [one.doubt for one in reckon(flows, FIFO, {USD, EUR}, [START + timedelta(days=99)], own_money=USD)[1]]


AMOUNTS = st.decimals("0", "1000000", places=6)
QUANTITIES = st.decimals("0.000001", "1000000", places=6)


@st.composite
def flows_of_a_coin(draw: st.DrawFn) -> list[Flow]:
    """Of every kind, some of more than is held."""
    ways = draw(st.lists(st.sampled_from([way for way in Way if way is not Way.UNEXPLAINED]), max_size=20))
    found = []
    for hours, way in enumerate(ways):
        quantity = draw(QUANTITIES | st.sampled_from([Decimal(1), Decimal(3)]))
        amount, value, fee = draw(AMOUNTS), draw(AMOUNTS), draw(st.just(Decimal(0)) | AMOUNTS)
        sign = 1 if way in INCOMING else -1
        found.append(Flow(COIN, way, START + timedelta(hours=hours), sign * quantity, amount, value, fee))
    return found


def cost_of_flows(flows: Sequence[Flow], method: CostBasisMethod) -> Decimal:
    """What was put in less what came out, reckoned from outside: what left unsold leaves at the cost that is then gone.

    Each fee was put in as well.
    """
    total = Decimal(0)
    for place, one in enumerate(flows):
        total = EXACT.add(total, one.fee or Decimal(0))
        if one.way in (Way.BUY, Way.DEPOSIT):
            total = EXACT.add(total, one.amount or Decimal(0))
        elif one.way is Way.SELL:
            total = EXACT.subtract(total, one.amount or Decimal(0))
        elif one.way is Way.WITHDRAWAL:
            before, after = stand([*flows[:place], NOTHING], method), stand(flows[: place + 1], method)
            total = EXACT.subtract(total, EXACT.subtract(before.cost or Decimal(0), after.cost or Decimal(0)))
    return total


NOTHING = flow(Way.FEE, "0", "0")


def covered(flows: Sequence[Flow]) -> list[Flow]:
    """Those of them that do not take out more than there is."""
    held, found = Decimal(0), []
    for one in flows:
        if held + one.quantity >= 0:
            held += one.quantity
            found.append(one)
    return found


@given(flows_of_a_coin().map(covered), BOTH, AMOUNTS)
def test_all_gains_together_are_the_end_value_less_what_the_flows_have_cost(
    flows: list[Flow], method: CostBasisMethod, end: Decimal
) -> None:
    standing = stand([*flows, NOTHING], method)
    assert standing.cost is not None
    assert standing.realised is not None
    assert standing.income is not None

    gains = EXACT.add(EXACT.subtract(end, standing.cost), EXACT.add(standing.realised, standing.income))

    assert gains == EXACT.subtract(end, cost_of_flows(flows, method))


@given(flows_of_a_coin(), BOTH)
def test_what_is_held_is_what_came_in_less_what_went_out(flows: list[Flow], method: CostBasisMethod) -> None:
    assert stand([*flows, NOTHING], method).quantity == sum((one.quantity for one in flows), Decimal(0))


@given(flows_of_a_coin().map(lambda flows: [one for one in flows if one.way is not Way.WITHDRAWAL]), AMOUNTS)
def test_fifo_and_average_are_the_same_when_all_is_sold(flows: list[Flow], amount: Decimal) -> None:
    """Even when some was sold before it came in."""
    held = sum((one.quantity for one in flows), Decimal(0))
    way = Way.SELL if held > 0 else Way.BUY
    closed = [*flows, Flow(COIN, way, START + timedelta(days=9), -held, amount, amount, Decimal(0)), NOTHING]

    first, average = stand(closed, FIFO), stand(closed, AVERAGE)

    assert first == average
    assert first.quantity == 0
    assert first.cost == 0


@given(flows_of_a_coin(), BOTH)
def test_a_cost_is_nothing_when_nothing_is_held(flows: list[Flow], method: CostBasisMethod) -> None:
    found, _ = reckon(flows, method, (), [one.at for one in flows])

    assert [stood[COIN].cost for stood in found if stood[COIN].quantity <= 0] == [
        0 for stood in found if stood[COIN].quantity <= 0
    ]


@given(flows_of_a_coin(), BOTH)
def test_every_instant_stands_as_if_it_were_the_last(flows: list[Flow], method: CostBasisMethod) -> None:
    found, _ = reckon(flows, method, (), [one.at for one in flows])

    assert found == [{COIN: stand(flows[: place + 1], method)} for place in range(len(flows))]


def test_a_share_that_has_no_end_leaves_the_rest_where_it_was() -> None:
    bought, sold = flow(Way.BUY, "3", "100"), flow(Way.SELL, "-1", "40")
    once, thrice = stand([bought, sold]), stand([bought, sold, sold, sold])

    assert once.cost is not None
    assert once.realised is not None
    assert (round_amount(once.cost), round_amount(once.realised)) == (
        Decimal("66.666666666666666667"),
        Decimal("6.666666666666666667"),
    )
    assert thrice == Standing(Decimal(0), Decimal(0), Decimal(20), Decimal(0))


def test_a_sale_of_more_than_is_held_brings_all_of_the_excess_until_something_comes_in_for_it() -> None:
    sold = flow(Way.SELL, "-3", "300")
    one, two = flow(Way.BUY, "1", "90"), flow(Way.BUY, "3", "330", hours=2)

    assert stand([one, sold]) == Standing(Decimal(-2), Decimal(0), Decimal(210), Decimal(0))
    assert stand([one, sold, two]) == Standing(Decimal(1), Decimal(110), Decimal(-10), Decimal(0))
    assert doubts(one, sold, two) == [Doubt.OVERDRAWN]


def test_what_went_out_unsold_before_it_came_in_makes_no_gain() -> None:
    flows = [flow(Way.WITHDRAWAL, "-1", "100"), flow(Way.DEPOSIT, "1", "90", hours=1)]

    assert stand(flows) == Standing(Decimal(0), Decimal(0), Decimal(0), Decimal(0))


def test_a_cost_that_nobody_knows_is_none_until_it_is_gone() -> None:
    unknown, known = flow(Way.DEPOSIT, "1", None), flow(Way.BUY, "1", "100", hours=1)
    gone = flow(Way.WITHDRAWAL, "-1", "5", hours=2)

    for method in CostBasisMethod:
        assert stand([unknown, known], method).cost is None
        assert stand([unknown, known, gone, gone], method).cost == 0
    assert stand([unknown, known, gone], FIFO).cost == 100
    assert stand([unknown, known, gone], AVERAGE).cost is None
    assert doubts(unknown, known, gone) == [Doubt.NO_COST]


def test_what_was_gained_by_a_sale_is_not_known_without_its_cost_its_price_or_its_fee() -> None:
    bought = flow(Way.BUY, "1", "100")
    for bad in (
        [flow(Way.DEPOSIT, "1", None), flow(Way.SELL, "-1", "120")],
        [bought, flow(Way.SELL, "-1", None)],
        [bought, flow(Way.SELL, "-1", "120", fee=None)],
    ):
        assert stand(bad).realised is None
        assert len(doubts(*bad)) == 1


def test_a_report_that_nothing_explains_brings_coins_of_unknown_cost_and_takes_them_without_a_gain() -> None:
    bought = flow(Way.BUY, "2", "100")
    more, less = flow(Way.UNEXPLAINED, "1", "60", hours=1), flow(Way.UNEXPLAINED, "-1", "60", hours=1)

    assert stand([bought, more]) == Standing(Decimal(3), None, Decimal(0), Decimal(0))
    assert stand([bought, less]) == Standing(Decimal(1), Decimal(50), Decimal(0), Decimal(0))
    assert (doubts(bought, more), doubts(bought, less)) == ([Doubt.REPORTED_MORE], [Doubt.REPORTED_LESS])


@given(flows_of_a_coin())
def test_money_of_the_currency_itself_costs_what_it_is(flows: list[Flow]) -> None:
    own = [
        one._replace(asset_id=USD, amount=abs(one.quantity), value=abs(one.quantity), fee=Decimal(0)) for one in flows
    ]
    nothing = NOTHING._replace(asset_id=USD)

    standing = stand([*own, nothing], asset=USD)

    assert standing.cost == standing.quantity == sum((one.quantity for one in own), Decimal(0))
    assert standing.income == sum((one.quantity for one in own if one.way is Way.REWARD), Decimal(0))
    assert standing.realised == sum((one.quantity for one in own if one.way is Way.FEE), Decimal(0))


def test_other_money_that_nobody_explains_costs_what_it_is_worth() -> None:
    spent = flow(Way.SELL, "-100", "110", asset=EUR)
    reported = flow(Way.UNEXPLAINED, "100", "108", asset=EUR, hours=1)

    assert stand([spent], asset=EUR) == Standing(Decimal(-100), Decimal(0), Decimal(0), Decimal(0))
    assert stand([spent, reported], asset=EUR) == Standing(Decimal(0), Decimal(0), Decimal(2), Decimal(0))
    assert doubts(spent, reported) == []
