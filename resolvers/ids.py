"""Opaque global ids: the type's name and the row's key."""

from __future__ import annotations

import base64
import binascii

from resolvers.errors import ApiError, Code


def encode_id(type_name: str, key: int) -> str:
    return base64.urlsafe_b64encode(f"{type_name}:{key}".encode()).decode().rstrip("=")


def decode_id(type_name: str, id_: str) -> int:
    """The row's key; BAD_INPUT when the id is of another type or none at all."""
    try:
        name, _, key = base64.urlsafe_b64decode(id_ + "=" * (-len(id_) % 4)).decode().partition(":")
    except (binascii.Error, ValueError):
        name, key = "", ""
    if name != type_name or not key.isdecimal() or len(key) > 18:
        raise ApiError(Code.BAD_INPUT, f"{id_[:64]!r} is not the id of a {type_name}", field=["id"])
    return int(key)
