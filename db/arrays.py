"""Lists of texts as parameters."""

from __future__ import annotations

from collections.abc import Iterable


def text_array(texts: Iterable[str]) -> str:
    """The literal of a text[] (PostgreSQL manual, 8.15.2), for a parameter that stands where one belongs.

    A list psycopg takes through a dozen functions of its own; texts it hands over as they are.
    """
    quoted = ['"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' for text in texts]
    return "{" + ",".join(quoted) + "}"
