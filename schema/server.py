"""The server about itself."""

from __future__ import annotations

import hashlib
from functools import cache

import strawberry

from db.providers import any_simulated
from db.store import read_store_async
from resolvers import limits
from schema.common import Info
from schema.enums import Store


@strawberry.type(description="What one request may ask for.")
class Limits:
    max_points_per_series: int = strawberry.field(description="More points are cut; `nextFrom` goes on.")
    max_points_per_query: int = strawberry.field(description="Buckets of all series of one request.")
    max_values_per_query: int = strawberry.field(description="Points times fields of them, each alias counted anew.")
    max_coins_per_batch: int = strawberry.field(description="Coins in one `priceHistory`.")
    max_page_size: int = strawberry.field(description="`first` of any list.")
    max_depth: int = strawberry.field(description="Nesting of fields.")
    max_aliases: int = strawberry.field(description="Aliases in a document.")
    max_alias_length: int = strawberry.field(description="Characters of an alias: every item of a list repeats it.")
    max_tokens: int = strawberry.field(description="Tokens in a document.")
    max_body_bytes: int = strawberry.field(
        description="Bytes of a request's body; more where the token may import transactions."
    )
    max_import_bytes: int = strawberry.field(description="Bytes of all files in `importTransactions`.")
    max_import_rows: int = strawberry.field(description="Rows of such a file.")
    max_portfolios: int = strawberry.field(description="Portfolios of one owner.")
    max_accounts: int = strawberry.field(description="Accounts of one owner, in all portfolios.")

    @classmethod
    def from_limits(cls, given: limits.Limits) -> Limits:
        return cls(**vars(given))


@strawberry.type(description="The server about itself.")
class ServerInfo:
    version: str = strawberry.field(description="Version of pricegraph.")
    schema_hash: str = strawberry.field(description="SHA-256 of the SDL at `/schema.graphql`: changes with the schema.")
    limits: Limits = strawberry.field(description="What one request may ask for.")

    @strawberry.field(description="What the database offers.")
    async def store(self, info: Info) -> Store:
        async with info.context.reads.connection() as connection:
            return Store((await read_store_async(connection)).value)

    @strawberry.field(description="Whether prices come from the simulator: then they are invented.")
    async def simulated(self, info: Info) -> bool:
        async with info.context.reads.connection() as connection:
            return await any_simulated(connection)


@cache
def schema_hash() -> str:
    from schema.schema import sdl  # which holds this module's types

    return hashlib.sha256(sdl().encode()).hexdigest()


@strawberry.type
class ServerQueries:
    @strawberry.field(description="The server about itself.")
    def server(self, info: Info) -> ServerInfo:
        return ServerInfo(
            version=info.context.settings.version,
            schema_hash=schema_hash(),
            limits=Limits.from_limits(info.context.settings.limits),
        )
