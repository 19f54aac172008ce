"""What is wrong with the data: noticed by the workers, acknowledged by people, resolved by better answers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from psycopg import sql
from psycopg.types.json import Jsonb

from db.coins import COIN_COLUMNS, CoinRow
from db.currencies import CURRENCY_COLUMNS, CurrencyRow
from db.pool import Connection
from db.series import Granularity, Series, Window

# More samples than this are counted, but not kept.
MAX_EVIDENCE = 100
# How long a resolved issue is kept: the table grows by new issues only, so each one clears away the oldest.
KEPT = timedelta(days=90)


class IssueKind(StrEnum):
    SCHEMA_DRIFT = "SCHEMA_DRIFT"
    ID_NOT_FOUND = "ID_NOT_FOUND"
    REJECTED_ROWS = "REJECTED_ROWS"
    OUTLIER = "OUTLIER"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One sample: the provider's stamp, if it has one, its value as it was sent, and what is wrong with it."""

    time: datetime | None
    value: str
    note: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong in one answer. `currency_id` None: whatever the currency."""

    kind: IssueKind
    coin_id: int
    currency_id: int | None
    provider_id: int
    message: str
    occurrences: int = 1
    window: Window | None = None
    evidence: Sequence[Evidence] = ()


class IssueRow(NamedTuple):
    """`from_ts` and `to_ts`: the samples concerned; None: whatever the time, or the currency."""

    id: int
    kind: str
    state: str
    provider_id: int
    from_ts: datetime | None
    to_ts: datetime | None
    message: str
    occurrences: int
    detected_at: datetime
    last_seen_at: datetime
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    resolved_at: datetime | None
    coin: CoinRow
    currency: CurrencyRow | None


@dataclass(frozen=True, slots=True)
class IssueFilter:
    """All given conditions hold."""

    states: Sequence[str] | None = None
    kinds: Sequence[str] | None = None
    coin_id: int | None = None

    @property
    def parameters(self) -> dict[str, object]:
        states, kinds = (None if one is None else list(one) for one in (self.states, self.kinds))
        given = {"states": states, "kinds": kinds, "coin": self.coin_id}
        return {name: value for name, value in given.items() if value is not None}

    @property
    def condition(self) -> sql.SQL:
        """Of what is given and nothing else, so that an index can serve it."""
        return sql.SQL(" and ".join(["true", *(_CONDITIONS[name] for name in self.parameters)]))


# What an issue itself says; its coin and its currency follow.
_FIELDS = IssueRow._fields[:-2]
_CURRENCY = len(_FIELDS) + len(CoinRow._fields)
_ISSUES = sql.SQL("""
select {}, {}, {} from data_issues i join coins c on c.id = i.coin_id left join currencies y on y.id = i.currency_id
""").format(sql.SQL(", ").join(sql.Identifier("i", name) for name in _FIELDS), COIN_COLUMNS, CURRENCY_COLUMNS)
_CONDITIONS = {
    "states": "i.state = any(%(states)s)",
    "kinds": "i.kind = any(%(kinds)s)",
    "coin": "i.coin_id = %(coin)s",
}
_NEWEST = 2**63 - 1
_FORGET = """
delete from data_issues where id in (
    select id from data_issues where state = 'RESOLVED' and resolved_at < %s for update skip locked
)
"""
_RECORD = """
insert into data_issues as i (kind, coin_id, currency_id, provider_id, from_ts, to_ts, message, occurrences, evidence,
                              detected_at, last_seen_at)
values (%(kind)s, %(coin)s, %(currency)s, %(provider)s, %(start)s, %(end)s, %(message)s, %(occurrences)s,
        %(evidence)s, %(now)s, %(now)s)
on conflict (kind, coin_id, currency_id, provider_id) where state <> 'RESOLVED' do update
    set from_ts = least(i.from_ts, excluded.from_ts), to_ts = greatest(i.to_ts, excluded.to_ts),
        message = excluded.message, occurrences = i.occurrences + excluded.occurrences,
        last_seen_at = excluded.last_seen_at,
        evidence = (select coalesce(jsonb_agg(sample), '[]') from (
            select sample from jsonb_array_elements(excluded.evidence || i.evidence) as sample
            group by sample order by sample ->> 'time' desc nulls last limit %(most)s) newest)
"""
# An answer in a form that we know ends the first two kinds. Refused rows are no issue any more once none of them leaves
# a hole that refreshes ask for: one that was due for a day is older than what they go back to. Outliers are none once
# every bucket they lie in was answered again.
_RESOLVE = """
update data_issues i set state = 'RESOLVED', resolved_at = %(now)s
where state <> 'RESOLVED' and coin_id = %(coin)s and provider_id = %(provider)s
  and (currency_id is null or currency_id = %(currency)s) and kind <> all(%(found)s)
  and case kind
      when 'REJECTED_ROWS' then not exists (
          select from fetch_windows f
          where f.coin_id = i.coin_id and f.currency_id = i.currency_id and f.outcome = 'REJECTED'
            and f.expires_at > %(now)s - interval '1 day')
      when 'OUTLIER' then not exists (
          select from jsonb_to_recordset(evidence) as sample (time timestamptz)
          cross join lateral (select sample.time + interval '30 minutes' as near) nearest
          where sample.time not between %(start)s and %(end)s
             or date_trunc('hour', near, 'UTC') <> date_trunc(%(unit)s, near, 'UTC'))
      else true end
"""


async def record_finding(connection: Connection, finding: Finding, now: datetime) -> None:
    """Open an issue, or add to the one that is open or acknowledged."""
    await connection.execute(_FORGET, (now - KEPT,))
    kept = [
        {
            "time": one.time.isoformat(timespec="microseconds") if one.time else None,
            "value": one.value,
            "note": one.note,
        }
        for one in finding.evidence[:MAX_EVIDENCE]
    ]
    await connection.execute(
        _RECORD,
        {
            "kind": finding.kind.value,
            "coin": finding.coin_id,
            "currency": finding.currency_id,
            "provider": finding.provider_id,
            "start": finding.window.start if finding.window else None,
            "end": finding.window.end if finding.window else None,
            "message": finding.message,
            "occurrences": finding.occurrences,
            "evidence": Jsonb(kept),
            "now": now,
            "most": MAX_EVIDENCE,
        },
    )


async def resolve_issues(
    connection: Connection,
    series: Series,
    provider_id: int,
    granularity: Granularity,
    answered: Window,
    found: Collection[IssueKind],
    now: datetime,
) -> None:
    """After an answer with samples from `answered.start` to `answered.end`: end the issues that it shows no more."""
    parameters = {
        "coin": series.coin_id,
        "currency": series.currency_id,
        "provider": provider_id,
        "start": answered.start,
        "end": answered.end,
        "unit": "hour" if granularity is Granularity.HOURLY else "day",
        "found": [kind.value for kind in found],
        "now": now,
    }
    await connection.execute(_RESOLVE, parameters)


async def acknowledge_issue(connection: Connection, id_: int, by: str, now: datetime) -> None:
    """Someone knows; the first one to say so is kept. A resolved issue stays what it is."""
    await connection.execute(
        "update data_issues set state = 'ACKNOWLEDGED', acknowledged_by = %s, acknowledged_at = %s "
        "where id = %s and state = 'OPEN'",
        (by, now, id_),
    )


async def list_issues(connection: Connection, where: IssueFilter, limit: int, before: int | None) -> list[IssueRow]:
    """Newest first; only issues older than the issue `before`."""
    page = sql.SQL("where {} and i.id < %(before)s order by i.id desc limit {}").format(where.condition, limit)
    parameters = where.parameters | {"before": _NEWEST if before is None else before}
    return [_issue(row) for row in await (await connection.execute(_ISSUES + page, parameters)).fetchall()]


async def count_issues(connection: Connection, where: IssueFilter) -> int:
    query = sql.SQL("select count(*) from data_issues i where {}").format(where.condition)
    row = await (await connection.execute(query, where.parameters)).fetchone()
    return row[0] if row else 0


async def read_issues(connection: Connection, ids: Sequence[int]) -> dict[int, IssueRow]:
    cursor = await connection.execute(_ISSUES + sql.SQL("where i.id = any(%s)"), (list(ids),))
    return {issue.id: issue for issue in map(_issue, await cursor.fetchall())}


async def read_evidence(connection: Connection, ids: Sequence[int]) -> dict[int, list[Evidence]]:
    """What each issue rests on, the newest samples first; at most MAX_EVIDENCE."""
    cursor = await connection.execute("select id, evidence from data_issues where id = any(%s)", (list(ids),))
    return {id_: [_evidence(sample) for sample in samples] for id_, samples in await cursor.fetchall()}


def _issue(row: Sequence[Any]) -> IssueRow:
    own, coin, currency = row[: len(_FIELDS)], row[len(_FIELDS) : _CURRENCY], row[_CURRENCY:]
    known = None if currency[0] is None else CurrencyRow._make(currency)
    return IssueRow._make((*own, CoinRow._make(coin), known))


def _evidence(sample: dict[str, str | None]) -> Evidence:
    time = datetime.fromisoformat(sample["time"]) if sample["time"] else None
    return Evidence(time, sample["value"] or "", sample["note"] or "")
