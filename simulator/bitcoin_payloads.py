"""Transactions and sums as Esplora writes them; values in satoshis. Keys that have no value are left out."""

from collections.abc import Iterable
from typing import Any

from simulator.bitcoin_addresses import Script
from simulator.bitcoin_chain import Output, Spent, Transaction, block_hash

_INPUT_SIZE, _OUTPUT_SIZE, _FRAME_SIZE = 68, 33, 11  # bytes, about


def transaction(one: Transaction, now: float) -> dict[str, Any]:
    size = _FRAME_SIZE + _INPUT_SIZE * len(one.inputs) + _OUTPUT_SIZE * len(one.outputs)
    return {
        "txid": one.txid,
        "version": 2,
        "locktime": 0,
        "vin": [_input(spent) for spent in one.inputs],
        "vout": [_output(output) for output in one.outputs],
        "size": size,
        "weight": 4 * size,
        "fee": one.fee,
        "status": status(one, now),
    }


def status(one: Transaction, now: float) -> dict[str, Any]:
    if one.block_time > now:
        return {"confirmed": False}
    block = {"block_height": one.height, "block_hash": block_hash(one.height), "block_time": one.block_time}
    return {"confirmed": True, **block}


def _input(spent: Spent) -> dict[str, Any]:
    return {
        "txid": spent.txid,
        "vout": spent.place,
        "prevout": spent.output and _output(spent.output),
        "scriptsig": "",
        "scriptsig_asm": "",
        "is_coinbase": spent.output is None,
        "sequence": 0xFFFFFFFD,
    }


def _output(output: Output) -> dict[str, Any]:
    script = output.script
    address = {"scriptpubkey_address": script.text} if script.text else {}
    form = {"scriptpubkey": script.hex, "scriptpubkey_asm": script.asm, "scriptpubkey_type": script.kind}
    return {**form, **address, "value": output.value}


def stats(script: Script, transactions: Iterable[Transaction]) -> dict[str, int]:
    """What the address has got and given in these."""
    known = list(transactions)
    received = [value for one in known for _, value in one.received(script)]
    spent = [found.output.value for one in known for found in one.spent(script) if found.output]
    return {
        "funded_txo_count": len(received),
        "funded_txo_sum": sum(received),
        "spent_txo_count": len(spent),
        "spent_txo_sum": sum(spent),
        "tx_count": len(known),
    }
