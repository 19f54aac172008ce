"""The simulator as one ASGI application: a mount per provider host, and the control routes."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.routing import Mount

from simulator import coinbase_advanced, coinbase_exchange, coingecko, coinpaprika, esplora
from simulator.bitcoin_chain import Chain
from simulator.catalogue import catalogue_route
from simulator.control import control_routes
from simulator.damage import DAMAGES, Damaging
from simulator.faults import Faults, Replacement
from simulator.log import RequestLog
from simulator.market import Market
from simulator.provider import Provider, Truth
from simulator.settings import SimulatorSettings
from simulator.wallets import wallets_route


@dataclass(frozen=True)
class _Shared:
    """What all providers have in common, but for the market: each has its own view of it."""

    settings: SimulatorSettings
    clock: Callable[[], float]
    faults: Faults
    log: RequestLog

    def provider(
        self,
        name: str,
        replacements: Mapping[str, Replacement],
        truth: Truth | None = Market.truth,
        secrets: frozenset[str] = frozenset(),
        damages: Mapping[str, Damaging] = DAMAGES,
    ) -> Provider:
        market, seed = Market(self.settings), self.settings.seed
        return Provider(name, self.clock, seed, market, self.faults, self.log, replacements, truth, secrets, damages)


def create_simulator(settings: SimulatorSettings, clock: Callable[[], float] = time.time) -> Starlette:
    """`clock` tells unix seconds; nothing here reads any other. Base URLs are the mounts without `/_control`."""
    shared, chain = _Shared(settings, clock, Faults(settings.seed), RequestLog()), Chain(settings.seed)
    gecko = shared.provider(coingecko.NAME, coingecko.REPLACEMENTS, secrets=coingecko.SECRETS)
    exchange = shared.provider(coinbase_exchange.NAME, coinbase_exchange.REPLACEMENTS, coinbase_exchange.truth)
    paprika = shared.provider(coinpaprika.NAME, coinpaprika.REPLACEMENTS, coinpaprika.truth)
    advanced = shared.provider(
        coinbase_advanced.NAME, coinbase_advanced.REPLACEMENTS, truth=None, damages=coinbase_advanced.DATA_FAULTS
    )
    bitcoin = shared.provider(esplora.NAME, esplora.REPLACEMENTS, truth=None, damages=esplora.damages(chain))
    gecko_hosts = coingecko.CoinGecko(gecko, settings)
    users = coinbase_advanced.CoinbaseAdvanced(advanced, settings)
    control = [
        *control_routes([gecko, exchange, paprika, advanced, bitcoin], shared.faults, shared.log, clock),
        catalogue_route(gecko.market, settings.seed),
        wallets_route(users.ledgers, chain, clock),
    ]
    return Starlette(
        routes=[
            Mount("/_control", routes=control),
            Mount("/coingecko/api/v3", routes=gecko_hosts.routes("demo")),
            Mount("/coingecko-pro/api/v3", routes=gecko_hosts.routes("pro")),
            Mount("/coinbase-exchange", routes=coinbase_exchange.CoinbaseExchange(exchange, settings).routes()),
            Mount("/coinpaprika/v1", routes=coinpaprika.CoinPaprika(paprika, settings).routes()),
            Mount("/coinbase/api/v3/brokerage", routes=users.routes()),
            Mount("/esplora/api", routes=esplora.Esplora(bitcoin, settings, chain).routes()),
        ]
    )
