"""Prices set by hand: checked here, stored so that no provider overwrites them."""

from __future__ import annotations

from dataclasses import dataclass

from db.bounds import LEAST_PRICE, MOST, is_amount, is_price
from db.candle_query import CandleQuery, Wanted
from db.candles import read_candles
from db.currencies import series_of
from db.manual import Bucket, Change, remove_manual_price, set_manual_price
from db.pool import Connection
from db.prices import Point
from db.revisions import RevisionRow, list_revisions
from db.series import Granularity, Window, floor
from resolvers.attempts import attempt
from resolvers.coins import resolve_coin
from resolvers.context import Context
from resolvers.errors import ApiError, Code
from resolvers.instants import Instant
from resolvers.intervals import Interval
from resolvers.points import Filling, Grid, PointTable, PointView, stored_columns
from resolvers.ranges import FIRST_BLOCK, Asked
from resolvers.texts import check_text

_SCOPE = "IMPORT"


@dataclass(frozen=True, slots=True)
class ManualPlace:
    """The bucket that a client speaks of, and why it is changed."""

    coin: str
    currency: str
    granularity: Granularity
    time: Instant
    note: str | None


@dataclass(frozen=True, slots=True)
class ManualPrice:
    """Money in the place's currency."""

    price: float
    market_cap: float | None = None
    volume_24h: float | None = None


@dataclass(frozen=True, slots=True)
class ManualResult:
    """The bucket as it is now (None: it is running, and empty), and what became of the point that stood there."""

    point: PointView | None
    revision: RevisionRow | None


async def resolve_set_manual_price(context: Context, place: ManualPlace, price: ManualPrice) -> ManualResult | ApiError:
    return await attempt(context, _set(context, place, price), "input")


async def resolve_remove_manual_price(context: Context, place: ManualPlace) -> ManualResult | ApiError:
    return await attempt(context, _remove(context, place), "input")


async def _set(context: Context, place: ManualPlace, price: ManualPrice) -> ManualResult:
    change = _change(context, place)
    _check_price(price)
    bucket = await _find_bucket(context, place)
    point = Point(bucket.ts, price.price, bucket.ts, price.market_cap, price.volume_24h)
    async with context.database.transaction() as connection:
        revision = await set_manual_price(connection, bucket, point, change)
        return await _read_result(context, connection, bucket, revision)


async def _remove(context: Context, place: ManualPlace) -> ManualResult:
    change = _change(context, place)
    bucket = await _find_bucket(context, place)
    async with context.database.transaction() as connection:
        revision = await remove_manual_price(connection, bucket, change)
        if revision is None:
            raise ApiError(Code.NOT_FOUND, "no price was set by hand at this `time`", field=["time"])
        return await _read_result(context, connection, bucket, revision)


def _change(context: Context, place: ManualPlace) -> Change:
    caller = context.require(_SCOPE)
    check_text(place.note, "note")
    return Change(caller.name, context.now, place.note)


def _check_price(price: ManualPrice) -> None:
    if not is_price(price.price):
        text = f"`price` must be above zero, between {LEAST_PRICE:g} and {MOST:g}"
        raise ApiError(Code.BAD_INPUT, text, field=["price"])
    for name, value in (("marketCap", price.market_cap), ("volume24h", price.volume_24h)):
        if value is not None and not is_amount(value):
            raise ApiError(Code.BAD_INPUT, f"`{name}` must be zero or more, at most {MOST:g}", field=[name])


async def _find_bucket(context: Context, place: ManualPlace) -> Bucket:
    coin = await resolve_coin(context, place.coin, "coin")
    currency = await context.currency(place.currency)
    series = series_of([coin], [currency])
    if not series:
        raise ApiError(Code.NOT_FOUND, f"no prices of {coin.slug} are stored in {currency.code}", field=["currency"])
    return _check_time(context, Bucket(series[0], place.granularity, place.time.resolve(context.now)))


def _check_time(context: Context, bucket: Bucket) -> Bucket:
    start = floor(bucket.ts, bucket.granularity.width)
    unit = "an hour" if bucket.granularity is Granularity.HOURLY else "a UTC day"
    if not FIRST_BLOCK <= start < context.now:
        raise ApiError(Code.BAD_INPUT, f"`time` must be the start of {unit} between 2009-01-03 and now", field=["time"])
    if bucket.ts != start:
        written = start.isoformat().replace("+00:00", "Z")
        raise ApiError(
            Code.BAD_INPUT, f"`time` must be the start of {unit}; {written} is the one that holds it", field=["time"]
        )
    return bucket


async def _read_result(context: Context, connection: Connection, bucket: Bucket, revision: int | None) -> ManualResult:
    """Past the request's loaders: they may have read what was there before."""
    (coin, currency), granularity = (bucket.series.coin_id, bucket.series.currency_id), bucket.granularity
    window = Window(bucket.ts, bucket.ts + granularity.width)
    interval = Interval.HOUR_1 if granularity is Granularity.HOURLY else Interval.DAY_1
    asked, filling = Asked(window, interval, granularity), Filling()
    columns = stored_columns(PointView._fields, asked, filling, converted=False)
    wanted = [Wanted(coin, window)]
    query = CandleQuery(currency, granularity, granularity.width, wanted, columns, provisional=True)
    candles = (await read_candles(connection, query))[coin]
    points = PointTable(Grid(asked, context.now), candles, filling).views()
    changes = (await list_revisions(connection, [coin], currency, granularity, window, limit=1))[coin]
    made = next((change for change in changes if change.revision == revision), None)
    return ManualResult(points[0] if points else None, made)
