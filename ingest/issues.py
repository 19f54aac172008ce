"""What a worker notices about the data, kept as issues until a later answer shows it no more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from db.issues import MAX_EVIDENCE, Evidence, Finding, IssueKind, record_finding, resolve_issues
from db.pool import Connection
from db.series import EPOCH, HOUR, Window, floor
from db.tasks import ClaimedTask
from db.tracking import list_unlisted
from ingest.buckets import Sample
from ingest.errors import Kind, NotNow, ProviderError
from ingest.providers.coingecko_history import History

# A sample this many times both its neighbours, or so many times smaller than both, is an outlier. Prices of small coins
# do jump, but one that is back at the next sample is more often a misplaced decimal point.
OUTLIER_FACTOR = 10

_REJECTED = "some rows failed a check and are not stored; the next refresh asks for them again"
_UNLISTED = (
    "the provider does not list this coin any more, so it is refreshed only when named: "
    "stop tracking it with untrackCoins, or acknowledge this"
)
_OUTLIERS = (
    "samples that jump away from both their neighbours; they are stored all the same: "
    "set the right price with setManualPrice, or acknowledge this"
)


async def report_failure(connection: Connection, task: ClaimedTask, error: ProviderError, now: datetime) -> None:
    """Record what the provider's refusal says about the data; limits and keys are no matter of the data."""
    if isinstance(error, NotNow):  # nothing was asked
        return
    coin, currency = task.series.coin_id, task.series.currency_id
    if error.kind is Kind.DRIFT:
        finding = Finding(IssueKind.SCHEMA_DRIFT, coin, currency, task.provider_id, error.message)
    elif error.kind is Kind.NOT_FOUND:
        finding = Finding(IssueKind.ID_NOT_FOUND, coin, None, task.provider_id, error.message)
    else:
        return
    await record_finding(connection, finding, now)


async def report_list(connection: Connection, provider_id: int, now: datetime) -> None:
    """Record the tracked coins that a provider's list lacks; nothing else would ask for them again."""
    for coin in await list_unlisted(connection):
        await record_finding(connection, Finding(IssueKind.ID_NOT_FOUND, coin, None, provider_id, _UNLISTED), now)


async def report_answer(connection: Connection, task: ClaimedTask, history: History, now: datetime) -> None:
    """Record what is wrong inside an answer, and end the issues that it shows no more; after it has been stored."""
    findings = [
        _finding(task, IssueKind.REJECTED_ROWS, _REJECTED, history.rejected),
        _finding(task, IssueKind.OUTLIER, _OUTLIERS, find_outliers(history.samples)),
    ]
    found = [finding for finding in findings if finding.occurrences]
    for finding in found:
        await record_finding(connection, finding, now)
    times = [sample.at for sample in history.samples] or [now]
    kinds = {finding.kind for finding in found}
    answered = Window(times[0], times[-1])
    await resolve_issues(connection, task.series, task.provider_id, task.granularity, answered, kinds, now)


def find_outliers(samples: Sequence[Sample]) -> list[Evidence]:
    """The samples that jump away from both their neighbours; the first and the last one have only one."""
    found = []
    for before, sample, after in zip(samples, samples[1:], samples[2:], strict=False):
        low, high = sorted((before.price, after.price))
        if sample.price > high * OUTLIER_FACTOR or sample.price < low / OUTLIER_FACTOR:
            note = f"its neighbours are {before.price!r} and {after.price!r}"
            found.append(Evidence(sample.at, repr(sample.price), note))
    return found


def _finding(task: ClaimedTask, kind: IssueKind, message: str, evidence: Sequence[Evidence]) -> Finding:
    """The newest of the evidence, and how much there was of it."""
    newest = sorted(evidence, key=lambda one: one.time or EPOCH, reverse=True)
    times = [one.time for one in newest if one.time]
    window = Window(floor(times[-1], HOUR), floor(times[0], HOUR) + HOUR) if times else None
    coin, currency = task.series.coin_id, task.series.currency_id
    kept = newest[:MAX_EVIDENCE]
    return Finding(kind, coin, currency, task.provider_id, message, len(evidence), window, kept)
