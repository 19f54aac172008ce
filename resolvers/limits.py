"""What one request may ask for; told to clients in `server { limits }`."""

from __future__ import annotations

from dataclasses import dataclass

from resolvers.paging import MAX_PAGE_SIZE


@dataclass(frozen=True)
class Limits:
    """Counts. A body is in bytes; tokens, aliases and depth are of the GraphQL document, portfolios and accounts of
    one owner.
    """

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
    max_import_bytes: int = 10_000_000
    max_import_rows: int = 100_000
    max_portfolios: int = 100
    max_accounts: int = 1_000

    @property
    def max_import_body_bytes(self) -> int:
        """A file is longer as JSON: each quote and each end of a line takes two bytes."""
        return self.max_body_bytes + 2 * self.max_import_bytes
