"""How many queries a process keeps by their hash, and which ones it forgets."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricegraph.persisted_queries import PersistedQueries, PersistedQueryNotFound


def keep(queries: PersistedQueries, query: str) -> str:
    key = sha256(query.encode()).hexdigest()
    queries.keep(key, query)
    return key


def knows(queries: PersistedQueries, key: str) -> bool:
    try:
        queries.find(key)
    except PersistedQueryNotFound:
        return False
    return True


def test_a_query_is_found_by_its_hash_and_no_other_is() -> None:
    queries = PersistedQueries()
    key = keep(queries, "{ a }")

    assert queries.find(key) == "{ a }"
    with pytest.raises(PersistedQueryNotFound):
        queries.find(key.upper())


def test_the_one_that_was_not_used_for_longest_is_forgotten_first() -> None:
    queries = PersistedQueries(most_bytes=1_100)  # room for two
    first, second = keep(queries, "{ a }"), keep(queries, "{ b }")
    queries.find(first)

    third = keep(queries, "{ c }")

    assert [knows(queries, key) for key in (first, second, third)] == [True, False, True]


def test_what_is_larger_than_everything_together_may_be_is_not_kept() -> None:
    queries = PersistedQueries(most_bytes=510)

    assert not knows(queries, keep(queries, "{ abcdefgh }"))


@given(st.lists(st.text(max_size=12)))
def test_neither_their_number_nor_their_size_grows_without_end(sent: list[str]) -> None:
    queries = PersistedQueries(most_bytes=2_020)
    for query in sent:
        keep(queries, query)

    kept = {query for query in sent if knows(queries, sha256(query.encode()).hexdigest())}

    assert len(kept) <= 4
    assert not sent or sent[-1] in kept
