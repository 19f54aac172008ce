"""The providers, and how much they may be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from db.providers import ProviderState, list_provider_states

if TYPE_CHECKING:
    from resolvers.context import Context


async def resolve_providers(context: Context) -> list[ProviderState]:
    async with context.database.connection() as connection:
        return await list_provider_states(connection, context.now)
