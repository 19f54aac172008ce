"""What a portfolio has cost and gained."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated

import strawberry

from db.currencies import CurrencyRow
from resolvers.decimals import round_amount
from resolvers.gains import AssetGain, GainsView
from schema.accounts import COIN, CURRENCY
from schema.coins import Coin
from schema.currencies import Currency
from schema.enums import CostBasisMethod
from schema.money import Money

CostBasisArgument = Annotated[
    CostBasisMethod, strawberry.argument(description="Which go first when some of a coin go: it decides what is left.")
]
_COST = "What was paid for what is held, fees included; null when that is not all known."
_UNREALISED = "`value` - `costBasis`; null when one of them is not known."
_REALISED = "What sales brought above cost, less what was paid as fees in kind; null when that is not all known."
_INCOME = "Rewards, at their value when they came in; that is their cost, too. Null when that is not all known."


@strawberry.type(description="One coin, or one money, over all accounts of a portfolio.")
class AssetGains:
    coin: Coin | None = strawberry.field(description=COIN)
    currency: Currency | None = strawberry.field(description=CURRENCY)
    quantity: Decimal = strawberry.field(description="How much is held, or is between two accounts.")
    cost_basis: Money | None = strawberry.field(description=_COST)
    average_cost: Money | None = strawberry.field(
        description="`costBasis` / `quantity`; null without one of them, and when nothing is held."
    )
    value: Money | None = strawberry.field(description="What is held was worth; null without a price.")
    unrealised_gain: Money | None = strawberry.field(description=_UNREALISED)
    realised_gain: Money | None = strawberry.field(description=_REALISED)
    income: Money | None = strawberry.field(description=_INCOME)

    @classmethod
    def from_view(cls, view: AssetGain, currency: CurrencyRow) -> AssetGains:
        asset, standing = view.asset, view.standing
        return cls(
            coin=Coin.from_row(asset.coin) if asset.coin else None,
            currency=Currency.from_row(asset.currency) if asset.currency else None,
            quantity=round_amount(standing.quantity),
            cost_basis=Money.of_known(standing.cost, currency),
            average_cost=Money.of_known(view.average_cost, currency),
            value=Money.of_known(view.value, currency),
            unrealised_gain=Money.of_known(view.unrealised, currency),
            realised_gain=Money.of_known(standing.realised, currency),
            income=Money.of_known(standing.income, currency),
        )


@strawberry.type(
    description="What was gained with all that was ever held, up to an instant. `unrealisedGain` + `realisedGain` + "
    "`income` is everything; what left without being sold left at its cost."
)
class Gains:
    at: datetime = strawberry.field(description="The instant.")
    method: CostBasisMethod = strawberry.field(description="The one asked for.")
    assets: list[AssetGains] = strawberry.field(description="Each asset, those that are no longer held, too.")
    cost_basis: Money | None = strawberry.field(description=_COST)
    value: Money | None = strawberry.field(description="What is held was worth; null unless all of it has a price.")
    unrealised_gain: Money | None = strawberry.field(description=_UNREALISED)
    realised_gain: Money | None = strawberry.field(description=_REALISED)
    income: Money | None = strawberry.field(description=_INCOME)
    complete: bool = strawberry.field(description="Whether all that the figures rest on is known.")
    warnings: list[str] = strawberry.field(description="What is not known, by coin and time; empty when all is.")

    @classmethod
    def from_view(cls, view: GainsView) -> Gains:
        return cls(
            at=view.at,
            method=CostBasisMethod[view.method.name],
            assets=[AssetGains.from_view(one, view.currency) for one in view.assets],
            cost_basis=Money.of_known(view.cost, view.currency),
            value=Money.of_known(view.value, view.currency),
            unrealised_gain=Money.of_known(view.unrealised, view.currency),
            realised_gain=Money.of_known(view.realised, view.currency),
            income=Money.of_known(view.income, view.currency),
            complete=not view.warnings,
            warnings=list(view.warnings),
        )
