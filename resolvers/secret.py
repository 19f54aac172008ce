"""Texts that go in and never come out."""

from __future__ import annotations

from dataclasses import dataclass, field

# In characters; three times what the longest private key has.
_LONGEST = 10_000


@dataclass(frozen=True, slots=True)
class Secret:
    """Neither an error nor a log shows it."""

    text: str = field(repr=False)

    @classmethod
    def parse(cls, value: object) -> Secret:
        """Raises ValueError for what is no text, and for a text that is no key by its length."""
        if not isinstance(value, str):
            raise ValueError("a Secret is a string")
        if len(value) > _LONGEST:
            raise ValueError(f"a Secret has at most {_LONGEST:,} characters")
        return cls(value)
