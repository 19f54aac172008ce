"""Every refusal that CoinGecko is known to send, told apart by status and body."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from ingest.errors import FatalProviderError, Kind, ProviderError, RetryableProviderError
from ingest.http import Answer
from ingest.providers.coingecko_errors import classify

NOW = datetime(2026, 11, 20, 19, 37, 12, tzinfo=UTC)

# Bodies as captured; 10005 and 10006 were captured cut off.
PRICING = "Please visit https://www.coingecko.com/en/api/pricing to subscribe to our API plans for higher rate limits."
RATE_LIMIT = {"status": {"error_code": 429, "error_message": f"You've exceeded the Rate Limit. {PRICING}"}}
QUOTA = {"status": {"error_code": 10006, "error_message": "You've reached 10,000 calls limit. …"}}
KEY_MISSING = {
    "status": {
        "timestamp": "2026-05-17T01:39:44.892+00:00",
        "error_code": 10002,
        "error_message": "API Key Missing. Please make sure you're using the right authentication method. For Pro API, "
        "ensure you pass in x_cg_pro_api_key parameter with a Pro Key. For Demo API, ensure you pass in "
        "x_cg_demo_api_key parameter with a Demo Key.",
    }
}
PAID_ONLY = {
    "status": {
        "timestamp": "2026-08-18T03:41:11.726+00:00",
        "error_code": 10005,
        "error_message": f"This request is limited to PRO API subscribers. {PRICING}",
    }
}
PRO_KEY_ON_DEMO_HOST = {
    "timestamp": "2025-10-12T11:10:40.873+00:00",
    "error_code": 10010,
    "status": {
        "error_message": "If you are using Pro API key, please change your root URL from api.coingecko.com to "
        "pro-api.coingecko.com"
    },
}
DEMO_KEY_ON_PRO_HOST = {
    "timestamp": "2025-09-01T13:07:05.880+00:00",
    "error_code": 10011,
    "status": {
        "error_message": "If you are using Demo API key, please change your root URL from pro-api.coingecko.com to "
        "api.coingecko.com Please refer here for more details: https://docs.coingecko.com/v3.0.1/reference/introduction"
    },
}
TOO_OLD = {
    "error": {
        "status": {
            "timestamp": "2026-10-07T13:32:10.955+00:00",
            "error_code": 10012,
            "error_message": "Your request exceeds the allowed time range. Public API users are limited to querying "
            "historical data within the past 365 days. Upgrade to a paid plan to enjoy full historical data access: "
            "https://www.coingecko.com/en/api/pricing. ",
        }
    }
}
UNKNOWN_COIN = {"error": "coin not found"}
BAD_CURRENCY = {"error": "invalid vs_currency"}
MISSING_PARAMETER = {"error": "Missing parameter vs_currency"}
CLOUDFLARE = "<!DOCTYPE html><html><head><title>Access denied</title></head><body>Error 1020</body></html>"


def refusal(status: int, body: object, headers: dict[str, str] | None = None) -> ProviderError | None:
    """What an answer means; a body of text is no JSON."""
    text = isinstance(body, str)
    raw = str(body).encode() if text else json.dumps(body).encode()
    return classify(Answer(status, headers or {}, raw), None if text else body, NOW)


@pytest.mark.parametrize(
    ("status", "body", "kind", "retryable", "retry_after"),
    [
        (400, BAD_CURRENCY, Kind.BAD_REQUEST, False, None),
        (400, PRO_KEY_ON_DEMO_HOST, Kind.AUTH, False, 900),
        (400, DEMO_KEY_ON_PRO_HOST, Kind.AUTH, False, 900),
        (401, KEY_MISSING, Kind.AUTH, False, 900),
        (401, "", Kind.AUTH, False, 900),
        (401, PAID_ONLY, Kind.PLAN, False, None),
        (401, TOO_OLD, Kind.PLAN, False, None),
        (403, CLOUDFLARE, Kind.BLOCKED, False, 900),
        (404, UNKNOWN_COIN, Kind.NOT_FOUND, False, None),
        (422, MISSING_PARAMETER, Kind.BAD_REQUEST, False, None),
        (429, RATE_LIMIT, Kind.RATE_LIMITED, True, 60),
        (429, "Throttled", Kind.RATE_LIMITED, True, 60),
        (429, QUOTA, Kind.QUOTA, False, 900),
        (200, RATE_LIMIT, Kind.RATE_LIMITED, True, 60),
        (200, QUOTA, Kind.QUOTA, False, 900),
        (200, KEY_MISSING, Kind.AUTH, False, 900),
        (200, TOO_OLD, Kind.PLAN, False, None),
        (200, {"error": "something else"}, Kind.TRANSIENT, True, None),
        (200, CLOUDFLARE, Kind.DRIFT, False, 900),
        (302, "", Kind.DRIFT, False, 900),
        (408, "", Kind.TRANSIENT, True, None),
        (500, {"error": "Internal Server Error"}, Kind.TRANSIENT, True, None),
        (502, CLOUDFLARE, Kind.TRANSIENT, True, None),
        (503, "", Kind.TRANSIENT, True, None),
    ],
)
def test_status_and_body_together_say_what_is_wrong(
    status: int, body: object, kind: Kind, retryable: bool, retry_after: float | None
) -> None:
    error = refusal(status, body)

    assert error is not None
    assert error.kind is kind
    assert isinstance(error, RetryableProviderError if retryable else FatalProviderError)
    assert error.retry_after == retry_after


@pytest.mark.parametrize(
    "body",
    [
        {"gecko_says": "(V3) To the Moon!"},
        {},
        [],
        {"prices": [], "market_caps": [], "total_volumes": []},
        {"status": "fine"},
        {"id": "bitcoin", "status": {"updates": 3}},
    ],
)
def test_data_is_no_refusal(body: object) -> None:
    assert refusal(200, body) is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("53", 54),
        ("119", 120),
        ("0", 1),
        (" 7 ", 8),
        ("Fri, 20 Nov 2026 19:38:12 GMT", 61),
        ("Fri, 20 Nov 2026 19:38:12 -0000", 61),
        ("Fri, 20 Nov 2026 19:00:00 GMT", 1),
        ("soon", 60),
        ("-5", 60),
        ("", 60),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_a_minute_without_it(header: str, seconds: float) -> None:
    error = refusal(429, RATE_LIMIT, {"retry-after": header})
    assert error is not None
    assert error.retry_after == seconds


@pytest.mark.parametrize("header", ["9" * 30, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_an_absurd_wait_is_still_one_that_a_calendar_holds(header: str) -> None:
    error = refusal(429, RATE_LIMIT, {"retry-after": header})
    assert error is not None
    assert error.retry_after is not None
    assert NOW + timedelta(days=1) < NOW + timedelta(seconds=error.retry_after) < NOW + timedelta(days=366)


def test_words_tell_what_to_do_and_hold_no_address() -> None:
    for status, body in ((401, KEY_MISSING), (400, PRO_KEY_ON_DEMO_HOST), (429, QUOTA), (404, UNKNOWN_COIN)):
        error = refusal(status, body)
        assert error is not None
        assert "CoinGecko" in error.message
        assert "http" not in error.message
