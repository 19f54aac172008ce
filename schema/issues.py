"""Issues: what is wrong with the data, as far as the workers noticed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from db.issues import Evidence as StoredEvidence
from db.issues import IssueRow
from db.series import Window
from resolvers.errors import ApiError as Refusal
from resolvers.ids import encode_id
from resolvers.issues import (
    make_issue_filter,
    resolve_acknowledge_issue,
    resolve_issue_count,
    resolve_issue_page,
)
from resolvers.paging import check_page_size
from schema.arguments import AfterArgument, FirstArgument
from schema.coins import Coin
from schema.common import ApiError, Info, Node, TimeRange
from schema.currencies import Currency
from schema.enums import PROVIDERS, IssueKind, IssueState, Provider, Severity
from schema.pages import Connection, make_connection

_SEVERITIES = {
    IssueKind.SCHEMA_DRIFT: Severity.ERROR,
    IssueKind.ID_NOT_FOUND: Severity.ERROR,
    IssueKind.REJECTED_ROWS: Severity.WARNING,
    IssueKind.OUTLIER: Severity.WARNING,
}


@strawberry.type(description="One sample that an issue rests on.")
class Evidence:
    time: datetime | None = strawberry.field(description="The provider's stamp; null when it had none that is valid.")
    value: str = strawberry.field(description="As the provider sent it, in JSON; cut after 100 characters.")
    note: str = strawberry.field(description="What is wrong with it.")

    @classmethod
    def from_stored(cls, stored: StoredEvidence) -> Evidence:
        return cls(time=stored.time, value=stored.value, note=stored.note)


@strawberry.type(
    description="Something wrong with the data. At most one is open or acknowledged per kind, coin, currency and "
    "provider; it resolves itself with the provider's next good answer, and is forgotten 90 days later."
)
class DataIssue(Node):
    row: strawberry.Private[IssueRow]
    kind: IssueKind = strawberry.field(description="What is wrong.")
    severity: Severity = strawberry.field(description="Whether data is missing because of it.")
    state: IssueState = strawberry.field(description="Whether it is still so, and whether somebody knows.")
    provider: Provider = strawberry.field(description="Whose answers show it.")
    range: TimeRange | None = strawberry.field(
        description="The hours that the samples concerned are stamped in; null: whatever the time."
    )
    message: str = strawberry.field(description="In words, with what to do.")
    occurrences: int = strawberry.field(
        description="Samples concerned, or answers for SCHEMA_DRIFT and ID_NOT_FOUND; a sample that is seen again "
        "counts again."
    )
    detected_at: datetime = strawberry.field(description="When it was first noticed.")
    last_seen_at: datetime = strawberry.field(description="When it was last noticed.")
    acknowledged_at: datetime | None = strawberry.field(description="When somebody acknowledged it.")
    acknowledged_by: str | None = strawberry.field(description="Whose token acknowledged it.")
    resolved_at: datetime | None = strawberry.field(description="When an answer showed it no more.")
    coin: Coin = strawberry.field(description="Whose data.")
    currency: Currency | None = strawberry.field(description="In which currency; null: whatever the currency.")

    @strawberry.field(description="The newest samples that it rests on; 100 are kept.")
    async def evidence(
        self, info: Info, first: Annotated[int, strawberry.argument(description="At most so many; 1 to 1000.")] = 20
    ) -> list[Evidence]:
        check_page_size(first)
        kept = await info.context.issue_evidence.load(self.row.id)
        return [Evidence.from_stored(one) for one in kept[:first]]

    @classmethod
    def from_row(cls, row: IssueRow) -> DataIssue:
        kind = IssueKind(row.kind)
        return cls(
            row=row,
            id=strawberry.ID(encode_id("DataIssue", row.id)),
            kind=kind,
            severity=_SEVERITIES[kind],
            state=IssueState(row.state),
            provider=PROVIDERS[row.provider_id],
            range=TimeRange.from_window(Window(row.from_ts, row.to_ts)) if row.from_ts and row.to_ts else None,
            message=row.message,
            occurrences=row.occurrences,
            detected_at=row.detected_at,
            last_seen_at=row.last_seen_at,
            acknowledged_at=row.acknowledged_at,
            acknowledged_by=row.acknowledged_by,
            resolved_at=row.resolved_at,
            coin=Coin.from_row(row.coin),
            currency=Currency.from_row(row.currency) if row.currency else None,
        )


@strawberry.type(description="What became of an acknowledgement.")
class AcknowledgePayload:
    issue: DataIssue | None = strawberry.field(description="The issue as it is now; null when it was refused.")
    errors: list[ApiError] = strawberry.field(description="Why it was refused.")

    @classmethod
    def from_result(cls, result: IssueRow | Refusal) -> AcknowledgePayload:
        if isinstance(result, Refusal):
            return cls(issue=None, errors=[ApiError.from_error(result)])
        return cls(issue=DataIssue.from_row(result), errors=[])


@strawberry.type
class IssueQueries:
    @strawberry.field(description="What is or was wrong with the data, the newest issues first.")
    async def data_issues(
        self,
        info: Info,
        states: Annotated[
            list[IssueState] | None, strawberry.argument(description="Only these; left out: all.")
        ] = None,
        kinds: Annotated[list[IssueKind] | None, strawberry.argument(description="Only these; left out: all.")] = None,
        coin: Annotated[str | None, strawberry.argument(description="Slug: only this coin's.")] = None,
        first: FirstArgument = 50,
        after: AfterArgument = None,
    ) -> Connection[DataIssue]:
        where = await make_issue_filter(info.context, _names(states), _names(kinds), coin)
        page = await resolve_issue_page(info.context, where, first, after)
        return make_connection(page, DataIssue.from_row, lambda context: resolve_issue_count(context, where))


@strawberry.type
class IssueMutations:
    @strawberry.mutation(
        description="Say that somebody knows: the issue stays ACKNOWLEDGED when it is noticed again. Needs a token "
        "with scope ADMIN. Every refusal is among `errors`, with a code."
    )
    async def acknowledge_issue(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="From `DataIssue.id`.")]
    ) -> AcknowledgePayload:
        return AcknowledgePayload.from_result(await resolve_acknowledge_issue(info.context, id))


def _names(chosen: list[IssueState] | list[IssueKind] | None) -> list[str] | None:
    return None if chosen is None else [one.name for one in chosen]
