"""Who is asking: the plan behind a request, told from its key and the host it came to."""

from dataclasses import dataclass
from typing import Literal

from starlette.requests import Request

from simulator.errors import ProviderError, demo_key_on_pro_host, key_missing, pro_key_on_demo_host
from simulator.settings import SimulatorSettings

KeyKind = Literal["public", "demo", "pro", "signed", "unknown"]
Host = Literal["demo", "pro"]
KEY_PARAMETERS = {"demo": "x_cg_demo_api_key", "pro": "x_cg_pro_api_key"}


@dataclass(frozen=True, slots=True)
class Caller:
    """`account` is what limits are counted by: a key, or an address. `refusal`: why it may not ask this host."""

    kind: KeyKind
    account: str
    refusal: ProviderError | None = None


def by_address(request: Request) -> Caller:
    """Of a provider without keys."""
    return Caller("public", request.client.host if request.client else "unknown")


def _given_keys(request: Request) -> dict[str, str]:
    """Key values by the plan whose header or query parameter carried them."""
    given = {
        plan: request.headers.get(parameter.replace("_", "-")) or request.query_params.get(parameter)
        for plan, parameter in KEY_PARAMETERS.items()
    }
    return {plan: value for plan, value in given.items() if value}


def identify(request: Request, host: Host, settings: SimulatorSettings, now: float) -> Caller:
    """A key counts only where it belongs: its plan's parameter, on its plan's host."""
    address = by_address(request).account
    given = _given_keys(request)
    if not given:
        return Caller("public", address, None if host == "demo" else key_missing(now))
    plan = host if host in given else next(iter(given))
    key = given[plan]
    if key in settings.pro_keys:
        return Caller("pro", key, _refusal("pro", plan, host, now))
    if key in settings.demo_keys:
        return Caller("demo", key, _refusal("demo", plan, host, now))
    return Caller("unknown", address, key_missing(now))


def _refusal(kind: Host, parameter: str, host: Host, now: float) -> ProviderError | None:
    if kind != host:
        return pro_key_on_demo_host(now) if kind == "pro" else demo_key_on_pro_host(now)
    return None if parameter == kind else key_missing(now)
