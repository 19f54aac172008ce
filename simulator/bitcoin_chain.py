"""What happens at the simulated Bitcoin addresses: transactions, each at its own instant whenever it is asked for."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from heapq import merge
from typing import NamedTuple

from simulator.bitcoin_addresses import Script, invented
from simulator.bitcoin_wallets import WALLETS, BitcoinWallet
from simulator.instants import unix_seconds
from simulator.noise import key_of, uniform

OPENED = unix_seconds("2024-11-01")
_FIRST_HEIGHT, _BLOCK_S = 868_300, 600  # the block of that day; later ones come evenly
_DUST = 546
_LEAST = 60_000  # satoshis
_MINED = 312_500_000
_DRAWS = 8
# Every so many-th event of a wallet is one of these.
_MINED_EVERY, _TWICE_EVERY, _NOTE_EVERY = 17, 11, 7


class Output(NamedTuple):
    script: Script
    value: int


class Spent(NamedTuple):
    """An output of an earlier transaction as an input; without any of them, new coins."""

    txid: str
    place: int
    output: Output | None


@dataclass(frozen=True)
class Transaction:
    """`at`: unix second at which it is heard of; `height`: the block it is confirmed in. Values in satoshis."""

    txid: str
    at: int
    height: int
    inputs: tuple[Spent, ...]
    outputs: tuple[Output, ...]

    @property
    def block_time(self) -> int:
        return block_time(self.height)

    @property
    def fee(self) -> int:
        came_in = [spent.output.value for spent in self.inputs if spent.output]
        return sum(came_in) - sum(output.value for output in self.outputs) if came_in else 0

    def received(self, script: Script) -> list[tuple[int, int]]:
        """(place, value) of the outputs that are the script's."""
        found = enumerate(self.outputs)
        return [(index, output.value) for index, output in found if output.script == script]

    def spent(self, script: Script) -> list[Spent]:
        return [one for one in self.inputs if one.output and one.output.script == script]


def tip_height(now: float) -> int:
    return _FIRST_HEIGHT + int(now - OPENED) // _BLOCK_S


def block_time(height: int) -> int:
    return OPENED + (height - _FIRST_HEIGHT) * _BLOCK_S


def block_hash(height: int) -> str:
    return "0" * 20 + sha256(f"block {height}".encode()).hexdigest()[20:]


class Chain:
    """Every transaction so far, of all wallets."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._known: list[Transaction] = []  # in the order in which they are heard of
        self._unspent: dict[Script, list[Spent]] = {wallet.script: [] for wallet in WALLETS.values()}
        self._coming = merge(*(self._events(wallet) for wallet in WALLETS.values() if wallet.every_s))
        self._next = next(self._coming)

    def confirmed(self, script: Script, now: float) -> list[Transaction]:
        """Newest first."""
        found = [one for one in self._of(script, now) if one.block_time <= now]
        return sorted(found, key=lambda one: (one.height, one.at), reverse=True)

    def waiting(self, script: Script, now: float) -> list[Transaction]:
        """Newest first."""
        return [one for one in self._of(script, now) if one.block_time > now][::-1]

    def _of(self, script: Script, now: float) -> list[Transaction]:
        while self._next[0] <= now:
            self._add(*self._next)
            self._next = next(self._coming)
        return [one for one in self._known if one.at <= now and (one.received(script) or one.spent(script))]

    def _events(self, wallet: BitcoinWallet) -> Iterator[tuple[int, str, int]]:
        """(unix second, label, number), for ever."""
        number, key = 0, key_of(self._seed, "bitcoin", wallet.label)
        while True:
            yield OPENED + round((number + 0.5 * uniform(key, _DRAWS * number)) * wallet.every_s), wallet.label, number
            number += 1

    def _add(self, at: int, label: str, number: int) -> None:
        wallet, key = WALLETS[label], key_of(self._seed, "bitcoin", label)
        luck = [uniform(key, _DRAWS * number + draw) for draw in range(_DRAWS)]
        amount, fee = _LEAST + int(luck[1] * (wallet.most - _LEAST)), 400 + int(luck[2] * 8000)
        held = sum(spent.output.value for spent in self._unspent[wallet.script] if spent.output)
        if luck[3] < wallet.sends and held > amount + fee:
            inputs, outputs = self._payment(wallet, number, amount, fee)
        else:
            inputs, outputs = _receipt(wallet, number, amount, fee)
        txid = sha256(f"{self._seed} {label} {number}".encode()).hexdigest()
        height = _FIRST_HEIGHT + -(-(at + wallet.wait_s - OPENED) // _BLOCK_S)
        self._known.append(Transaction(txid, at, height, tuple(inputs), tuple(outputs)))
        for place, output in enumerate(outputs):
            if output.script in self._unspent:
                self._unspent[output.script].append(Spent(txid, place, output))

    def _payment(self, wallet: BitcoinWallet, number: int, amount: int, fee: int) -> tuple[list[Spent], list[Output]]:
        """Of the oldest outputs; the rest comes back to the same address."""
        inputs: list[Spent] = []
        came_in = 0
        while came_in < amount + fee:
            spent = self._unspent[wallet.script].pop(0)
            inputs.append(spent)
            came_in += spent.output.value if spent.output else 0
        payee = invented("v0_p2wpkh", "payee", wallet.label, number)
        if wallet.to and number % 2 == 0:
            payee = WALLETS[wallet.to].script
        outputs, rest = [Output(payee, amount)], came_in - amount - fee
        if rest > _DUST:
            outputs.append(Output(wallet.script, rest))
        return inputs, outputs


def _receipt(wallet: BitcoinWallet, number: int, amount: int, fee: int) -> tuple[list[Spent], list[Output]]:
    """From somebody, who keeps the rest; sometimes in two outputs, with a note, or newly mined."""
    own = [Output(wallet.script, amount)]
    note = Output(invented("op_return", wallet.label, number), 0)
    if number % _MINED_EVERY == _MINED_EVERY - 1:
        return [Spent("0" * 64, 0xFFFFFFFF, None)], [*own, Output(invented("p2pkh", "miner"), _MINED - amount), note]
    if number % _TWICE_EVERY == _TWICE_EVERY - 1:
        own = [Output(wallet.script, amount - _LEAST // 2), Output(wallet.script, _LEAST // 2)]
    payer, rest = invented("p2sh", "payer", wallet.label, number), 12_345 + 678 * number
    origin = sha256(f"before {wallet.label} {number}".encode()).hexdigest()
    outputs = [Output(invented("p2sh", "change", wallet.label, number), rest), *own]
    if number % _NOTE_EVERY == _NOTE_EVERY - 1:
        outputs.append(note)
    return [Spent(origin, number % 5, Output(payer, amount + rest + fee))], outputs
