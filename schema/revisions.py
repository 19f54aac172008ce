"""Changes of stored prices."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from db.revisions import RevisionRow, Values
from resolvers.instants import Instant
from schema.enums import PROVIDERS, Provider

# The first bitcoin block: no bucket is older.
THE_BEGINNING = Instant("2009-01-03T00:00:00Z")
SinceArgument = Annotated[
    Instant, strawberry.argument(name="from", description="Of buckets that begin at or after this instant.")
]
UntilArgument = Annotated[
    Instant, strawberry.argument(description="Of buckets that begin before this instant; now at the latest.")
]


@strawberry.type(description="What one source said about a bucket, in the series' currency.")
class RevisedValues:
    price: float = strawberry.field(description="The sample nearest to the bucket's start.")
    market_cap: float | None = strawberry.field(description="Market capitalisation; null where none was given.")
    volume24h: float | None = strawberry.field(
        description="Traded in the 24 hours before, rolling; null where none was given."
    )
    high: float | None = strawberry.field(description="Highest price inside the bucket; null where none was given.")
    low: float | None = strawberry.field(description="Lowest price inside the bucket; null where none was given.")
    provider: Provider = strawberry.field(description="Who said it.")
    observed_at: datetime = strawberry.field(
        description="The provider's stamp of the sample; for a price set by hand the start of its bucket."
    )

    @classmethod
    def from_values(cls, values: Values) -> RevisedValues:
        return cls(
            price=values.price,
            market_cap=values.market_cap,
            volume24h=values.volume_24h,
            high=values.high,
            low=values.low,
            provider=PROVIDERS[values.provider_id],
            observed_at=values.observed_at,
        )


@strawberry.type(
    description="A change of one bucket: its values became others, a better source took over, or a price set by hand "
    "came or went. Provisional samples that are confirmed are no change."
)
class PriceRevision:
    time: datetime = strawberry.field(description="Start of the bucket, UTC.")
    revision: int = strawberry.field(
        description="The bucket's changes are numbered from 1; the point that came of this one has the same `revision`."
    )
    before: RevisedValues = strawberry.field(description="What was stored until then.")
    after: RevisedValues | None = strawberry.field(
        description="What came in its place; null when a price set by hand was taken back and left a hole."
    )
    replaced_at: datetime = strawberry.field(description="When it was changed.")
    changed_by: str | None = strawberry.field(
        description="Whose token changed it by hand; null when a provider's answer did."
    )
    note: str | None = strawberry.field(description="Why, in the words of who changed it by hand.")

    @classmethod
    def from_row(cls, row: RevisionRow) -> PriceRevision:
        return cls(
            time=row.ts,
            revision=row.revision,
            before=RevisedValues.from_values(row.before),
            after=RevisedValues.from_values(row.after) if row.after else None,
            replaced_at=row.replaced_at,
            changed_by=row.changed_by,
            note=row.note,
        )
