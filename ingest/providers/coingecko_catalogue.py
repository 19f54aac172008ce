"""What CoinGecko says about coins: the list of them all, the ranked pages, and a coin's own page.

The shapes are those of its OpenAPI description (version 3.0.0). Texts are checked before they are believed: there are
coins without a picture whose `image` is no address, and descriptions with markup.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import unescape
from typing import TypeGuard
from urllib.parse import urlsplit

import msgspec

from db.catalogue import CatalogueEntry, MarketEntry
from db.profiles import Profile

# No slug, symbol or name that the API takes is longer.
_MAX_TEXT = 200
_MAX_ADDRESS = 2_000
_MAX_DESCRIPTION = 10_000
_BREAK = re.compile(r"<br\s*/?>|</p>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
# Every run of blanks within a line, and whatever is not meant to be read.
_BLANKS = re.compile(r"(?:[^\S\n]|[\x00-\x08\x0e-\x1f\x7f])+")

Platforms = dict[str, str | None]


class ListItem(msgspec.Struct):
    """A row of `/coins/list`. A symbol is no key, and an id has been seen twice in one answer."""

    id: str
    symbol: str | None = None
    name: str | None = None
    platforms: Platforms | None = None


class Market(msgspec.Struct):
    """A row of `/coins/markets`."""

    id: str
    symbol: str | None = None
    name: str | None = None
    market_cap_rank: int | None = None
    image: str | None = None


class _Links(msgspec.Struct):
    homepage: list[str | None] | None = None


class Page(msgspec.Struct):
    """`/coins/{id}`, as far as it is about the coin and not its market."""

    description: dict[str, str | None] | None = None
    links: _Links | None = None
    image: dict[str, str | None] | None = None


def to_entries(items: Sequence[ListItem]) -> list[CatalogueEntry]:
    """The coins of a list; a row without a usable id, symbol or name is left out."""
    return [
        CatalogueEntry(item.id, item.symbol, item.name, _contracts(item.platforms or {}))
        for item in items
        if _is_text(item.id) and _is_text(item.symbol) and _is_text(item.name)
    ]


def to_market_entries(items: Sequence[Market]) -> list[MarketEntry]:
    return [
        MarketEntry(CatalogueEntry(item.id, item.symbol, item.name), item.market_cap_rank, _address(item.image))
        for item in items
        if _is_text(item.id) and _is_text(item.symbol) and _is_text(item.name)
    ]


def to_profile(page: Page) -> Profile:
    homepages = [_address(one) for one in (page.links.homepage if page.links else None) or []]
    homepage = next((one for one in homepages if one), None)
    description = _plain((page.description or {}).get("en") or "") or None
    return Profile(description, homepage, _address((page.image or {}).get("large")))


def _contracts(platforms: Platforms) -> list[str]:
    """Addresses as they are written: on some platforms their case matters. A coin's own chain has none."""
    return sorted(f"{platform}:{address}" for platform, address in platforms.items() if platform and _is_text(address))


def _is_text(value: str | None) -> TypeGuard[str]:
    return value is not None and 0 < len(value) <= _MAX_TEXT and "\0" not in value


def _address(value: str | None) -> str | None:
    """An http(s) address; anything else is none."""
    value = (value or "").strip()
    if len(value) > _MAX_ADDRESS or not value.isprintable() or " " in value:
        return None
    try:
        parts = urlsplit(value)
    except ValueError:
        return None
    return value if parts.scheme in ("http", "https") and parts.hostname else None


def _plain(text: str) -> str:
    """Without markup, entities and control characters; at most 10,000 characters."""
    lines = unescape(_TAG.sub("", _BREAK.sub("\n", text))).replace("\r\n", "\n").replace("\r", "\n")
    return _BLANKS.sub(" ", lines).strip()[:_MAX_DESCRIPTION].rstrip()
