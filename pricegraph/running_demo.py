"""The demo that runs on this machine, for commands that are to find it while nothing is set."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

import orjson
from pydantic import SecretStr

from pricegraph.demo import note_path, simulated_settings
from pricegraph.settings import Settings


def with_running_demo(settings: Settings) -> Settings:
    """The settings that the demo on PRICEGRAPH_DATA_DIR works with; unchanged with a DATABASE_URL, or if none runs.

    What is set wins. Its token goes to its own address only.
    """
    note = _read_note(settings) if settings.database_url is None else None
    if note is None:
        return settings
    found: dict[str, object] = {"database_url": SecretStr(note["database"]), "database_read_url": None}
    if "url" not in settings.model_fields_set:
        found |= {"url": note["urls"]["start"], "token": settings.token or SecretStr(note["token"])}
    if settings.encryption_key is None:
        found["encryption_key"] = SecretStr(note["encryption_key"])
    settings = settings.model_copy(update=found)
    return simulated_settings(settings, note["simulator"]) if note["simulator"] else settings


def _read_note(settings: Settings) -> dict[str, Any] | None:
    """None when there is no note, or only that of a demo that was killed or belongs to somebody else."""
    with suppress(FileNotFoundError, PermissionError, ProcessLookupError):
        note: dict[str, Any] = orjson.loads(note_path(settings).read_bytes())
        os.kill(note["pid"], 0)  # asks only whether the process lives
        return note
    return None
