"""Automatic persisted queries, as Apollo's clients and urql speak them: a hash stands for a query that was sent before.

A server that does not know the hash says so, and the client sends it again with the text. So each process keeps what it
has met, nothing is shared, and whatever is forgotten costs one request more.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from cachetools import LRUCache

from resolvers.errors import ApiError, Code

_VERSION = 1
_MOST_BYTES = 4_000_000
# Longer ones travel as text each time: a few of them would displace all others.
_LONGEST = 20_000
# What an entry takes besides its text, about.
_ENTRY_BYTES = 500


class PersistedQueryNotFound(ApiError):
    """Clients look for these very words."""

    def __init__(self) -> None:
        super().__init__(Code.PERSISTED_QUERY_NOT_FOUND, "PersistedQueryNotFound")


class PersistedQueries:
    """The queries that were used last, by the SHA-256 of their UTF-8 in hexadecimal digits."""

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._queries: LRUCache[str, str] = LRUCache(most_bytes, getsizeof=_size)

    def find(self, key: str) -> str:
        query = self._queries.get(key)
        if query is None:
            raise PersistedQueryNotFound
        return query

    def keep(self, key: str, query: str) -> None:
        """For queries that were found valid: whoever sends nonsense displaces nobody's."""
        if _size(query) <= min(_LONGEST, self._queries.maxsize):
            self._queries[key] = query


def read_key(extensions: Mapping[str, Any]) -> str | None:
    """The hash in a request's extensions; None in a request without."""
    given = extensions.get("persistedQuery")
    if given is None:
        return None
    if not isinstance(given, dict) or not isinstance(key := given.get("sha256Hash"), str):
        raise ApiError(Code.BAD_INPUT, '`persistedQuery` must read {"version": 1, "sha256Hash": "…"}')
    if given.get("version") != _VERSION:
        raise ApiError(Code.BAD_INPUT, f"`persistedQuery` must have version {_VERSION}")
    return key


def check_key(key: str, query: str) -> None:
    """BAD_INPUT for a hash that is not the query's: whoever sends it next would get another answer."""
    if key != sha256(query.encode()).hexdigest():
        raise ApiError(Code.BAD_INPUT, "`sha256Hash` must be the SHA-256 of `query`, in lower-case hexadecimal digits")


def _size(query: str) -> int:
    return len(query.encode()) + _ENTRY_BYTES
