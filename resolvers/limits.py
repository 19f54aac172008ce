"""What one request may ask for; told to clients in `server { limits }`."""

from __future__ import annotations

from dataclasses import dataclass

from resolvers.paging import MAX_PAGE_SIZE


@dataclass(frozen=True)
class Limits:
    """Counts. A body is in bytes; tokens, aliases and depth are of the GraphQL document."""

    max_points_per_series: int = 10_000
    max_points_per_query: int = 100_000
    max_values_per_query: int = 500_000
    max_coins_per_batch: int = 1_000
    max_page_size: int = MAX_PAGE_SIZE
    max_depth: int = 15
    max_aliases: int = 30
    max_alias_length: int = 100
    max_tokens: int = 2_000
    max_body_bytes: int = 1_000_000
