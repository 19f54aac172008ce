"""Issues with the data: pages of them, and their acknowledgement."""

from __future__ import annotations

from db.issues import IssueFilter, IssueRow, acknowledge_issue, count_issues, list_issues, read_issues
from resolvers.attempts import attempt
from resolvers.coins import resolve_coin
from resolvers.context import Context
from resolvers.errors import ApiError, Code
from resolvers.ids import decode_id
from resolvers.paging import Page, check_page_size, decode_cursor, make_page

_SCOPE = "ADMIN"


async def make_issue_filter(
    context: Context, states: list[str] | None, kinds: list[str] | None, coin: str | None
) -> IssueFilter:
    coin_id = (await resolve_coin(context, coin, "coin")).id if coin is not None else None
    return IssueFilter(states, kinds, coin_id)


async def resolve_issue_page(context: Context, where: IssueFilter, first: int, after: str | None) -> Page[IssueRow]:
    check_page_size(first)
    key = decode_cursor(after, "issues", int)
    async with context.reads.connection() as connection:
        rows = await list_issues(connection, where, first + 1, int(key[0]) if key else None)
    return make_page(rows, first, after, lambda row: ["issues", row.id])


async def resolve_issue_count(context: Context, where: IssueFilter) -> int:
    async with context.reads.connection() as connection:
        return await count_issues(connection, where)


async def resolve_acknowledge_issue(context: Context, id_: str) -> IssueRow | ApiError:
    return await attempt(context, _acknowledge(context, id_))


async def _acknowledge(context: Context, id_: str) -> IssueRow:
    caller = context.require(_SCOPE)
    key = decode_id("DataIssue", id_)
    async with context.database.connection() as connection:
        await acknowledge_issue(connection, key, caller.name, context.now)
    async with context.database.connection() as connection:
        row = (await read_issues(connection, [key])).get(key)
    if row is None:
        raise ApiError(Code.NOT_FOUND, "there is no such issue; `dataIssues` lists them", field=["id"])
    if row.state == "RESOLVED":
        raise ApiError(Code.CONFLICT, "this issue is resolved already; nothing is left to acknowledge", field=["id"])
    return row
