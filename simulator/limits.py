"""How much a caller may ask: a sliding window or a token bucket over every answer, a calendar month over the 200s."""

from collections import Counter, defaultdict, deque
from datetime import UTC, datetime
from math import ceil

from simulator.callers import Caller
from simulator.settings import SimulatorSettings


class SlidingWindow:
    """So many answers within any so many seconds, per account; refusals count too."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._answers: defaultdict[str, deque[float]] = defaultdict(deque)

    def seconds_to_wait(self, account: str, allowed: int, now: float) -> int:
        """Counts this answer, and says how long until there is room again; 0 lets it pass."""
        answers = self._answers[account]
        while answers and answers[0] <= now - self._seconds:
            answers.popleft()
        answers.append(now)
        if len(answers) <= allowed:
            return 0
        if allowed < 1:
            return ceil(self._seconds)
        return max(1, ceil(answers[len(answers) - allowed] + self._seconds - now))


class Limits:
    """CoinGecko's. Counts per account; the clock's reading comes with every call."""

    def __init__(self, settings: SimulatorSettings) -> None:
        public, demo, pro = settings.public_per_minute, settings.demo_per_minute, settings.pro_per_minute
        self.per_minute = {"public": public, "unknown": public, "demo": demo, "pro": pro}
        self.monthly = {"demo": settings.demo_monthly, "pro": settings.pro_monthly}
        self._minute = SlidingWindow(60.0)
        self._credits = MonthlyCount()

    def seconds_to_wait(self, caller: Caller, now: float) -> int:
        """Counts this answer, a refusal too, and says how long until there is room again; 0 lets it pass."""
        return self._minute.seconds_to_wait(caller.account, self.per_minute[caller.kind], now)

    def spent(self, caller: Caller, now: float) -> int:
        """Credits used this month."""
        return self._credits.of(caller.account, now)

    def is_exhausted(self, caller: Caller, now: float) -> bool:
        return caller.kind in self.monthly and self.spent(caller, now) >= self.monthly[caller.kind]

    def charge(self, caller: Caller, now: float) -> None:
        self._credits.add(caller.account, now)


class TokenBucket:
    """So many answers a second per account, and at most `burst` at once; a refusal costs nothing."""

    def __init__(self, per_second: float, burst: int) -> None:
        self._per_second, self._burst = per_second, burst
        self._filled: dict[str, tuple[float, float]] = {}  # when, and how many tokens were there

    def take(self, account: str, now: float) -> bool:
        at, tokens = self._filled.get(account, (now, float(self._burst)))
        latest = max(now, at)  # a request whose answer took long to work out may come after a later one
        tokens = min(float(self._burst), tokens + (latest - at) * self._per_second)
        self._filled[account] = (latest, tokens - 1 if tokens >= 1 else tokens)
        return tokens >= 1


class MonthlyCount:
    """200s per account and calendar month."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def of(self, account: str, now: float) -> int:
        return self._counts[account, _month(now)]

    def add(self, account: str, now: float) -> None:
        self._counts[account, _month(now)] += 1


def _month(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m")
