"""Time, Duration, Decimal and Secret."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

from resolvers.decimals import format_decimal, parse_decimal
from resolvers.durations import format_duration, parse_duration
from resolvers.instants import Instant
from resolvers.secret import Secret


def _parse_time(value: object) -> Instant:
    try:
        return Instant.parse(value)
    except ValueError as error:
        raise GraphQLError(f"{value!r:.80} is no Time: {error}") from error


def _serialize_time(value: object) -> str:
    if isinstance(value, Instant):
        return value.text
    assert isinstance(value, datetime)
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _parse_duration(value: object) -> timedelta:
    try:
        return parse_duration(value)
    except ValueError as error:
        raise GraphQLError(f"{value!r:.80} is no Duration: {error}") from error


def _parse_decimal(value: object) -> Decimal:
    try:
        return parse_decimal(value)
    except ValueError as error:
        raise GraphQLError(f"{value!r:.80} is no Decimal: {error}") from error


def _parse_secret(value: object) -> Secret:
    try:
        return Secret.parse(value)
    except ValueError as error:
        raise GraphQLError(str(error)) from error  # without the value


def _serialize_secret(_: object) -> str:
    raise TypeError("a Secret is in no answer")


TIME = strawberry.scalar(
    name="Time",
    description=(
        "UTC instant. Output: ISO-8601 with `Z`. Input: ISO-8601 with any offset, or relative: `now`, `now-7d`, "
        "`now-1mo`, `now-1d/d` (units `s m h d w mo y`; `/d` floors to the UTC day, likewise `/h /w /mo /y`). "
        "The instants that were used are echoed in `range`."
    ),
    serialize=_serialize_time,
    parse_value=_parse_time,
)
DURATION = strawberry.scalar(
    name="Duration",
    description="Fixed length: a whole number with a unit of `s m h d w`, such as `90m`, `36h`, `7d`, `2w`.",
    serialize=format_duration,
    parse_value=_parse_duration,
)
DECIMAL = strawberry.scalar(
    name="Decimal",
    description=(
        'Exact decimal as a JSON string such as `"0.5"`: never in exponent form, without zeros at its end. Input may '
        "be a whole number, too; a number with a point is refused, because JSON does not keep all of its digits."
    ),
    serialize=format_decimal,
    parse_value=_parse_decimal,
)
SECRET = strawberry.scalar(
    name="Secret",
    description="Text that is kept encrypted and never answered, in no error either. Send it in a variable.",
    serialize=_serialize_secret,
    parse_value=_parse_secret,
)
# An instant is written by the client and becomes a time when the request's now is known: one scalar for both.
SCALARS: dict[object, ScalarDefinition] = {
    Instant: TIME,
    datetime: TIME,
    timedelta: DURATION,
    Decimal: DECIMAL,
    Secret: SECRET,
}
