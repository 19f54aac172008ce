"""What is made of CoinGecko's words about coins: nothing that is no text, no address, or markup."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.catalogue import CatalogueEntry
from ingest.providers.coingecko_catalogue import ListItem, Market, Page, to_entries, to_market_entries, to_profile


def page(**given: Any) -> Page:
    return msgspec.convert(given, Page)


def described(text: str) -> str | None:
    return to_profile(page(description={"en": text})).description


def test_a_list_keeps_ids_as_they_are_and_the_addresses_of_contracts() -> None:
    item = ListItem("Gem", "gem", "Gem", {"tron": "TR7N", "ethereum": "0xdAC1", "": "", "base": None})

    assert to_entries([item]) == [CatalogueEntry("Gem", "gem", "Gem", ["ethereum:0xdAC1", "tron:TR7N"])]


@pytest.mark.parametrize(
    "item",
    [
        ListItem("", "a", "A"),
        ListItem("a", None, "A"),
        ListItem("a", "", "A"),
        ListItem("a", "a", None),
        ListItem("a", "a", "A\0"),
        ListItem("a" * 201, "a", "A"),
    ],
)
def test_a_coin_without_a_usable_id_symbol_or_name_is_left_out_and_its_neighbours_are_kept(item: ListItem) -> None:
    assert [entry.provider_coin_id for entry in to_entries([item, ListItem("b", "b", "B")])] == ["b"]


def test_a_picture_is_an_address_or_none() -> None:
    pictures = ["https://x.example/a.png", "missing_large.png", None, "javascript:alert(1)"]

    entries = to_market_entries([Market("a", "a", "A", 1, picture) for picture in pictures])

    assert [entry.image_url for entry in entries] == ["https://x.example/a.png", None, None, None]
    assert {entry.coin.contracts for entry in entries} == {None}


@pytest.mark.parametrize(
    ("homepages", "expected"),
    [
        (["http://www.bitcoin.org", "", ""], "http://www.bitcoin.org"),
        (["", None, " https://second.example/ "], "https://second.example/"),
        (["ftp://a.example", "javascript:alert(1)", "//b.example", "c.example", "https://", "https://d e"], None),
        (["https://a.example/" + "x" * 2_000], None),
        (["http://[broken"], None),
        ([], None),
        (None, None),
    ],
)
def test_a_homepage_is_the_first_http_address(homepages: list[str | None] | None, expected: str | None) -> None:
    assert to_profile(page(links={"homepage": homepages})).homepage == expected


@pytest.mark.parametrize(
    ("said", "plain"),
    [
        ('A <a href="https://x.example/?a=1&b=2">coin</a> &amp; more.', "A coin & more."),
        ("One.\r\n\r\nTwo.\rThree.<br/>Four.", "One.\n\nTwo.\nThree.\nFour."),
        ("If 1 < 2 and\t3 > 2.", "If 1 < 2 and 3 > 2."),
        (" A\x00B\x1b C\r\n", "A B C"),
    ],
)
def test_a_description_is_plain_text(said: str, plain: str) -> None:
    assert described(said) == plain


@pytest.mark.parametrize("said", [None, {"de": "…"}, {"en": " "}, {"en": None}])
def test_nothing_said_is_none(said: dict[str, str | None] | None) -> None:
    assert to_profile(page(description=said)) == (None, None, None)


@given(st.text())
def test_whatever_is_said_can_be_stored_and_has_bounds(text: str) -> None:
    found = described(text * 3_000)

    assert found is None or (0 < len(found) <= 10_000 and "\0" not in found and found == found.strip())
