"""Faults that a test arms over `/_control/faults`, and the answers that replace the data.

At most one fault meets an answer: the first armed one whose dice say so. The dice are seeded and start anew when
the faults are cleared, so a run can be repeated.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass

from starlette.responses import RedirectResponse, Response

from simulator.errors import ProviderError, html_page, http_date, throttled
from simulator.noise import key_of, uniform

_RETRY_AFTER_S = 7.0  # the shortest wait ever captured


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


def edge_answers(host: str) -> dict[str, Replacement]:
    """What stands in front of a provider says, whoever the provider is."""
    return {
        "throttled": lambda _: throttled(),
        "500": lambda _: Response('{"error":"Internal Server Error"}', 500, media_type="application/json"),
        "502html": lambda _: html_page(host, 502, "Bad gateway"),
        "503": lambda _: Response(status_code=503),
        "html403": lambda _: html_page(host, 403, "Access denied"),
        "html200": lambda _: html_page(host, 200, "Just a moment..."),
        "redirect-loop": lambda moment: RedirectResponse(moment.path, 302),
    }


def rate_limit_answers(refusal: Callable[[str | None], ProviderError]) -> dict[str, Replacement]:
    """A provider's own 429 in its three forms; `refusal` takes the Retry-After."""
    return {
        "429": lambda moment: refusal(f"{moment.wait_s:.0f}").response(),
        "429-date": lambda moment: refusal(http_date(moment.now + moment.wait_s)).response(),
        "429-noheader": lambda _: refusal(None).response(),
    }


@dataclass(slots=True)
class Fault:
    """`after`: how many answers it still lets pass. `count`: how many it meets then, None for all; `fired`: has met."""

    provider: str
    kind: str
    probability: float = 1.0
    after: int = 0
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
            if fault.provider != provider or fault.count == 0:
                continue
            if fault.after:
                fault.after -= 1
            elif self._roll() < fault.probability:
                fault.fired += 1
                fault.count = None if fault.count is None else fault.count - 1
                return fault
        return None

    def _roll(self) -> float:
        self._draws += 1
        return uniform(self._key, self._draws)
