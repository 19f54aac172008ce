"""How much there is, and where."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Scale:
    """So many coins in one currency, complete over so many days up to `end`, a midnight."""

    coins: int
    days: int
    end: datetime

    @property
    def start(self) -> datetime:
        return self.end - timedelta(days=self.days)

    @property
    def rows(self) -> int:
        """Of the hourly table."""
        return self.coins * self.days * 24


@dataclass(frozen=True)
class Stored:
    """A database of ours, and what is in it."""

    url: str
    scale: Scale
