"""Keys to the simulated Coinbase. They open nothing else, so whoever wants one may have its private half."""

from base64 import b64encode
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from simulator.noise import uuid_of


@dataclass(frozen=True)
class ApiKey:
    """`label` is the simulator's own word for it; the pair of keys is made from it. `user`: whose wallets it opens."""

    label: str
    user: str
    algorithm: Literal["ES256", "EdDSA"] = "ES256"
    can_view: bool = True
    can_trade: bool = False
    can_transfer: bool = False
    revoked: bool = False

    @property
    def name(self) -> str:
        """What goes into `kid` and `sub`."""
        return f"organizations/{uuid_of('organization', self.user)}/apiKeys/{uuid_of('api key', self.label)}"

    @property
    def secret(self) -> str:
        """As Coinbase hands it out: PEM of the EC key, or base64 of the Ed25519 seed followed by its public half."""
        pair = self._pair()
        if isinstance(pair, ed25519.Ed25519PrivateKey):
            return b64encode(pair.private_bytes_raw() + pair.public_key().public_bytes_raw()).decode()
        encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL
        return pair.private_bytes(encoding, form, serialization.NoEncryption()).decode()

    @property
    def public_key(self) -> ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey:
        return self._pair().public_key()

    def _pair(self) -> ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey:
        if self.algorithm == "EdDSA":
            return ed25519.Ed25519PrivateKey.from_private_bytes(_bytes(self.label, 32))
        # A byte less than the curve's order has: never too large for it.
        return ec.derive_private_key(int.from_bytes(_bytes(self.label, 31)), ec.SECP256R1())


def _bytes(label: str, size: int) -> bytes:
    return blake2b(f"simulated key {label}".encode(), digest_size=size).digest()


_ALL = (
    ApiKey("everyday", "everyday"),
    ApiKey("everyday-ed25519", "everyday", "EdDSA"),
    ApiKey("large", "large"),
    ApiKey("revoked", "everyday", revoked=True),
    ApiKey("blind", "everyday", can_view=False),
    ApiKey("trader", "everyday", can_trade=True),
    ApiKey("mover", "everyday", can_transfer=True),
)
KEYS = {key.label: key for key in _ALL}
KEYS_BY_NAME = {key.name: key for key in _ALL}
