"""The provider's error answers, each in the shape and the words it was captured with.

Four JSON shapes are in use: A `{"error": text}`, B `{"status": {...}}`, C the same inside `error`, and D with the
code beside the status. 10005 and 10006 were captured cut off; their tails are composed.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import formatdate
from math import ceil

import orjson
from starlette.responses import Response

_PRICING = "Please visit https://www.coingecko.com/en/api/pricing to subscribe to our API plans for higher rate limits."
_RATE_LIMIT = f"You've exceeded the Rate Limit. {_PRICING}"
_PLAN_RESTRICTED = f"This request is limited to PRO API subscribers. {_PRICING}"
_KEY_MISSING = (
    "API Key Missing. Please make sure you're using the right authentication method. "
    "For Pro API, ensure you pass in x_cg_pro_api_key parameter with a Pro Key. "
    "For Demo API, ensure you pass in x_cg_demo_api_key parameter with a Demo Key."
)
_PRO_KEY_ON_DEMO_HOST = (
    "If you are using Pro API key, please change your root URL from api.coingecko.com to pro-api.coingecko.com"
)
_DEMO_KEY_ON_PRO_HOST = (
    "If you are using Demo API key, please change your root URL from pro-api.coingecko.com to api.coingecko.com "
    "Please refer here for more details: https://docs.coingecko.com/v3.0.1/reference/introduction"
)
_TIME_RANGE = (
    "Your request exceeds the allowed time range. Public API users are limited to querying historical data "
    "within the past 365 days. Upgrade to a paid plan to enjoy full historical data access: "
    "https://www.coingecko.com/en/api/pricing. "
)
_NO_STORE = {
    "cache-control": "private, max-age=0, no-store, no-cache, must-revalidate, post-check=0, pre-check=0",
    "server": "cloudflare",
}


class ProviderError(Exception):
    """An answer that is not the data asked for."""

    def __init__(self, status: int, body: object, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status)
        self.status, self.body, self.headers = status, body, headers or {}

    def response(self) -> Response:
        media_type = None if "content-type" in self.headers else "application/json; charset=utf-8"
        return Response(orjson.dumps(self.body), self.status, dict(self.headers), media_type)


class PlainTextError(ProviderError):
    """One of a provider that says what is wrong in words only."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(status, words)
        self.words = words

    def response(self) -> Response:
        return Response(self.words, self.status, {"content-type": "text/plain"})


def iso_ms(now: float, zone: str = "+00:00") -> str:
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + zone


def bad_argument(message: str) -> ProviderError:
    return ProviderError(400, {"error": message})


def missing_parameter(name: str) -> ProviderError:
    return ProviderError(422, {"error": f"Missing parameter {name}"})


def coin_not_found() -> ProviderError:
    return ProviderError(404, {"error": "coin not found"})


def unknown_path() -> ProviderError:
    return ProviderError(404, {"error": "Incorrect path. Please check https://www.coingecko.com/api/"})


def _status(now: float, code: int, message: str) -> dict[str, object]:
    return {"status": {"timestamp": iso_ms(now), "error_code": code, "error_message": message}}


def key_missing(now: float) -> ProviderError:
    """Also the answer to a key that is not valid."""
    return ProviderError(401, _status(now, 10002, _KEY_MISSING))


def plan_restricted(now: float) -> ProviderError:
    return ProviderError(401, _status(now, 10005, _PLAN_RESTRICTED))


def time_range(now: float) -> ProviderError:
    return ProviderError(401, {"error": _status(now, 10012, _TIME_RANGE)})


def _wrong_host(now: float, code: int, message: str) -> ProviderError:
    body = {"timestamp": iso_ms(now), "error_code": code, "status": {"error_message": message}}
    return ProviderError(400, body)


def pro_key_on_demo_host(now: float) -> ProviderError:
    return _wrong_host(now, 10010, _PRO_KEY_ON_DEMO_HOST)


def demo_key_on_pro_host(now: float) -> ProviderError:
    return _wrong_host(now, 10011, _DEMO_KEY_ON_PRO_HOST)


def rate_limit(retry_after: str | None = None, status: int = 429) -> ProviderError:
    """`retry_after` as it goes into the header. The same body was seen under a 200."""
    headers = {"content-type": "application/json", **_NO_STORE}
    if retry_after is not None:
        headers["retry-after"] = retry_after
    return ProviderError(status, {"status": {"error_code": 429, "error_message": _RATE_LIMIT}}, headers)


def http_date(instant: float) -> str:
    """Rounded up: whoever waits until then has waited long enough."""
    return formatdate(ceil(instant), usegmt=True)


def monthly_quota(limit: int, status: int = 429) -> ProviderError:
    message = f"You've reached {limit:,} calls limit. …"
    return ProviderError(status, {"status": {"error_code": 10006, "error_message": message}})


_BLOCKED_PAGE = (
    '<!DOCTYPE html>\n<html lang="en-US">\n<head><title>{title} | {host} | Cloudflare</title></head>\n'
    "<body><h1>{title}</h1><p>Cloudflare Ray ID: 8c0ffee0c0ffee00</p></body>\n</html>\n"
)


def html_page(host: str, status: int, title: str) -> Response:
    """What an edge in front of the provider says."""
    return Response(_BLOCKED_PAGE.format(host=host, title=title), status, {"server": "cloudflare"}, "text/html")


def throttled() -> Response:
    """The edge's own limit, without any header to tell how long."""
    return Response("Throttled", 429, {"server": "cloudflare"}, "text/plain")
