"""Loaders that belong to the object they load with."""

from __future__ import annotations

from strawberry.dataloader import DataLoader


def forget_loaders(holder: object) -> None:
    """They hold it, and it holds them: only a garbage collection would free either, with all that was loaded."""
    attributes = vars(holder)
    for name in [name for name, value in attributes.items() if type(value) is DataLoader]:
        del attributes[name]
