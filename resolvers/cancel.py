"""Cancelling a refresh."""

from __future__ import annotations

from db.cancel import cancel_run
from db.runs import RunRow
from resolvers.attempts import attempt
from resolvers.context import Context
from resolvers.errors import ApiError
from resolvers.ids import decode_id
from resolvers.refresh import REFRESH_SCOPE, RefreshOutcome, RefreshResult
from resolvers.runs import resolve_run


async def resolve_cancel(context: Context, id_: str) -> RefreshResult:
    """The run as it stands then; one that had ended before is answered as it ended. Refusals are results."""
    run = await attempt(context, _cancel(context, id_))
    if isinstance(run, ApiError):
        return RefreshResult(RefreshOutcome.REJECTED, errors=[run])
    return RefreshResult(RefreshOutcome.FINISHED, run)


async def _cancel(context: Context, id_: str) -> RunRow:
    context.require(REFRESH_SCOPE)
    run_id = decode_id("RefreshRun", id_)
    async with context.database.transaction() as connection:
        await cancel_run(connection, run_id, context.now)
    return await resolve_run(context, run_id)
