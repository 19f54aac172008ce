"""`pricegraph refresh`: the mutation over HTTP, for cron jobs and terminals."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

FAILED = 2
TRY_LATER = 75
_POLL_SECONDS = 1.0
_TIMEOUT = httpx.Timeout(60, connect=5)

_REFRESH = """
mutation Refresh($input: RefreshInput!) {
  refreshPrices(input: $input) {
    outcome
    run { ...Run }
    estimate { requests points seconds }
    errors { code message }
  }
}
"""
_RUN = """
fragment Run on RefreshRun {
  id status tasksTotal tasksDone requests rowsInserted rowsCorrected resumesAt exitCode
  tasks(status: [FAILED], first: 5) { nodes { coin { slug } currency { code } error { message } } }
}
"""
_POLL = "query Poll($id: ID!) { refreshRun(id: $id) { ...Run } }"


class RefreshFailed(Exception):
    """`exit_code` is what the command ends with."""

    def __init__(self, message: str, exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def refresh(url: str, token: str | None, request: dict[str, Any], console: Console) -> int:
    """Start a refresh and see it through; answers the run's exit code."""
    with open_client(url, token) as client:
        payload = ask(client, _REFRESH + _RUN, {"input": request})["refreshPrices"]
        for error in payload["errors"]:
            console.print(f"{error['code']}: {error['message']}")
        if payload["outcome"] == "REJECTED":
            return FAILED
        if payload["outcome"] == "PLANNED":
            estimate = payload["estimate"]
            console.print("{requests} requests for {points} points, about {seconds} s".format_map(estimate))
            return 0
        if payload["run"] is None:
            console.print("nothing to do")
            return 0
        run = _follow(payload["run"], lambda id_: ask(client, _POLL + _RUN, {"id": id_})["refreshRun"], console)
    return _report(run, console)


def _follow(run: dict[str, Any], poll: Callable[[str], dict[str, Any]], console: Console) -> dict[str, Any]:
    """Until the run has ended, or waits for a provider: it goes on by itself then, without us."""
    columns = (TextColumn("requests"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("", total=run["tasksTotal"])
        while run["exitCode"] is None:
            progress.update(bar, completed=run["tasksDone"])
            time.sleep(_POLL_SECONDS)
            run = poll(run["id"])
    return run


def _report(run: dict[str, Any], console: Console) -> int:
    words = "{status}: {tasksDone} of {tasksTotal} tasks, {rowsInserted} new points, {rowsCorrected} corrected"
    console.print(words.format_map(run))
    for task in run["tasks"]["nodes"]:
        console.print(f"  {task['coin']['slug']} in {task['currency']['code']}: {task['error']['message']}")
    if run["resumesAt"]:
        console.print(f"it goes on by itself at {run['resumesAt']}")
    return int(run["exitCode"])


def open_client(url: str, token: str | None) -> httpx.Client:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return httpx.Client(base_url=url, headers=headers, timeout=_TIMEOUT)


def ask(client: httpx.Client, query: str, variables: dict[str, Any]) -> dict[str, Any]:
    """The data of an answer without errors; anything else is RefreshFailed, in words."""
    try:
        answer = client.post("/graphql", json={"query": query, "variables": variables})
        body = answer.json()
    except httpx.HTTPError as error:
        raise RefreshFailed(
            f"the server at {client.base_url} cannot be reached ({type(error).__name__}); is PRICEGRAPH_URL right?",
            TRY_LATER,
        ) from error
    except ValueError as error:
        raise RefreshFailed(f"{client.base_url} answered something that is not pricegraph's") from error
    if body.get("errors"):
        first = body["errors"][0]
        raise RefreshFailed(f"{first.get('extensions', {}).get('code', 'ERROR')}: {first['message']}")
    data: dict[str, Any] = body["data"]
    return data
