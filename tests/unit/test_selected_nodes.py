"""What is selected inside a field, however it is written."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

from graphql import FragmentDefinitionNode, OperationDefinitionNode, parse

from schema.common import Info, count_fields, selected_names


def info_of(text: str) -> Info:
    """As the resolver of the first field gets it."""
    operation, *fragments = parse(text).definitions
    assert isinstance(operation, OperationDefinitionNode)
    named = {one.name.value: one for one in fragments if isinstance(one, FragmentDefinitionNode)}
    raw = SimpleNamespace(field_nodes=operation.selection_set.selections[:1], fragments=named)
    return cast("Info", SimpleNamespace(_raw_info=raw))


def test_fields_in_fragments_are_selected_like_any_other() -> None:
    info = info_of("""
        { points { time ...prices ... on PricePoint { state provider { code } } a: price } other }
        fragment prices on PricePoint { price ...volumes }
        fragment volumes on PricePoint { volume24h }
    """)

    assert list(selected_names(info)) == ["points", "time", "price", "volume24h", "state", "provider", "code", "price"]
    assert count_fields(info) == 6


def test_a_fragment_that_is_spread_often_is_looked_through_once() -> None:
    """Written out, the last one would be there 2^50 times."""
    chain = " ".join(f"fragment f{level} on Coin {{ ...f{level + 1} ...f{level + 1} }}" for level in range(50))
    info = info_of(f"{{ coin {{ ...f0 ...f0 }} }} {chain} fragment f50 on Coin {{ slug }}")

    assert list(selected_names(info)) == ["coin", "slug"]
    assert count_fields(info) == 1
