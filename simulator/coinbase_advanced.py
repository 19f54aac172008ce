"""Coinbase Advanced Trade: a user's wallets and fills, behind a signature.

https://docs.cdp.coinbase.com/api-reference/advanced-trade-api/rest-api: every request carries a token of its own
(ES256 or EdDSA), whose `uri` is the method, the host and the path without the query. Deposits and withdrawals have no
endpoint here. That a `limit` is cut at its maximum, and the words of 400 and 404, are composed.
"""

from collections.abc import Mapping
from typing import Any

import jwt
from jwt.types import Options
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.callers import Caller, by_address
from simulator.coinbase_keys import KEYS_BY_NAME, ApiKey
from simulator.coinbase_ledger import Fill, Ledger
from simulator.coinbase_users import users_of
from simulator.coinbase_wallets import fill_row, order_id, portfolio_uuid, trade_id, wallets
from simulator.damage import CURSOR_DAMAGES, DAMAGES
from simulator.errors import PlainTextError, ProviderError
from simulator.faults import Replacement, edge_answers, rate_limit_answers
from simulator.instants import utc
from simulator.limits import TokenBucket
from simulator.provider import Provider
from simulator.settings import SimulatorSettings

NAME = "coinbase"
_LONGEST_TOKEN_S = 120
# PyJWT would read the real clock.
_BY_OUR_CLOCK: Options = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}
_ACCOUNTS, _MOST_ACCOUNTS = 49, 250
_FILLS, _MOST_FILLS = 100, 250


def _unauthorized() -> ProviderError:
    return PlainTextError(401, "Unauthorized\n")


def _refused(status: int, error: str, words: str) -> ProviderError:
    return ProviderError(status, {"error": error, "error_details": words, "message": words})


def _forbidden() -> ProviderError:
    return _refused(403, "PERMISSION_DENIED", "Missing required scopes")


def _invalid(name: str) -> ProviderError:
    return _refused(400, "INVALID_ARGUMENT", f"invalid {name}")


def _not_found(what: str) -> ProviderError:
    return _refused(404, "NOT_FOUND", f"{what} not found")


def _rate_limit(retry_after: str | None = None) -> ProviderError:
    body = {"errors": [{"id": "rate_limit_exceeded", "message": "Too many requests"}]}
    return ProviderError(429, body, {"retry-after": retry_after} if retry_after else None)


REPLACEMENTS: Mapping[str, Replacement] = {
    **edge_answers("api.coinbase.com"),
    **rate_limit_answers(_rate_limit),
    "429-empty": lambda _: Response(status_code=429),
    "401": lambda _: _unauthorized().response(),
    "403": lambda _: _forbidden().response(),
    "404": lambda _: _not_found("account").response(),
}
DATA_FAULTS = {**DAMAGES, **CURSOR_DAMAGES}


class _Door:
    """Whose signature is right is let in; what the key is for comes second."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self._bucket = TokenBucket(settings.coinbase_key_per_second, settings.coinbase_key_burst)

    def identify(self, request: Request, now: float) -> Caller:
        """The account is the key's label; of whoever has none, the address."""
        key = _signer(request, now)
        if key is None:
            return Caller("unknown", by_address(request).account, _unauthorized())
        asks_for_rights = request.url.path.endswith("/key_permissions")
        return Caller("signed", key.name, None if key.can_view or asks_for_rights else _forbidden())

    def admit(self, caller: Caller, now: float) -> None:
        if not self._bucket.take(caller.account, now):
            raise _rate_limit()
        if caller.refusal:
            raise caller.refusal

    def charge(self, caller: Caller, now: float) -> None:
        """Nothing is counted by the month."""


def _signer(request: Request, now: float) -> ApiKey | None:
    """Whose token this is; None if there is no valid one. Times are checked against the simulator's own clock."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    try:
        key = KEYS_BY_NAME[jwt.get_unverified_header(token).get("kid", "")]
        claims = jwt.decode(token, key.public_key, algorithms=[key.algorithm], options=_BY_OUR_CLOCK)
        begins, ends = float(claims["nbf"]), float(claims["exp"])
    except (jwt.InvalidTokenError, KeyError, TypeError, ValueError):
        return None
    asked = f"{request.method} {request.headers.get('host', '')}{request.url.path}"
    told = (scheme, claims.get("sub"), claims.get("iss"), claims.get("uri"))
    in_time = begins <= now < ends <= begins + _LONGEST_TOKEN_S
    return key if told == ("Bearer", key.name, "cdp", asked) and in_time and not key.revoked else None


class CoinbaseAdvanced:
    """The simulator's users."""

    def __init__(self, provider: Provider, settings: SimulatorSettings) -> None:
        self._provider, self._door = provider, _Door(settings)
        users = users_of(provider.market)
        self.ledgers = {name: Ledger(user, provider.market, settings.seed) for name, user in users.items()}

    def routes(self) -> list[Route]:
        route, door = self._provider.route, self._door
        return [
            route("/accounts", door, self._accounts),
            route("/accounts/{uuid}", door, self._account),
            route("/portfolios", door, self._portfolios),
            route("/key_permissions", door, self._permissions),
            route("/orders/historical/fills", door, self._fills),
            route("/{path:path}", door, _nowhere),
        ]

    def _ledger(self, caller: Caller) -> Ledger:
        return self.ledgers[KEYS_BY_NAME[caller.account].user]

    def _accounts(self, request: Request, caller: Caller, now: float) -> dict[str, Any]:
        """A cursor is the place of the next one."""
        rows = wallets(self._ledger(caller), now)
        start, limit = _whole(request, "cursor", 0, least=0), _whole(request, "limit", _ACCOUNTS)
        end = start + min(limit, _MOST_ACCOUNTS)
        page, has_next = rows[start:end], end < len(rows)
        return {"accounts": page, "has_next": has_next, "cursor": str(end) if has_next else "", "size": len(page)}

    def _account(self, request: Request, caller: Caller, now: float) -> dict[str, Any]:
        rows = wallets(self._ledger(caller), now)
        found = next((row for row in rows if row["uuid"] == request.path_params["uuid"]), None)
        if found is None:
            raise _not_found("account")
        return {"account": found}

    def _portfolios(self, _: Request, caller: Caller, __: float) -> dict[str, Any]:
        uuid = portfolio_uuid(self._ledger(caller).user)
        return {"portfolios": [{"name": "Default", "uuid": uuid, "type": "DEFAULT", "deleted": False}]}

    def _permissions(self, _: Request, caller: Caller, __: float) -> dict[str, Any]:
        key = KEYS_BY_NAME[caller.account]
        return {
            "can_view": key.can_view,
            "can_trade": key.can_trade,
            "can_transfer": key.can_transfer,
            "portfolio_uuid": portfolio_uuid(self._ledger(caller).user),
            "portfolio_type": "DEFAULT",
        }

    def _fills(self, request: Request, caller: Caller, now: float) -> dict[str, Any]:
        """Newest first. A cursor is the number of the last one told, so that a new fill moves no page."""
        ledger = self._ledger(caller)
        chosen = [fill for fill in ledger.fills(now)[::-1] if _is_asked_for(request, ledger, fill)]
        before = _whole(request, "cursor", 0, least=0)
        left = [fill for fill in chosen if not before or fill.number < before]
        page = left[: min(_whole(request, "limit", _FILLS), _MOST_FILLS)]
        cursor = str(page[-1].number) if len(page) < len(left) else ""
        return {"fills": [fill_row(ledger.user, fill) for fill in page], "cursor": cursor}


def _is_asked_for(request: Request, ledger: Ledger, fill: Fill) -> bool:
    """Every list may name several; both ends of the time are included."""
    query, user = request.query_params, ledger.user
    if "product_ids" in query and fill.product not in query.getlist("product_ids"):
        return False
    if "order_ids" in query and order_id(user, fill) not in query.getlist("order_ids"):
        return False
    if "trade_ids" in query and trade_id(user, fill) not in query.getlist("trade_ids"):
        return False
    first, last = _instant(request, "start_sequence_timestamp"), _instant(request, "end_sequence_timestamp")
    at = fill.at_ms / 1000
    return (first is None or first <= at) and (last is None or at <= last)


def _instant(request: Request, name: str) -> float | None:
    given = request.query_params.get(name)
    try:
        return utc(given).timestamp() if given else None
    except ValueError:
        raise _invalid(name) from None


def _whole(request: Request, name: str, default: int, least: int = 1) -> int:
    given = request.query_params.get(name) or str(default)
    if not given.isdecimal() or int(given) < least:
        raise _invalid(name)
    return int(given)


def _nowhere(_: Request, __: Caller, ___: float) -> Any:
    raise _not_found("page")
