"""Which encoding a client gets, by what it says it takes (RFC 9110, 12.5.3). Media types: see test_graphql_http."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricegraph.negotiation import choose_encoding

KNOWN = ("zstd", "br", "gzip")


@pytest.mark.parametrize(
    ("accept_encoding", "expected"),
    [
        (None, None),
        ("", None),
        ("gzip", "gzip"),
        ("gzip, deflate", "gzip"),
        ("gzip, deflate, br", "br"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("GZIP", "gzip"),
        ("deflate, compress", None),
        ("x-unknown;q=1, gzip;q=0.1", "gzip"),
        ("zstd;q=0.5, gzip", "gzip"),
        ("zstd;q=0.5,br;q=0.50,gzip;q=0.5", "zstd"),
        ("gzip ; q=0.2 , br ; q=0.3", "br"),
        ("gzip;Q=0.2, br;Q=0.3", "br"),
        ("*", "zstd"),
        ("zstd;q=0, *", "br"),
        ("*;q=0.1, gzip;q=0.2", "gzip"),
        ("*;q=0", None),
        ("gzip;q=0", None),
        ("gzip;q=0.000, br;q=0.0", None),
        ("gzip;q=0.001", "gzip"),
        ("identity", None),
        ("identity, gzip", "gzip"),
        ("identity;q=0.5, gzip;q=0.4", None),
        ("identity;q=0, *;q=0", None),
        ("identity;q=0", None),
        ("gzip;q=0.5;q=1, ,;;q=x", "gzip"),
    ],
)
def test_the_encoding_is_the_one_that_the_client_likes_most_and_we_do_among_equals(
    accept_encoding: str | None, expected: str | None
) -> None:
    assert choose_encoding(accept_encoding, KNOWN) == expected


@given(st.dictionaries(st.sampled_from([*KNOWN, "identity", "deflate"]), st.integers(0, 1000)))
def test_nothing_is_chosen_that_is_refused_or_liked_less_than_something_else(weights: dict[str, int]) -> None:
    header = ",".join(f"{name};q={weight / 1000:.3f}" for name, weight in weights.items())

    chosen = choose_encoding(header, KNOWN)

    ours = [weights.get(name, 0) for name in KNOWN]
    if chosen is None:
        assert max(ours) == 0 or max(ours) < weights["identity"]
    else:
        assert weights[chosen] == max(ours) > 0


@given(st.text(max_size=80))
def test_no_header_is_too_strange(header: str) -> None:
    assert choose_encoding(header, KNOWN) in {None, *KNOWN}
