"""Addresses of the Bitcoin main network: invented ones, and what an address is worth that somebody else has written."""

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Literal

from embit import base58, bech32  # type: ignore[import-untyped]

ScriptKind = Literal["p2pkh", "p2sh", "v0_p2wpkh", "v0_p2wsh", "v1_p2tr", "op_return", "unknown"]

_VERSIONS: dict[int, ScriptKind] = {0: "p2pkh", 5: "p2sh"}
_WITNESSES: dict[tuple[int, int], ScriptKind] = {(0, 20): "v0_p2wpkh", (0, 32): "v0_p2wsh", (1, 32): "v1_p2tr"}
# Of a payload: the bytes around it in hex, and the same in words.
_FORMS = {
    "p2pkh": ("76a914{}88ac", "OP_DUP OP_HASH160 OP_PUSHBYTES_20 {} OP_EQUALVERIFY OP_CHECKSIG"),
    "p2sh": ("a914{}87", "OP_HASH160 OP_PUSHBYTES_20 {} OP_EQUAL"),
    "v0_p2wpkh": ("0014{}", "OP_0 OP_PUSHBYTES_20 {}"),
    "v0_p2wsh": ("0020{}", "OP_0 OP_PUSHBYTES_32 {}"),
    "v1_p2tr": ("5120{}", "OP_PUSHNUM_1 OP_PUSHBYTES_32 {}"),
    "op_return": ("6a14{}", "OP_RETURN OP_PUSHBYTES_20 {}"),
    "unknown": ("{}", "{}"),
}
_TEST_VERSIONS, _TEST_PREFIXES = frozenset({111, 196}), ("tb1", "bcrt1")
_PREFIX = "bc"


class WrongNetwork(ValueError):
    """An address, but not of the main network."""


@dataclass(frozen=True)
class Script:
    """Who may spend an output; `text` is its address as somebody wrote it, where it has one."""

    kind: ScriptKind
    payload: bytes
    text: str | None = field(compare=False)

    @property
    def hex(self) -> str:
        return _FORMS[self.kind][0].format(self.payload.hex())

    @property
    def asm(self) -> str:
        return _FORMS[self.kind][1].format(self.payload.hex())


def invented(kind: ScriptKind, *name: object) -> Script:
    """What goes with a name; an OP_RETURN has no address."""
    size = 32 if kind == "v1_p2tr" else 20
    payload = blake2b("\x1f".join(map(str, name)).encode(), digest_size=size).digest()
    if kind == "op_return":
        return Script(kind, payload, None)
    if kind in _VERSIONS.values():
        version = next(version for version, one in _VERSIONS.items() if one == kind)
        return Script(kind, payload, base58.encode_check(bytes([version]) + payload))
    return Script(kind, payload, bech32.encode(_PREFIX, int(kind == "v1_p2tr"), payload))


def parsed(text: str) -> Script:
    """ValueError for what is no address. One that begins with bc1 may be written in capitals."""
    if text.lower().startswith((f"{_PREFIX}1", *_TEST_PREFIXES)):
        return _of_bech32(text)
    raw = base58.decode_check(text)
    if len(raw) == 21 and raw[0] in _TEST_VERSIONS:
        raise WrongNetwork
    if len(raw) != 21 or raw[0] not in _VERSIONS:
        raise ValueError("no address")
    return Script(_VERSIONS[raw[0]], raw[1:], text)


def _of_bech32(text: str) -> Script:
    prefix = text.lower().rpartition("1")[0]
    version, program = bech32.decode(prefix, text)
    if version is None:
        raise ValueError("no address")
    if prefix != _PREFIX:
        raise WrongNetwork
    return Script(_WITNESSES.get((version, len(program)), "unknown"), bytes(program), text)
