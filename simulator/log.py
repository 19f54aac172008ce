"""What was asked: every request to a provider, without the keys that came with it."""

from collections import deque
from dataclasses import asdict, dataclass

_KEPT = 100_000


@dataclass(frozen=True, slots=True)
class Entry:
    """`path` is the provider's own, without the mount. `damaged`: prices or rows that a data fault touched."""

    time: float
    provider: str
    host: str
    path: str
    query: dict[str, str]
    status: int
    key: str
    fault: str | None = None
    damaged: int = 0


class RequestLog:
    """The newest requests, oldest first."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=_KEPT)

    def record(self, entry: Entry) -> None:
        self._entries.append(entry)

    def listed(self) -> list[dict[str, object]]:
        return [asdict(entry) for entry in self._entries]

    def forget(self) -> None:
        self._entries.clear()
