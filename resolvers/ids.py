"""Opaque global ids: the type's name and the row's key."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Container
from functools import lru_cache

from resolvers.errors import ApiError, Code


@lru_cache(maxsize=10_000)  # the same coins are asked for again and again
def encode_id(type_name: str, key: int) -> str:
    return base64.urlsafe_b64encode(f"{type_name}:{key}".encode()).decode().rstrip("=")


def decode_id(type_name: str, id_: str) -> int:
    """The row's key; BAD_INPUT when the id is of another type or none at all."""
    name, key = _split(id_)
    if name != type_name or key is None:
        raise ApiError(Code.BAD_INPUT, f"{id_[:64]!r} is not the id of a {type_name}", field=["id"])
    return key


def split_id(id_: str, type_names: Container[str]) -> tuple[str, int]:
    """Type and key; BAD_INPUT when the id is of none of the types."""
    name, key = _split(id_)
    if name not in type_names or key is None:
        raise ApiError(Code.BAD_INPUT, f"{id_[:64]!r} is no id; pass one as it was given", field=["id"])
    return name, key


def _split(id_: str) -> tuple[str, int | None]:
    try:
        name, _, key = base64.urlsafe_b64decode(id_ + "=" * (-len(id_) % 4)).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", None
    return name, int(key) if key.isdecimal() and len(key) <= 18 else None
