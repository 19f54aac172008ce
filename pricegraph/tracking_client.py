"""`pricegraph track` and `untrack`: the mutations over HTTP."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from pricegraph.refresh_client import FAILED, ask, open_client

PARTIAL = 1

_MUTATION = """
mutation Track($slugs: [String!]!) {{
  payload: {field}(slugs: $slugs) {{
    coins {{ slug }}
    run {{ tasksTotal tasksDone }}
    errors {{ code message }}
  }}
}}
"""


def track(url: str, token: str | None, slugs: Sequence[str], tracked: bool, console: Console) -> int:
    """Track the coins, or stop that; answers the command's exit code."""
    query = _MUTATION.format(field="trackCoins" if tracked else "untrackCoins")
    with open_client(url, token) as client:
        payload = ask(client, query, {"slugs": list(slugs)})["payload"]
    for error in payload["errors"]:
        console.print(f"{error['code']}: {error['message']}")
    if payload["coins"]:
        done = ", ".join(coin["slug"] for coin in payload["coins"])
        console.print(f"{'tracked' if tracked else 'not tracked any more'}: {done}")
    if payload["run"]:
        waiting = payload["run"]["tasksTotal"] - payload["run"]["tasksDone"]
        console.print(f"{waiting} requests for their history are queued; `pricegraph refresh` waits for them")
    if not payload["errors"]:
        return 0
    return PARTIAL if payload["coins"] else FAILED
