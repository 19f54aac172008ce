"""Syncs of accounts: asked for here, done by the workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from db.accounts import AccountKind, AccountRow, read_accounts
from db.syncs import SyncRow, read_syncs, request_sync
from resolvers.accounts import no_account
from resolvers.coins import check_batch
from resolvers.context import Context, Outcome
from resolvers.errors import ApiError, Code
from resolvers.ids import decode_id
from resolvers.paging import check_page_size
from resolvers.private import WRITE, SyncKey
from resolvers.waits import check_wait, wait_until

_EXIT_CODES = {"SUCCEEDED": 0, "PARTIAL": 1, "CANCELLED": 1, "FAILED": 2, "WAITING_RATE_LIMIT": 75}


@dataclass(frozen=True, slots=True)
class SyncResult:
    """The runs, in the order of the accounts; an error for each id that was refused."""

    runs: Sequence[SyncRow] = ()
    errors: Sequence[ApiError] = ()


def exit_code_of(run: SyncRow) -> int | None:
    """As of a refresh; None while the run goes on."""
    return _EXIT_CODES.get(run.status)


async def resolve_syncs(context: Context, account_id: int, first: int) -> list[SyncRow]:
    """The newest first."""
    check_page_size(first)
    context.charge(first)
    return await context.private().syncs_of.load(SyncKey(account_id, first))


async def resolve_sync_accounts(context: Context, ids: Sequence[str] | None, wait_seconds: int) -> SyncResult:
    """Without ids: every account that has a source."""
    context.forget_private()
    try:
        result = await _sync(context, ids, wait_seconds)
    except ApiError as error:
        result = SyncResult(errors=[error])
    context.forget_private()
    context.outcomes += [Outcome(None, error) for error in result.errors]
    context.outcomes += [Outcome(exit_code_of(run), None) for run in result.runs]
    return result


async def _sync(context: Context, ids: Sequence[str] | None, wait_seconds: int) -> SyncResult:
    caller, owner = context.require(WRITE), context.private(WRITE).owner
    check_wait(wait_seconds)
    check_batch(context, ids or [], "ids")
    wanted = None if ids is None else list(dict.fromkeys(decode_id("Account", id_) for id_ in ids))
    async with context.database.transaction() as connection:
        accounts = {row.id: row for row in await read_accounts(connection, owner, ids=wanted)}
        if wanted is None:
            wanted = [row.id for row in accounts.values() if row.kind != AccountKind.MANUAL]
        opened = await request_sync(connection, wanted, caller.name, context.now, owner=owner)
    run_ids = [opened[id_] for id_ in wanted if id_ in opened]
    errors = [_refusal(accounts.get(id_)) for id_ in wanted if id_ not in opened]

    async def look() -> list[SyncRow]:
        async with context.database.connection() as connection:
            found = await read_syncs(connection, owner, run_ids)
        return [found[id_] for id_ in run_ids if id_ in found]

    runs = await wait_until(context, wait_seconds, look, lambda runs: all(run.finished_at for run in runs))
    return SyncResult(runs, errors)


def _refusal(account: AccountRow | None) -> ApiError:
    if account is None:
        return no_account("ids")
    text = f"{account.label!r} is a manual account: it has no source to sync with"
    return ApiError(Code.BAD_INPUT, text, field=["ids"])
