"""The simulator as one ASGI application: a mount per provider host, and the control routes."""

import time
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.routing import Mount

from simulator.coingecko import CoinGecko
from simulator.control import control_routes
from simulator.faults import Faults
from simulator.limits import Limits
from simulator.log import RequestLog
from simulator.market import Market
from simulator.settings import SimulatorSettings


def create_simulator(settings: SimulatorSettings, clock: Callable[[], float] = time.time) -> Starlette:
    """`clock` tells unix seconds; nothing here reads any other. Base URLs end in the two `/api/v3` mounts."""
    market, faults, log = Market(settings), Faults(settings.seed), RequestLog()
    coingecko = CoinGecko(settings, clock, market, Limits(settings), faults, log)
    return Starlette(
        routes=[
            Mount("/_control", routes=control_routes(market, faults, log, clock)),
            Mount("/coingecko/api/v3", routes=coingecko.routes("demo")),
            Mount("/coingecko-pro/api/v3", routes=coingecko.routes("pro")),
        ]
    )
