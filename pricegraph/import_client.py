"""`pricegraph import transactions`: the mutation over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console

from pricegraph.refresh_client import FAILED, RefreshFailed, ask, open_client

PARTIAL = 1
# What is shown of a file: the rest is counted.
_SHOWN = 20

_MUTATION = """
mutation Import($input: ImportTransactionsInput!, $shown: Int!) {
  payload: importTransactions(input: $input) {
    applied new duplicate rejected ignored transactions
    wrong: rows(outcomes: [REJECTED], first: $shown) { line reason }
    fresh: rows(outcomes: [NEW], first: $shown) {
      line reason transactions { at kind quantity coin { slug } currency { code } }
    }
    errors { code message }
  }
}
"""


def import_transactions(url: str, token: str | None, request: dict[str, Any], console: Console) -> int:
    """Import, or try to; answers the command's exit code."""
    with open_client(url, token) as client:
        payload = ask(client, _MUTATION, {"input": request, "shown": _SHOWN})["payload"]
    for error in payload["errors"]:
        console.print(f"{error['code']}: {error['message']}")
    if payload["errors"]:
        return FAILED
    _report(payload, console)
    if not payload["rejected"]:
        return 0
    return PARTIAL if payload["new"] + payload["duplicate"] else FAILED


def read_text(path: Path) -> str:
    """The file, if it is UTF-8."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise RefreshFailed(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RefreshFailed(f"{path} is not in UTF-8; save it as CSV in UTF-8 and try again") from error


def _report(payload: dict[str, Any], console: Console) -> None:
    for row in payload["fresh"]:
        for one in row["transactions"]:
            asset = one["coin"]["slug"] if one["coin"] else one["currency"]["code"]
            console.print(f"line {row['line']}: {one['at']} {one['kind']} {one['quantity']} {asset}", markup=False)
    if payload["new"] > _SHOWN:
        console.print("…")
    for row in payload["wrong"]:
        console.print(f"line {row['line']} is rejected: {row['reason']}", markup=False)
    if payload["rejected"] > _SHOWN:
        console.print("…")
    words = "rows: {new} new, {duplicate} known already, {rejected} rejected, {ignored} that change nothing"
    console.print(words.format_map(payload))
    if payload["applied"]:
        console.print(f"{payload['transactions']} transactions are stored")
    else:
        console.print(f"{payload['transactions']} transactions would be stored: repeat it with --apply")
