"""Refreshes: the mutation's input and payload, runs and their tasks."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from db.refresh import Plan
from db.runs import RunRow, TaskRow
from db.series import Granularity as StoredGranularity
from db.series import Window
from resolvers import errors
from resolvers.cancel import resolve_cancel
from resolvers.ids import decode_id, encode_id
from resolvers.instants import Instant
from resolvers.refresh import RefreshOrder, RefreshResult, resolve_refresh
from resolvers.runs import (
    make_task_key,
    resolve_exit_code,
    resolve_run,
    resolve_run_count,
    resolve_run_page,
    resolve_task_page,
)
from schema.arguments import AfterArgument, FirstArgument
from schema.coins import Coin
from schema.common import ApiError, Info, Node, TimeRange
from schema.currencies import Currency
from schema.enums import PROVIDERS, Granularity, Provider, RefreshMode, RefreshOutcome, RunStatus, TaskStatus
from schema.lookahead import needs_totals
from schema.pages import Connection, make_connection


@strawberry.type(description="One request to a provider: a window of one series.")
class RefreshTask(Node):
    granularity: Granularity = strawberry.field(
        description="What is asked for. An HOURLY task also gives the days that its window touches."
    )
    provider: Provider = strawberry.field(description="Who is asked.")
    range: TimeRange = strawberry.field(description="The buckets it fills.")
    status: TaskStatus = strawberry.field(description="How far it is.")
    attempts: int = strawberry.field(description="How often a worker took it up.")
    requests: int = strawberry.field(description="Requests sent to the provider, retries included.")
    rows_inserted: int = strawberry.field(description="Points that were new.")
    rows_corrected: int = strawberry.field(description="Points whose values changed; the old ones are kept.")
    rows_unchanged: int = strawberry.field(description="Points that were stored already.")
    rows_rejected: int = strawberry.field(description="Rows of the answer that failed a check.")
    error: ApiError | None = strawberry.field(description="Why it failed, or waits.")
    coin: Coin = strawberry.field(description="Whose prices.")
    currency: Currency = strawberry.field(description="The currency they are asked for in.")

    @classmethod
    def from_row(cls, row: TaskRow) -> RefreshTask:
        return cls(
            id=strawberry.ID(encode_id("RefreshTask", row.id)),
            coin=Coin.from_row(row.coin),
            currency=Currency.from_row(row.currency),
            granularity=Granularity(row.granularity),
            provider=PROVIDERS[row.provider_id],
            range=TimeRange.from_window(Window(row.from_ts, row.to_ts)),
            status=TaskStatus(row.status),
            attempts=row.attempts,
            requests=row.requests,
            rows_inserted=row.rows_inserted,
            rows_corrected=row.rows_corrected,
            rows_unchanged=row.rows_unchanged,
            rows_rejected=row.rows_rejected,
            error=_task_error(row),
        )


@strawberry.type(description="One recorded refresh. Work that another run has under way already is shared with it.")
class RefreshRun(Node):
    row: strawberry.Private[RunRow]
    status: RunStatus = strawberry.field(description="How far it is.")
    created_at: datetime = strawberry.field(description="When it was asked for.")
    started_at: datetime | None = strawberry.field(description="When a worker first took up one of its tasks.")
    heartbeat_at: datetime | None = strawberry.field(description="When it last made a step.")
    finished_at: datetime | None = strawberry.field(description="When its last task ended, or it was cancelled.")
    resumes_at: datetime | None = strawberry.field(description="When a rate-limited run goes on by itself.")
    tasks_total: int = strawberry.field(description="Its tasks.")
    tasks_done: int = strawberry.field(description="Tasks that have ended.")

    @strawberry.field(description="Requests sent to providers for it, retries included.")
    async def requests(self, info: Info) -> int:
        return (await info.context.run_totals.load(self.row.id)).requests

    @strawberry.field(description="Points that were new.")
    async def rows_inserted(self, info: Info) -> int:
        return (await info.context.run_totals.load(self.row.id)).rows_inserted

    @strawberry.field(description="Points whose values changed; the old ones are kept.")
    async def rows_corrected(self, info: Info) -> int:
        return (await info.context.run_totals.load(self.row.id)).rows_corrected

    @strawberry.field(description="Points that were stored already.")
    async def rows_unchanged(self, info: Info) -> int:
        return (await info.context.run_totals.load(self.row.id)).rows_unchanged

    @strawberry.field(description="Rows of answers that failed a check; none of them is stored.")
    async def rows_rejected(self, info: Info) -> int:
        return (await info.context.run_totals.load(self.row.id)).rows_rejected

    @strawberry.field(
        description="0 all fetched, 1 some tasks failed or were cancelled, 2 all failed, 75 try later; null while it "
        "goes on."
    )
    async def exit_code(self, info: Info) -> int | None:
        return await resolve_exit_code(info.context, self.row)

    @strawberry.field(description="Its tasks, in the order they were queued: newest windows first.")
    async def tasks(
        self,
        info: Info,
        status: Annotated[list[TaskStatus] | None, strawberry.argument(description="Only these.")] = None,
        first: FirstArgument = 50,
        after: AfterArgument = None,
    ) -> Connection[RefreshTask]:
        statuses = [one.name for one in status] if status is not None else None
        key = make_task_key(self.row.id, statuses, first, after)
        page = await resolve_task_page(info.context, key, first, after)
        return make_connection(page, RefreshTask.from_row, lambda context: context.task_counts.load(key))

    @classmethod
    def from_row(cls, row: RunRow) -> RefreshRun:
        return cls(
            row=row,
            id=strawberry.ID(encode_id("RefreshRun", row.id)),
            status=RunStatus(row.status),
            created_at=row.created_at,
            started_at=row.started_at,
            heartbeat_at=row.heartbeat_at,
            finished_at=row.finished_at,
            resumes_at=row.resumes_at,
            tasks_total=row.tasks_total,
            tasks_done=row.tasks_total - row.tasks_open,
        )


@strawberry.input(description="What to refresh. Left out: everything that is tracked, over the history window.")
class RefreshInput:
    coins: list[str] | None = strawberry.field(default=None, description="Slugs; left out: all tracked coins.")
    currencies: list[str] | None = strawberry.field(
        default=None, description="Codes; left out: all currencies that prices are stored in."
    )
    granularities: list[Granularity] = strawberry.field(
        default_factory=lambda: [Granularity.HOURLY, Granularity.DAILY], description="Which stores to fill."
    )
    from_: Instant | None = strawberry.field(
        default=None,
        name="from",
        description="First instant; floored to its bucket. Left out: the history window (`PRICEGRAPH_HISTORY_DAYS`).",
    )
    to: Instant | None = strawberry.field(default=None, description="First instant after; left out: now.")
    mode: RefreshMode = strawberry.field(default=RefreshMode.MISSING, description="Holes only, or everything again.")
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="The same key with the same request, within 24 hours and by the same token, answers the same run. "
        "1 to 200 characters.",
    )
    wait_seconds: int = strawberry.field(
        default=0,
        description="Hold the answer until the run ends or these seconds are over; 0 to 60. All refreshes of one "
        "request share 60 seconds.",
    )
    dry_run: bool = strawberry.field(default=False, description="Say what it would cost and start nothing.")

    def order(self) -> RefreshOrder:
        return RefreshOrder(
            coins=self.coins,
            currencies=self.currencies,
            granularities=[StoredGranularity(one.name) for one in self.granularities],
            start=self.from_,
            end=self.to,
            force=self.mode is RefreshMode.FORCE,
            idempotency_key=self.idempotency_key,
            wait_seconds=self.wait_seconds,
            dry_run=self.dry_run,
        )


@strawberry.type(description="What a refresh costs.")
class RefreshEstimate:
    requests: int = strawberry.field(description="Requests to providers.")
    points: int = strawberry.field(description="Missing buckets that they can fill.")
    seconds: int = strawberry.field(description="How long they take at the pace of the provider's budget.")

    @classmethod
    def from_plan(cls, plan: Plan) -> RefreshEstimate:
        return cls(requests=len(plan.tasks), points=plan.points, seconds=round(plan.seconds))


@strawberry.type(description="What became of a refresh.")
class RefreshPayload:
    outcome: RefreshOutcome = strawberry.field(description="In one word.")
    run: RefreshRun | None = strawberry.field(description="The run; null for a dry run and when refused.")
    estimate: RefreshEstimate | None = strawberry.field(
        description="What the new work costs; null when refused or answered from an earlier run."
    )
    errors: list[ApiError] = strawberry.field(
        description="Why it was refused; or, with another outcome, what was left out."
    )

    @classmethod
    def from_result(cls, result: RefreshResult) -> RefreshPayload:
        return cls(
            outcome=RefreshOutcome(result.outcome.value),
            run=RefreshRun.from_row(result.run) if result.run else None,
            estimate=RefreshEstimate.from_plan(result.plan) if result.plan else None,
            errors=[ApiError.from_error(error) for error in result.errors],
        )


def _task_error(row: TaskRow) -> ApiError | None:
    if row.error_code is None:
        return None
    code = errors.Code(row.error_code)
    return ApiError.from_error(errors.ApiError(code, row.error_message or "", retry_at=row.retry_at))


@strawberry.type
class RefreshQueries:
    @strawberry.field(description="One run. Error NOT_FOUND when there is none.")
    async def refresh_run(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="From `RefreshRun.id`.")]
    ) -> RefreshRun | None:
        return RefreshRun.from_row(await resolve_run(info.context, decode_id("RefreshRun", id)))

    @strawberry.field(description="The recorded refreshes, newest first.")
    async def refresh_runs(
        self, info: Info, first: FirstArgument = 20, after: AfterArgument = None
    ) -> Connection[RefreshRun]:
        page = await resolve_run_page(info.context, first, after, totals=needs_totals(info))
        return make_connection(page, RefreshRun.from_row, resolve_run_count)


@strawberry.type
class RefreshMutations:
    @strawberry.mutation(
        description="Fetch what is missing. Needs a token with scope REFRESH. Records a run, queues its tasks and "
        "answers at once, or after `waitSeconds`; the workers do the rest. Every refusal is an outcome with a code."
    )
    async def refresh_prices(
        self, info: Info, input: Annotated[RefreshInput, strawberry.argument(description="What to refresh.")]
    ) -> RefreshPayload:
        return RefreshPayload.from_result(await resolve_refresh(info.context, input.order()))

    @strawberry.mutation(
        description="End a run and its open tasks, but for those that another open run shares. Needs a token with "
        "scope REFRESH. A request that is under way goes on to its end, and what it brings is stored. Outcome "
        "FINISHED, also for a run that had ended before: that one stays as it is."
    )
    async def cancel_refresh(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="From `RefreshRun.id`.")]
    ) -> RefreshPayload:
        return RefreshPayload.from_result(await resolve_cancel(info.context, id))
