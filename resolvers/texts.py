"""Text from clients on its way into a statement."""

from __future__ import annotations

import re

from resolvers.errors import ApiError, Code

# Nothing that is stored as a slug, symbol, name or key is longer.
MAX_TEXT_LENGTH = 200
# A name is one line, and moves no cursor of a terminal: control characters, and the ends of lines and paragraphs.
_NO_NAME = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


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


def check_name(text: str, *field: str) -> str:
    """What somebody calls something of theirs, without the spaces around it."""
    name = text.strip()
    if not name:
        raise ApiError(Code.BAD_INPUT, f"`{field[-1]}` is empty", field=field)
    if _NO_NAME.search(name):
        raise ApiError(Code.BAD_INPUT, f"`{field[-1]}` must be one line, without control characters", field=field)
    check_text(name, *field)
    return name
