"""The Bitcoin addresses that something happens at, and how often."""

from dataclasses import dataclass

from simulator.bitcoin_addresses import Script, ScriptKind, invented
from simulator.market import DAY_S

_CONFIRMED_AFTER_S = 600


@dataclass(frozen=True)
class BitcoinWallet:
    """One address. `every_s`: about so many seconds between two transactions it makes or waits for; 0: there are none.

    `wait_s`: how long they stay unconfirmed, at least. `sends`: the share of them that pay somebody else; every other
    one of those pays the wallet `to`. `most`: satoshis in one payment.
    """

    label: str
    kind: ScriptKind
    every_s: int = 0
    wait_s: int = _CONFIRMED_AFTER_S
    sends: float = 0.3
    most: int = 4_000_000
    to: str | None = None

    @property
    def script(self) -> Script:
        return invented(self.kind, "simulated wallet", self.label)

    @property
    def address(self) -> str:
        return self.script.text or ""


_ALL = (
    BitcoinWallet("savings", "v0_p2wpkh", 45 * DAY_S, sends=0.4, most=20_000_000, to="busy"),
    BitcoinWallet("busy", "v1_p2tr", 6 * DAY_S),
    BitcoinWallet("waiting", "p2sh", 10 * DAY_S, wait_s=16 * DAY_S),  # always something that is not confirmed yet
    BitcoinWallet("unused", "p2pkh"),
)
WALLETS = {wallet.label: wallet for wallet in _ALL}
