"""However many refreshes of one request are waited for: together they take no longer than one may."""

from __future__ import annotations

import asyncio

import pytest

from db.series import Granularity
from resolvers.context import ApiSettings, Caller, Context
from resolvers.refresh import REFRESH_SCOPE, RefreshOrder, RefreshOutcome, resolve_refresh
from resolvers.waits import MAX_WAIT_SECONDS
from tests.world import World

pytestmark = pytest.mark.slow


async def test_all_waits_of_a_request_end_with_the_time_that_begins_with_the_first(world: World) -> None:
    await world.know(["bitcoin"], ["usd"])
    caller = Caller("test", frozenset([REFRESH_SCOPE]), "test")
    context = Context(world.database, world.database, ApiSettings("test"), world.clock.now(), "test", caller=caller)
    loop = asyncio.get_running_loop()
    before = loop.time()

    await resolve_refresh(context, RefreshOrder(granularities=[Granularity.DAILY], wait_seconds=0))

    assert context.wait_deadline is not None
    assert before <= context.wait_deadline - MAX_WAIT_SECONDS <= loop.time()
    context.wait_deadline = loop.time()
    async with asyncio.timeout(MAX_WAIT_SECONDS / 2):
        result = await resolve_refresh(
            context, RefreshOrder(granularities=[Granularity.HOURLY], wait_seconds=MAX_WAIT_SECONDS)
        )
    assert result.outcome is RefreshOutcome.STARTED
