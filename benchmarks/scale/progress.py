"""What the person at the terminal is told meanwhile: on standard error, so that the figures can be piped."""

import sys
from datetime import UTC, datetime


def say(text: str) -> None:
    sys.stderr.write(f"{datetime.now(UTC):%H:%M:%S} {text}\n")
    sys.stderr.flush()
