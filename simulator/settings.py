"""What a simulator run can be told."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SimulatorSettings:
    """Limits per caller: `*_per_minute` and `*_per_second` count every answer, `*_monthly` only the 200s.

    `coinbase_*` are of the exchange, whose candles are public; `coinbase_key_*` of Advanced Trade, by key.
    `missing_hours` and `null_caps` are shares (0..1) of the hours in which the provider has no sample, or no
    market cap, of a coin. They belong to the market, so the truth has the same holes.
    """

    seed: int = 1
    demo_keys: frozenset[str] = frozenset({"CG-demo"})
    pro_keys: frozenset[str] = frozenset({"CG-pro"})
    public_per_minute: int = 30
    demo_per_minute: int = 100
    pro_per_minute: int = 500
    demo_monthly: int = 10_000
    pro_monthly: int = 500_000
    coinbase_per_second: float = 10.0
    coinbase_burst: int = 15
    coinpaprika_per_second: float = 10.0
    coinpaprika_monthly: int = 20_000
    coinbase_key_per_second: float = 30.0
    coinbase_key_burst: int = 30
    esplora_per_hour: int = 700
    missing_hours: float = 0.0
    null_caps: float = 0.0
