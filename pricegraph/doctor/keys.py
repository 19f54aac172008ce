"""Whether the keys that accounts were given can be opened."""

from __future__ import annotations

from db.pool import Connection
from db.secrets import Vault, count_unreadable
from pricegraph.doctor.findings import Finding, ok, problem

_ADVICE = "set it to the key that they were stored with; several keys stand with commas"


async def check_keys(connection: Connection, vault: Vault | None) -> Finding:
    stored, unreadable = await count_unreadable(connection, vault)
    if not stored:
        return ok("keys", "no account has one")
    if vault is None:
        return problem("keys", f"accounts have {stored}, and PRICEGRAPH_ENCRYPTION_KEY is not set", _ADVICE)
    if unreadable:
        return problem("keys", f"PRICEGRAPH_ENCRYPTION_KEY opens {stored - unreadable} of {stored}", _ADVICE)
    return ok("keys", f"all {stored} of accounts can be opened")
