"""Seeded numbers that are a function of their arguments only: no state, so every order of asking agrees.

A walk is a sum of octaves. Each octave is a chain of random nodes, `period` apart, joined by straight lines;
its amplitude grows with the square root of its period, which is what makes the sum move like a price.
"""

from functools import lru_cache
from hashlib import blake2b
from math import sqrt
from uuid import UUID

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15  # the odd step of splitmix64, whose finaliser `scramble` uses
_HOUR = 3600
_DAY = 24 * _HOUR

# (period in seconds, amplitude in daily volatilities); the divisor brings the whole to one volatility a day.
# Periods nest in each other, so that a full hour needs one node instead of two of the short octaves.
Octaves = tuple[tuple[int, float], ...]


def _octaves(*periods: int) -> Octaves:
    return tuple((period, sqrt(period / _DAY) / 0.8) for period in periods)


PRICE_OCTAVES = _octaves(300, *(_HOUR * 8**power for power in range(5)))
RATE_OCTAVES = PRICE_OCTAVES[2:]  # exchange rates hardly move within hours,
VOLUME_OCTAVES = PRICE_OCTAVES[3:]  # and a sum over 24 hours even less


def key_of(*parts: object) -> int:
    """A 64-bit key for whatever is named by the parts."""
    return int.from_bytes(blake2b("\x1f".join(map(str, parts)).encode(), digest_size=8).digest())


def uuid_of(*parts: object) -> str:
    """A UUID (version 4 by its looks) for whatever is named by the parts."""
    return str(UUID(bytes=blake2b("\x1f".join(map(str, parts)).encode(), digest_size=16).digest(), version=4))


def scramble(key: int, index: int) -> int:
    """64 well-mixed bits."""
    x = (key + index * _GOLDEN) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return x ^ (x >> 31)


def uniform(key: int, index: int) -> float:
    """A number in [0, 1)."""
    return (scramble(key, index) >> 11) * 2.0**-53


@lru_cache(maxsize=1 << 16)
def _node(key: int, index: int) -> float:
    return 2.0 * uniform(key, index) - 1.0


def walk(key: int, second: int, octaves: Octaves = PRICE_OCTAVES) -> float:
    """The walk at a unix second, in daily volatilities away from its middle."""
    total = 0.0
    for number, (period, amplitude) in enumerate(octaves):
        index, rest = divmod(second, period)
        here = _node(key + number, index)
        if rest:
            here += (_node(key + number, index + 1) - here) * rest / period
        total += amplitude * here
    return total


def walk_limit(octaves: Octaves = PRICE_OCTAVES) -> float:
    """No walk is ever further from its middle than this."""
    return sum(amplitude for _, amplitude in octaves)
