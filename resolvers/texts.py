"""Text from clients on its way into a statement."""

from __future__ import annotations

from resolvers.errors import ApiError, Code

# Nothing that is stored as a slug, symbol, name or key is longer.
MAX_TEXT_LENGTH = 200


def can_be_stored(text: str) -> bool:
    """Whether any stored text could be this one: PostgreSQL's know no NUL."""
    return len(text) <= MAX_TEXT_LENGTH and "\0" not in text


def check_text(text: str | None, *field: str) -> None:
    if text is not None and not can_be_stored(text):
        raise ApiError(
            Code.BAD_INPUT,
            f"`{field[-1]}` must have at most {MAX_TEXT_LENGTH} characters, none of them NUL",
            field=field,
        )
