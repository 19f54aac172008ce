"""What a client takes, by weight: its headers `Accept` and `Accept-Encoding` (RFC 9110, 12.4.2 to 12.5.3)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"

_WEIGHT = re.compile(r";\s*q=([01](?:\.\d*)?)\s*(?:;|$)", re.IGNORECASE)


@lru_cache(maxsize=64)  # most clients say the same each time
def choose_media_type(accept: str | None) -> str | None:
    """The specification's own type where it is named, else JSON; None when the client takes neither."""
    if accept is None:
        return JSON
    weights = _read_weights(accept)
    if weights.get(GRAPHQL_JSON):
        return GRAPHQL_JSON
    return JSON if _weigh(weights, JSON, "application/*", "*/*") else None


@lru_cache(maxsize=64)
def choose_encoding(accept_encoding: str | None, known: Sequence[str]) -> str | None:
    """The one of these that weighs most, the first among equals; None for the answer as it is.

    That goes out even to a client which refuses it and everything else: it may read it all the same.
    """
    if not accept_encoding:
        return None
    weights = _read_weights(accept_encoding)
    best = max(known, key=lambda name: _weigh(weights, name, "*"))
    weight = _weigh(weights, best, "*")
    return best if weight and weight >= weights.get("identity", 0.0) else None


def _weigh(weights: dict[str, float], *names: str) -> float:
    """Names come with the most specific first; that one counts, even if a wider one weighs more."""
    return next((weights[name] for name in names if name in weights), 0.0)


def _read_weights(header: str) -> dict[str, float]:
    """Names in lower case; 1 where no weight is given, 0 where the client refuses."""
    weights = {}
    for part in header.split(","):
        name, _, _ = part.partition(";")
        weight = _WEIGHT.search(part) if len(name) < len(part) else None
        weights[name.strip().lower()] = float(weight[1]) if weight else 1.0
    return weights
