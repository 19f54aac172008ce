"""What a portfolio holds, and what that was worth."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated

import strawberry

from resolvers.context import Context
from resolvers.decimals import round_amount
from resolvers.instants import Instant
from resolvers.valuation import HoldingView, ValuationView, ValuedView
from schema.accounts import COIN, CURRENCY, Account, make_account
from schema.coins import Coin
from schema.common import Info, selected_names
from schema.currencies import Currency
from schema.money import Money

_DETAILS = {"holdings", "unpriced"}
_COSTS = {"costBasis", "unrealisedGain"}
A_QUARTER_AGO = Instant("now-90d")
AtArgument = Annotated[Instant, strawberry.argument(description="The instant; now at the latest.")]
ValuationCurrencyArgument = Annotated[
    str | None,
    strawberry.argument(description="Code of a currency, such as `usd`. Left out: the portfolio's own."),
]


@strawberry.type(description="How much of one coin, or of one money, is in one account.")
class Holding:
    coin: Coin | None = strawberry.field(description=COIN)
    currency: Currency | None = strawberry.field(description=CURRENCY)
    quantity: Decimal = strawberry.field(
        description="What the last report before then says, moved on by the transactions since. Below zero when "
        "transactions are missing; never zero."
    )
    account: Account = strawberry.field(description="Where it is.")

    @classmethod
    def from_view(cls, context: Context, view: HoldingView) -> Holding:
        return cls(
            coin=Coin.from_row(view.asset.coin) if view.asset.coin else None,
            currency=Currency.from_row(view.asset.currency) if view.asset.currency else None,
            quantity=view.quantity,
            account=make_account(context, view.account),
        )


@strawberry.type(description="A holding and what it was worth.")
class HoldingValue:
    holding: Holding = strawberry.field(description="What was held.")
    price: float | None = strawberry.field(
        description="Of one, in the currency of the valuation: the newest known then, of the last 26 hours. Null when "
        "there is none, and when there is no rate to convert it with."
    )
    price_at: datetime | None = strawberry.field(
        description="The time of that price; of money that is converted, the time of the rate. Null for money of the "
        "same currency."
    )
    value: Money | None = strawberry.field(description="`quantity` x `price`, exactly; null without a price.")
    weight_percent: float | None = strawberry.field(
        description="Its share of `knownTotal`; null without a value, and when `knownTotal` is not above zero."
    )
    cost_basis: Money | None = strawberry.field(
        description="What was paid for it: its share of what was paid for all that the portfolio holds of it. Null "
        "when that is not known: `gains` says why."
    )
    unrealised_gain: Money | None = strawberry.field(
        description="`value` - `costBasis`; null when one of them is not known."
    )

    @classmethod
    def from_view(cls, context: Context, view: ValuedView, of: ValuationView) -> HoldingValue:
        price, value = view.price, view.value
        known = of.worth.known
        return cls(
            holding=Holding.from_view(context, view.holding),
            price=float(price.price) if price else None,
            price_at=(price.priced_at or price.rated_at) if price else None,
            value=Money.of_known(value, of.currency),
            weight_percent=None if value is None or known <= 0 else float(value) / float(known) * 100,
            cost_basis=Money.of_known(view.cost, of.currency),
            unrealised_gain=Money.of_known(view.gain, of.currency),
        )


@strawberry.type(
    description="What a portfolio was worth at an instant, from the prices and rates known then: of a price the newest "
    "of the last 26 hours, of a rate the newest of the last 3 days, never a later one. Nothing is guessed: what has no "
    "price is not in the sum, and then there is no total."
)
class Valuation:
    at: datetime = strawberry.field(description="The instant.")
    total: Money | None = strawberry.field(
        description="Everything together. Null unless every holding is priced, and all that was held then is known."
    )
    known_total: Money = strawberry.field(description="The priced part: equal to `total` where there is one.")
    complete: bool = strawberry.field(description="Whether there is a total.")
    unpriced: list[Holding] = strawberry.field(description="What was held and has no price.")
    prices_as_of: datetime | None = strawberry.field(
        description="The time of the oldest price or rate in it; null when none was needed."
    )
    holdings: list[HoldingValue] = strawberry.field(description="What was held, by account.")
    incomplete_accounts: list[Account] = strawberry.field(
        description="Accounts of which it is not all known what they held: their transactions do not explain the first "
        "report of the source, which came later; they hold what no coin is known for; or their first sync has not "
        "ended, or a later one has read only a part of what is new."
    )

    @classmethod
    def from_view(cls, context: Context, view: ValuationView) -> Valuation:
        known = Money.of(round_amount(view.worth.known), view.currency)
        return cls(
            at=view.at,
            total=known if view.complete else None,
            known_total=known,
            complete=view.complete,
            unpriced=[Holding.from_view(context, one.holding) for one in view.holdings if one.price is None],
            prices_as_of=view.worth.priced_at,
            holdings=[HoldingValue.from_view(context, one, view) for one in view.holdings],
            incomplete_accounts=[make_account(context, account) for account in view.incomplete],
        )


def charge_valuations(info: Info, views: Sequence[ValuationView]) -> None:
    """Count what is about to be written: each field of every valuation, or of every holding in it."""
    items = sum(max(1, len(view.holdings)) for view in views)
    info.context.charge_values(items * len(selected_names(info)))


def wants_details(info: Info) -> bool:
    """Whether the single holdings of a valuation are asked for: they cost more than their sum."""
    return not _DETAILS.isdisjoint(selected_names(info))


def wants_costs(info: Info) -> bool:
    """Whether it is asked what holdings have cost: all transactions are read for that."""
    return not _COSTS.isdisjoint(selected_names(info))
