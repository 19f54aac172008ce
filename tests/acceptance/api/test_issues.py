"""What clients see of the issues with the data."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from db.issues import Evidence, Finding, IssueKind, record_finding, resolve_issues
from db.pool import Database
from db.series import HOUR, Granularity, Series, Window, floor
from db.tokens import Scope, create_token
from tests.api import Api, add_coins, execute, iso
from tests.world import NOW, World

pytestmark = pytest.mark.slow

ISSUES = """
query Issues($states: [IssueState!], $kinds: [IssueKind!], $coin: String, $first: Int! = 50, $after: String) {
  dataIssues(states: $states, kinds: $kinds, coin: $coin, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor }
    nodes {
      id kind severity state coin { slug } currency { code } provider range { from to } message occurrences
      evidence(first: 2) { time value note } detectedAt lastSeenAt acknowledgedAt acknowledgedBy resolvedAt
    }
  }
}
"""
ACKNOWLEDGE = """
mutation Acknowledge($id: ID!) {
  acknowledgeIssue(id: $id) { issue { id state acknowledgedAt acknowledgedBy } errors { code message field } }
}
"""
COINGECKO = 2
WRONG = Evidence(NOW - HOUR, "null", "its price is no number")


@pytest.fixture
async def troubled(database: Database) -> Database:
    """Two coins: the first one with refused rows and, unknown to the provider, resolved; the second one with drift."""
    await add_coins(database, 2)
    hour = floor(NOW - HOUR, HOUR)
    rows = [WRONG, Evidence(None, "[]", "its stamp is no time"), WRONG]
    findings = [
        Finding(IssueKind.ID_NOT_FOUND, 1, None, COINGECKO, "CoinGecko does not know this coin (any more)"),
        Finding(IssueKind.REJECTED_ROWS, 1, 1, COINGECKO, "some rows…", 3, Window(hour, hour + HOUR), rows),
        Finding(IssueKind.SCHEMA_DRIFT, 2, 1, COINGECKO, "CoinGecko's schema changed"),
    ]
    async with database.transaction() as connection:
        for finding in findings:
            await record_finding(connection, finding, NOW)
        found = [IssueKind.REJECTED_ROWS]
        window = Window(hour, NOW)
        await resolve_issues(connection, Series(1, 1), COINGECKO, Granularity.HOURLY, window, found, NOW + HOUR)
    return database


async def issues(api: Api, **given: Any) -> dict[str, Any]:
    page: dict[str, Any] = (await api.ask(ISSUES, **given))["dataIssues"]
    return page


async def kinds(api: Api, **given: Any) -> list[str]:
    return [node["kind"] for node in (await issues(api, **given))["nodes"]]


async def test_an_issue_says_what_is_wrong_where_since_when_and_on_what_evidence(troubled: Database, api: Api) -> None:
    (issue,) = (await issues(api, kinds=["REJECTED_ROWS"]))["nodes"]

    assert issue.pop("id")
    assert issue == {
        "kind": "REJECTED_ROWS",
        "severity": "WARNING",
        "state": "OPEN",
        "coin": {"slug": "coin-1"},
        "currency": {"code": "usd"},
        "provider": "COINGECKO",
        "range": {"from": "2026-11-20T18:00:00Z", "to": "2026-11-20T19:00:00Z"},
        "message": "some rows…",
        "occurrences": 3,
        "evidence": [
            {"time": iso(NOW - HOUR), "value": "null", "note": "its price is no number"},
            {"time": None, "value": "[]", "note": "its stamp is no time"},
        ],
        "detectedAt": iso(NOW),
        "lastSeenAt": iso(NOW),
        "acknowledgedAt": None,
        "acknowledgedBy": None,
        "resolvedAt": None,
    }


async def test_issues_are_listed_newest_first_by_state_kind_and_coin(troubled: Database, api: Api) -> None:
    assert await kinds(api) == ["SCHEMA_DRIFT", "REJECTED_ROWS", "ID_NOT_FOUND"]
    assert await kinds(api, states=["OPEN", "ACKNOWLEDGED"]) == ["SCHEMA_DRIFT", "REJECTED_ROWS"]
    assert await kinds(api, states=["RESOLVED"]) == ["ID_NOT_FOUND"]
    assert await kinds(api, kinds=["SCHEMA_DRIFT", "ID_NOT_FOUND"]) == ["SCHEMA_DRIFT", "ID_NOT_FOUND"]
    assert await kinds(api, coin="coin-1", states=["OPEN"]) == ["REJECTED_ROWS"]
    assert await kinds(api, states=[]) == []
    assert (await issues(api, coin="coin-1"))["totalCount"] == 2
    first = await issues(api, first=2)
    rest = await issues(api, first=2, after=first["pageInfo"]["endCursor"])
    assert [node["kind"] for node in first["nodes"] + rest["nodes"]] == await kinds(api)
    assert (first["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (True, False)


async def test_a_resolved_issue_of_a_whole_coin_has_no_currency_and_no_range(troubled: Database, api: Api) -> None:
    (issue,) = (await issues(api, states=["RESOLVED"]))["nodes"]
    assert (issue["currency"], issue["range"], issue["severity"]) == (None, None, "ERROR")
    assert issue["resolvedAt"] == iso(NOW + HOUR)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [('coin: "nothing"', "NOT_FOUND"), ("first: 0", "BAD_INPUT"), ('after: "WyJydW5zIiwxXQ"', "BAD_INPUT")],
)
async def test_a_list_that_makes_no_sense_is_refused(database: Database, api: Api, arguments: str, code: str) -> None:
    error = await api.fail(f"{{ dataIssues({arguments}) {{ nodes {{ kind }} }} }}")
    assert error["extensions"]["code"] == code


async def test_acknowledging_says_who_and_when_and_once_is_enough(troubled: Database, api: Api) -> None:
    (issue,) = (await issues(api, kinds=["SCHEMA_DRIFT"]))["nodes"]
    for _ in range(2):
        payload = (await api.ask(ACKNOWLEDGE, id=issue["id"]))["acknowledgeIssue"]
        assert payload["errors"] == []
        assert payload["issue"] == {
            "id": issue["id"],
            "state": "ACKNOWLEDGED",
            "acknowledgedAt": iso(NOW),
            "acknowledgedBy": "operator",
        }


async def test_what_is_resolved_unknown_or_no_issue_cannot_be_acknowledged(troubled: Database, api: Api) -> None:
    async def refusal(id_: str) -> tuple[str, list[str]]:
        payload = (await api.ask(ACKNOWLEDGE, id=id_))["acknowledgeIssue"]
        assert payload["issue"] is None
        (error,) = payload["errors"]
        return error["code"], error["field"]

    (resolved,) = (await issues(api, states=["RESOLVED"]))["nodes"]
    assert await refusal(resolved["id"]) == ("CONFLICT", ["id"])
    await execute(troubled, "delete from data_issues where kind = 'ID_NOT_FOUND'")
    assert await refusal(resolved["id"]) == ("NOT_FOUND", ["id"])
    assert await refusal("nonsense") == ("BAD_INPUT", ["id"])


async def test_acknowledging_needs_the_scope_admin(troubled: Database, api: Api) -> None:
    async with troubled.connection() as connection:
        token = await create_token(connection, "importer", [Scope.IMPORT, Scope.REFRESH], NOW)
    (issue,) = (await issues(api, kinds=["SCHEMA_DRIFT"]))["nodes"]
    answer = await api.post(ACKNOWLEDGE, {"id": issue["id"]}, {"authorization": f"Bearer {token}"})
    assert answer.json()["data"]["acknowledgeIssue"]["errors"][0]["code"] == "FORBIDDEN"
    assert (await issues(api, kinds=["SCHEMA_DRIFT"]))["nodes"][0]["state"] == "OPEN"


async def test_what_a_worker_noticed_is_on_the_list_until_the_next_good_answer(known: World, world_api: Api) -> None:
    request = {"history_days": 3, "granularities": (Granularity.HOURLY,), "coins": ["bitcoin"]}
    await known.simulator.fault("negative", count=1)
    await known.refresh(**request)
    [damaged] = [entry["damaged"] for entry in await known.simulator.requests() if entry["fault"]]

    (issue,) = (await issues(world_api, coin="bitcoin"))["nodes"]
    assert (issue["kind"], issue["occurrences"]) == ("REJECTED_ROWS", damaged)
    assert issue["evidence"][0]["note"] == "its price is not above zero"

    known.clock.advance(timedelta(minutes=31))
    await known.refresh(**request | {"history_days": 4})
    (issue,) = (await issues(world_api, coin="bitcoin"))["nodes"]
    assert (issue["state"], issue["resolvedAt"]) == ("RESOLVED", iso(known.clock.now()))
