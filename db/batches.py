"""Long lists in parts: so that no statement over thousands of things runs into its timeout."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def in_batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """All of the items in their order, `size` at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
