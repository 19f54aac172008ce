"""The command line against a real server: tokens, refreshes with their exit codes, and errors in plain words."""

from __future__ import annotations

from typing import Any

import httpx
import psycopg
import pytest

from tests.programs import call, environment

pytestmark = [pytest.mark.slow, pytest.mark.one_store]

CONTROL = "/_control/faults"
BITCOIN = ("refresh", "--coin", "bitcoin", "--currency", "usd", "--from", "now-2d", "--force")


@pytest.fixture
def env(demo: dict[str, Any]) -> dict[str, str]:
    """What a client's shell holds."""
    return environment(
        DATABASE_URL=demo["database"], PRICEGRAPH_URL=demo["urls"]["start"].rstrip("/"), PRICEGRAPH_TOKEN=demo["token"]
    )


def test_a_token_is_shown_once_may_refresh_and_ends_when_it_is_revoked(env: dict[str, str]) -> None:
    token = call("token", "create", "nightly", "--scope", "REFRESH", env=env).stdout.strip()
    own = env | {"PRICEGRAPH_TOKEN": token}

    assert call("refresh", env=own).returncode == 0
    listed = call("token", "list", env=env).stdout
    assert "nightly" in listed
    assert token not in listed
    assert call("token", "revoke", "nightly", env=env).returncode == 0
    refused = call("refresh", env=own)
    assert refused.returncode == 2
    assert "UNAUTHENTICATED" in refused.stdout + refused.stderr


def test_a_token_name_is_used_once(env: dict[str, str]) -> None:
    call("token", "create", "twice", "--scope", "REFRESH", env=env)

    again = call("token", "create", "twice", "--scope", "REFRESH", env=env)

    assert again.returncode == 2
    assert "choose another name" in again.stderr
    assert "Traceback" not in again.stderr


def test_a_token_has_an_owner_that_is_called_like_it_unless_told(env: dict[str, str]) -> None:
    call("token", "create", "phone-of-alice", "--owner", "alice", "--scope", "PORTFOLIO_READ", env=env)
    call("token", "create", "carol", "--scope", "PORTFOLIO_READ", env=env)

    listed = [line.split() for line in call("token", "list", env=env).stdout.splitlines()]

    owners = {cells[1]: cells[3] for cells in listed if len(cells) > 3}
    assert (owners["phone-of-alice"], owners["carol"]) == ("alice", "carol")
    assert call("token", "create", "nobodys", "--owner", " ", env=env).returncode == 2


def test_the_database_holds_no_token(env: dict[str, str]) -> None:
    token = call("token", "create", "secret", "--scope", "REFRESH", env=env).stdout.strip()

    with psycopg.connect(env["DATABASE_URL"]) as connection:
        rows = connection.execute("select api_tokens::text from api_tokens").fetchall()

    assert token.startswith("pg_")
    assert all(token not in row[0] for row in rows)


def test_refresh_says_what_it_did_and_ends_with_zero(env: dict[str, str]) -> None:
    done = call(*BITCOIN, env=env)

    assert done.returncode == 0
    assert "SUCCEEDED: 1 of 1 tasks" in done.stdout


def test_a_dry_run_says_what_it_would_cost(env: dict[str, str]) -> None:
    planned = call(*BITCOIN, "--dry-run", env=env)

    assert planned.returncode == 0
    assert "1 requests for" in planned.stdout


def test_a_refresh_that_fails_ends_with_two_and_says_why(env: dict[str, str], demo: dict[str, Any]) -> None:
    with httpx.Client(base_url=demo["simulator"]) as simulator:
        simulator.post(CONTROL, json={"provider": "coingecko", "kind": "404"})
        failed = call(*BITCOIN, env=env)
        simulator.delete(CONTROL)

    assert failed.returncode == 2
    assert "does not know this coin" in failed.stdout


def test_a_refresh_that_has_to_wait_ends_with_75_and_says_when_it_goes_on(
    env: dict[str, str], demo: dict[str, Any]
) -> None:
    with httpx.Client(base_url=demo["simulator"]) as simulator:
        simulator.post(CONTROL, json={"provider": "coingecko", "kind": "429", "arg": 120, "count": 1})
        waiting = call(*BITCOIN, env=env)
        simulator.delete(CONTROL)
        with psycopg.connect(env["DATABASE_URL"]) as connection:
            connection.execute("update provider_budget set blocked_until = null")

    assert waiting.returncode == 75
    assert "goes on by itself" in waiting.stdout


def test_refused_requests_end_with_two(env: dict[str, str]) -> None:
    unknown = call("refresh", "--coin", "btc", env=env)
    inverted = call("refresh", "--from", "now", "--to", "now-1d", env=env)
    no_token = call("refresh", env={name: value for name, value in env.items() if name != "PRICEGRAPH_TOKEN"})

    assert [answer.returncode for answer in (unknown, inverted, no_token)] == [2, 2, 2]
    assert "did you mean bitcoin" in unknown.stdout
    assert "RANGE_INVALID" in inverted.stdout
    assert "UNAUTHENTICATED" in no_token.stdout


def test_an_unreachable_server_is_something_to_try_later(env: dict[str, str]) -> None:
    nobody = call("refresh", env=env | {"PRICEGRAPH_URL": "http://127.0.0.1:9"})

    assert nobody.returncode == 75
    assert "PRICEGRAPH_URL" in nobody.stderr


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"DATABASE_URL": ""}, "DATABASE_URL"),
        ({"DATABASE_URL": "mysql://nobody:hunter2@127.0.0.1/x"}, "DATABASE_URL"),
        ({"DATABASE_URL": "postgresql://nobody:hunter2@127.0.0.1:9/x"}, "DATABASE_URL"),
        ({"PRICEGRAPH_HISTORY_DAYS": "many"}, "PRICEGRAPH_HISTORY_DAYS"),
        ({"COINGECKO_PLAN": "golden"}, "COINGECKO_PLAN"),
        ({"COINGECKO_PLAN": "demo"}, "COINGECKO_API_KEY"),
        ({"PRICEGRAPH_TOKEN": "hunter2"}, "PRICEGRAPH_TOKEN"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line_without_its_value(given: dict[str, str], word: str) -> None:
    failed = call("migrate", env=environment() | given)

    assert failed.returncode in (1, 2)
    assert word in failed.stderr
    assert "hunter2" not in failed.stderr
    assert "Traceback" not in failed.stderr
    assert len(failed.stderr.strip().splitlines()) == 1


def test_track_and_untrack_say_what_they_did_and_end_with_one_when_some_failed(env: dict[str, str]) -> None:
    tracked = call("track", "cardano", "nothing", env=env)
    stopped = call("untrack", "cardano", env=env)
    refused = call("track", "ltc", env=env)

    assert [answer.returncode for answer in (tracked, stopped, refused)] == [1, 0, 2]
    assert "tracked: cardano" in tracked.stdout
    assert "requests for their history are queued" in tracked.stdout
    assert "NOT_FOUND: no coin has the slug 'nothing'" in tracked.stdout
    assert "not tracked any more: cardano" in stopped.stdout
    assert "did you mean litecoin" in refused.stdout


def test_tracking_needs_a_token_with_the_scope_admin(env: dict[str, str]) -> None:
    token = call("token", "create", "no-admin", "--scope", "REFRESH", env=env).stdout.strip()

    refused = call("track", "cardano", env=env | {"PRICEGRAPH_TOKEN": token})

    assert refused.returncode == 2
    assert "FORBIDDEN" in refused.stdout
