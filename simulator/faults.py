"""Faults that a test arms over `/_control/faults`, and the answers that replace the data.

At most one fault meets an answer: the first armed one whose dice say so. The dice are seeded and start anew when
the faults are cleared, so a run can be repeated.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass

from starlette.responses import RedirectResponse, Response

from simulator.damage import DAMAGES
from simulator.errors import (
    coin_not_found,
    html_page,
    http_date,
    key_missing,
    monthly_quota,
    rate_limit,
    throttled,
)
from simulator.noise import key_of, uniform
from simulator.wire import WIRES

PROVIDERS = frozenset({"coingecko"})
_RETRY_AFTER_S = 7.0  # the shortest wait ever captured
_QUOTA = 10_000


@dataclass(frozen=True, slots=True)
class Moment:
    """What a replacing answer may depend on."""

    now: float
    path: str
    arg: float | None

    @property
    def wait_s(self) -> float:
        return _RETRY_AFTER_S if self.arg is None else self.arg


Replacement = Callable[[Moment], Response]

REPLACEMENTS: dict[str, Replacement] = {
    "429": lambda moment: rate_limit(f"{moment.wait_s:.0f}").response(),
    "429-date": lambda moment: rate_limit(http_date(moment.now + moment.wait_s)).response(),
    "429-noheader": lambda _: rate_limit().response(),
    "429-in-200": lambda _: rate_limit(status=200).response(),
    "quota": lambda _: monthly_quota(_QUOTA).response(),
    "quota-in-200": lambda _: monthly_quota(_QUOTA, status=200).response(),
    "throttled": lambda _: throttled(),
    "500": lambda _: Response('{"error":"Internal Server Error"}', 500, media_type="application/json"),
    "502html": lambda _: html_page(502, "Bad gateway"),
    "503": lambda _: Response(status_code=503),
    "html403": lambda _: html_page(403, "Access denied"),
    "html200": lambda _: html_page(200, "Just a moment..."),
    "401": lambda moment: key_missing(moment.now).response(),
    "404": lambda _: coin_not_found().response(),
    "redirect-loop": lambda moment: RedirectResponse(moment.path, 302),
}
KINDS = frozenset({*REPLACEMENTS, *DAMAGES, *WIRES})


@dataclass(slots=True)
class Fault:
    """`count`: how many answers it still meets, None for all. `fired`: how many it has met."""

    provider: str
    kind: str
    probability: float = 1.0
    count: int | None = None
    arg: float | None = None
    fired: int = 0


class Faults:
    """The armed faults."""

    def __init__(self, seed: int) -> None:
        self._key = key_of(seed, "faults")
        self.clear()

    def clear(self) -> None:
        self._armed: list[Fault] = []
        self._draws = 0

    def arm(self, fault: Fault) -> None:
        self._armed.append(fault)

    def listed(self) -> list[dict[str, object]]:
        return [asdict(fault) for fault in self._armed]

    def draw(self, provider: str) -> Fault | None:
        for fault in self._armed:
            if fault.provider == provider and fault.count != 0 and self._roll() < fault.probability:
                fault.fired += 1
                fault.count = None if fault.count is None else fault.count - 1
                return fault
        return None

    def _roll(self) -> float:
        self._draws += 1
        return uniform(self._key, self._draws)
