"""The simulator behind a real socket, as the demo runs it."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import uvicorn

from simulator.app import create_simulator
from simulator.settings import SimulatorSettings

HOUR_S = 3600
ARMED = {"wrong-length", "reset", "timeout", "slowloris", "redirect-loop", "drip"}
pytestmark = pytest.mark.slow


@pytest.fixture
async def simulator() -> AsyncIterator[httpx.AsyncClient]:
    """A client of a served simulator that reads the machine's clock."""
    config = uvicorn.Config(create_simulator(SimulatorSettings()), log_level="critical", server_header=False, ws="none")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        serving = asyncio.create_task(server.serve([listener]))
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            yield client
        server.should_exit = True
        await serving


async def arm(simulator: httpx.AsyncClient, kind: str, arg: float | None = None) -> None:
    await simulator.delete("/_control/faults")
    fault = {"provider": "coingecko", "kind": kind, "arg": arg}
    assert (await simulator.post("/_control/faults", json=fault)).status_code == 200


def causes(error: BaseException | None) -> Iterator[BaseException]:
    while error:
        yield error
        error = error.__cause__ or error.__context__


async def test_a_client_gets_the_truth_then_the_faults_then_the_truth_again(simulator: httpx.AsyncClient) -> None:
    end = int(time.time()) // HOUR_S * HOUR_S
    span = f"from={end - 80 * 24 * HOUR_S}&to={end}"
    url = f"/coingecko/api/v3/coins/bitcoin/market_chart/range?vs_currency=eur&{span}"
    truth_url = f"/_control/truth?coin=bitcoin&currency=eur&granularity=HOURLY&{span}"

    async def found() -> list[list[float]]:
        chart = (await simulator.get(url, timeout=2)).json()
        rows = [[ms // 1000 // HOUR_S * HOUR_S, price] for ms, price in chart["prices"]]
        return [row for row in rows if row[0] < end]

    truth = [row[:2] for row in (await simulator.get(truth_url)).json()]
    assert len(truth) == 80 * 24
    assert await found() == truth

    await arm(simulator, "wrong-length")
    with pytest.raises(httpx.RemoteProtocolError):
        await simulator.get(url)
    await arm(simulator, "reset")
    with pytest.raises(httpx.ReadError) as broken:
        await simulator.get(url)
    assert ConnectionResetError in [type(cause) for cause in causes(broken.value)]
    await arm(simulator, "timeout", arg=600)
    with pytest.raises(httpx.ReadTimeout):
        await simulator.get(url, timeout=0.2)
    await arm(simulator, "redirect-loop")
    with pytest.raises(httpx.TooManyRedirects):
        await simulator.get(url, follow_redirects=True)
    for kind, lasting in (("drip", 0.2), ("slowloris", 2.5)):
        await arm(simulator, kind, lasting)
        assert await found() == truth  # no single read takes long

    await simulator.delete("/_control/faults")
    statuses = {(await simulator.get("/coingecko/api/v3/ping")).status_code for _ in range(30)}
    assert 429 in statuses
    log = (await simulator.get("/_control/log")).json()
    assert {entry["fault"] for entry in log} == {None, *ARMED}
    with_key = await simulator.get(url, headers={"x-cg-demo-api-key": "CG-demo"})
    assert with_key.json()["prices"][0][1] == truth[0][1]
    assert with_key.headers.get_list("server") == []
