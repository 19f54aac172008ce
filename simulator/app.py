"""The simulator as one ASGI application: a mount per provider host, and the control routes."""

import time
from collections.abc import Callable, Mapping

from starlette.applications import Starlette
from starlette.routing import Mount

from simulator import coinbase_exchange, coingecko, coinpaprika
from simulator.catalogue import catalogue_route
from simulator.control import control_routes
from simulator.faults import Faults, Replacement
from simulator.log import RequestLog
from simulator.market import Market
from simulator.provider import Provider, Truth
from simulator.settings import SimulatorSettings


def create_simulator(settings: SimulatorSettings, clock: Callable[[], float] = time.time) -> Starlette:
    """`clock` tells unix seconds; nothing here reads any other. Base URLs are the mounts without `/_control`."""
    faults, log = Faults(settings.seed), RequestLog()

    def provider(
        name: str,
        replacements: Mapping[str, Replacement],
        truth: Truth = Market.truth,
        secrets: frozenset[str] = frozenset(),
    ) -> Provider:
        return Provider(name, clock, settings.seed, Market(settings), faults, log, replacements, truth, secrets)

    gecko = provider(coingecko.NAME, coingecko.REPLACEMENTS, secrets=coingecko.SECRETS)
    exchange = provider(coinbase_exchange.NAME, coinbase_exchange.REPLACEMENTS, coinbase_exchange.truth)
    paprika = provider(coinpaprika.NAME, coinpaprika.REPLACEMENTS, coinpaprika.truth)
    gecko_hosts = coingecko.CoinGecko(gecko, settings)
    return Starlette(
        routes=[
            Mount(
                "/_control",
                routes=[
                    *control_routes([gecko, exchange, paprika], faults, log, clock),
                    catalogue_route(gecko.market, settings.seed),
                ],
            ),
            Mount("/coingecko/api/v3", routes=gecko_hosts.routes("demo")),
            Mount("/coingecko-pro/api/v3", routes=gecko_hosts.routes("pro")),
            Mount("/coinbase-exchange", routes=coinbase_exchange.CoinbaseExchange(exchange, settings).routes()),
            Mount("/coinpaprika/v1", routes=coinpaprika.CoinPaprika(paprika, settings).routes()),
        ]
    )
