"""The newest price of a coin."""

from __future__ import annotations

from datetime import datetime

import strawberry

from db.series import Granularity as StoredGranularity
from resolvers.freshness import judge_freshness, newest_buckets
from resolvers.latest import LatestView
from schema.common import Info
from schema.coverage import Freshness
from schema.currencies import Currency
from schema.enums import PROVIDERS, Provider


@strawberry.type(description="The newest price that is known, whatever its bucket.")
class LatestPrice:
    view: strawberry.Private[LatestView]
    price: float = strawberry.field(description="In `currency`.")
    currency: Currency = strawberry.field(description="What the price is in.")
    market_cap: float | None = strawberry.field(
        description="In `currency`; null where the provider has no such figure."
    )
    volume24h: float | None = strawberry.field(
        description="Traded in the 24 hours before, in `currency`; null where the provider has no such figure."
    )
    change24h_percent: float | None = strawberry.field(
        description="Against the stored hour nearest to 24 hours earlier; null when that is not stored."
    )
    observed_at: datetime = strawberry.field(description="The provider's stamp of the price.")
    provider: Provider = strawberry.field(description="Who gave it.")
    fx_rate: float | None = strawberry.field(
        description="What the stored price was multiplied by, when it was converted."
    )
    fx_rate_at: datetime | None = strawberry.field(
        description="The hour that the rate is from: at most 3 days before the price, never later."
    )

    @strawberry.field(description="Whether it is as young as it should be.")
    def freshness(self, info: Info) -> Freshness:
        (row, quote), now = self.view, info.context.now
        key = newest_buckets(row.coin_id, quote, StoredGranularity.HOURLY, now)
        return Freshness.from_view(judge_freshness(key, row.observed_at, now))

    @classmethod
    def from_view(cls, view: LatestView) -> LatestPrice:
        row, quote = view
        return cls(
            view=view,
            price=row.price,
            currency=Currency.from_row(quote.currency),
            market_cap=row.market_cap,
            volume24h=row.volume_24h,
            change24h_percent=view.change_percent if row.price_24h_ago else None,
            observed_at=row.observed_at,
            provider=PROVIDERS[row.provider_id],
            fx_rate=row.rate,
            fx_rate_at=row.rate_at,
        )
