"""Why figures of a portfolio are not known, or rest on what is not, in words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime

from db.assets import AssetRow
from resolvers.cost_basis import Doubt, Doubtful
from resolvers.instants import write_instant

_WORDS = {
    Doubt.NO_COST: "what came in has no unitPrice, and no price of that time is stored: its cost is not known",
    Doubt.NO_PROCEEDS: "what was sold has no unitPrice, and no price of that time is stored: its gain is not known",
    Doubt.NO_FEE: "no rate of that time is stored to convert the fee with",
    Doubt.OVERDRAWN: "more went out than was there; the excess has a cost of 0 until something comes in for it",
    Doubt.REPORTED_MORE: "the source reports more than the transactions make; the cost of the difference is not known",
    Doubt.REPORTED_LESS: "the source reports less than the transactions make; the difference left without a gain",
    Doubt.NO_VALUE: "no price of that time is stored, so it is not known how much money came or went",
    Doubt.REPORTED: "what the source reports beyond the transactions counts as paid in or out when it was reported",
}


def say_doubts(doubts: Iterable[Doubtful], assets: Mapping[int, AssetRow]) -> list[str]:
    """One sentence for each asset and kind, with the first time of it, however often it was."""
    found: dict[tuple[int, Doubt], list[datetime]] = defaultdict(list)
    for one in doubts:
        found[one.asset_id, one.doubt].append(one.at)
    return [
        f"{name_asset(assets[asset])}, {_say_times(times)}: {_WORDS[doubt]}" for (asset, doubt), times in found.items()
    ]


def say_unpriced(assets: Iterable[AssetRow], at: datetime) -> list[str]:
    return [f"{name_asset(asset)}, {write_instant(at)}: there is no price of the 26 hours before" for asset in assets]


def say_incomplete(labels: Iterable[str], at: datetime) -> list[str]:
    return [f"account {label!r}, {write_instant(at)}: not all that it held then is known" for label in labels]


def name_asset(asset: AssetRow) -> str:
    """The coin's slug, or the money's code."""
    if asset.coin:
        return asset.coin.slug
    assert asset.currency
    return asset.currency.code


def _say_times(times: list[datetime]) -> str:
    more = f" and {len(times) - 1:,} more times" if len(times) > 1 else ""
    return f"{write_instant(times[0])}{more}"
