"""The coins the provider lists: well-known ones, and a generated tail of about seventeen thousand."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache

from simulator.noise import key_of, scramble, uniform

TAIL = 17_000
_RANKED_TAIL = 12_000  # the rest has no verified supply, hence neither market cap nor rank
_INACTIVE_TAIL = 300  # delisted: gone from every answer but the paid list of inactive coins
_REPEATED_NAMES = 100  # every so many-th name of the tail is the name of the coin before it
_BRIDGES = ("polygon", "arbitrum", "optimism", "avalanche", "base", "fantom")


def _day(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@dataclass(frozen=True, eq=False)
class Coin:
    """`usd`: price it wanders around; `listed`: unix second of its first sample; `key`: seed of its noise."""

    id: str
    symbol: str
    name: str
    usd: float
    daily_volatility: float
    supply: float | None
    max_supply: float | None
    listed: int
    key: int
    number: int
    genesis_date: str | None = None
    homepage: str = ""
    active: bool = True

    @property
    def description(self) -> str:
        return f"{self.name} ({self.symbol.upper()}) is priced here by a simulator.\r\n\r\nNo figure is real."

    @property
    def platforms(self) -> dict[str, str]:
        if self.genesis_date is not None:
            return {}
        return {"ethereum": f"0x{scramble(self.key, 1):016x}{scramble(self.key, 2):016x}{self.number:08x}"}

    def image(self, size: str) -> str:
        name = f"{self.number}/{size}/{self.id}.png"
        return f"https://coin-images.coingecko.com/coins/images/{name}?1696501400"


# id, symbol, name, price, daily volatility, supply, maximal supply, listed, genesis, homepage
_KNOWN = (
    ("bitcoin", "btc", "Bitcoin", 77_700.0, 0.024, 20_030_493.0, 21e6, "2013-04-28", "2009-01-03",
     "http://www.bitcoin.org"),
    ("ethereum", "eth", "Ethereum", 2_060.0, 0.033, 120_690_000.0, None, "2015-08-07", "2015-07-30",
     "https://www.ethereum.org/"),
    ("tether", "usdt", "Tether", 1.0, 0.0001, 187e9, None, "2015-02-25", None, "https://tether.to/"),
    ("ripple", "xrp", "XRP", 1.33, 0.036, 61.2e9, 1e11, "2013-08-04", "2012-06-02", "https://xrpl.org/"),
    ("binancecoin", "bnb", "BNB", 654.0, 0.027, 134_800_000.0, 2e8, "2017-09-16", "2017-07-08",
     "https://www.bnbchain.org/"),
    ("usd-coin", "usdc", "USDC", 1.0, 0.0001, 76e9, None, "2018-10-05", None, "https://www.circle.com/en/usdc"),
    ("solana", "sol", "Solana", 83.2, 0.041, 578e6, None, "2020-04-11", "2020-03-16", "https://solana.com/"),
    ("tron", "trx", "TRON", 0.345, 0.024, 94.7e9, None, "2017-11-09", "2017-08-28", "https://tron.network/"),
    ("dogecoin", "doge", "Dogecoin", 0.102, 0.043, 169e9, None, "2013-12-15", "2013-12-08",
     "http://dogecoin.com/"),
    ("cardano", "ada", "Cardano", 0.25, 0.039, 36.9e9, 45e9, "2017-10-18", "2017-09-23", "https://cardano.org/"),
    ("bitcoin-cash", "bch", "Bitcoin Cash", 343.0, 0.035, 20e6, 21e6, "2017-08-02", "2017-08-01",
     "https://bch.info/"),
    ("chainlink", "link", "Chainlink", 9.4, 0.040, 727e6, 1e9, "2017-11-09", "2017-09-19", "https://chain.link/"),
    ("stellar", "xlm", "Stellar", 0.147, 0.038, 33.5e9, 50e9, "2014-08-11", "2014-07-31",
     "https://www.stellar.org"),
    ("litecoin", "ltc", "Litecoin", 51.7, 0.034, 77e6, 84e6, "2013-04-28", "2011-10-07", "https://litecoin.org/"),
    ("shiba-inu", "shib", "Shiba Inu", 1.2e-05, 0.045, 589e12, 589e12, "2020-08-01", None,
     "https://shibatoken.com/"),
    ("polkadot", "dot", "Polkadot", 1.25, 0.042, 1.67e9, 2.1e9, "2020-08-19", "2020-05-26",
     "https://polkadot.com/"),
    ("yearn-finance", "yfi", "yearn.finance", 2_440.0, 0.040, 35_200.0, 36_666.0, "2020-07-18", None,
     "https://yearn.fi/"),
    ("eos", "eos", "EOS", 0.078, 0.043, 1.59e9, 2.1e9, "2017-07-02", "2018-06-09", "https://eosnetwork.com/"),
    ("newcomer", "new", "Newcomer", 0.42, 0.055, 250e6, 1e9, "2026-05-04", None, "https://newcomer.example/"),
)  # fmt: skip


def _known(seed: int) -> Iterator[Coin]:
    for number, row in enumerate(_KNOWN, start=1):
        identity, symbol, name, usd, volatility, supply, most, listed, genesis, homepage = row
        key, first = key_of(seed, "coin", identity), _day(listed)
        details = (number, genesis, homepage)
        yield Coin(identity, symbol, name, usd, volatility, supply, most, first, key, *details)


_STARTS = ("Al", "Bra", "Cro", "Del", "Glo", "Hex", "Kry", "Py")
_MIDDLES = ("va", "ri", "no", "ta", "lo", "me", "si", "du", "qua", "ze", "pi", "ro", "xi", "ba", "ko", "fu")
_ENDS = ("coin", "x", "swap", "dao", "um", "chain", "fi", "pay", "verse", "net", "AI", "inu", "ia", "ly")
_FIRST_LISTING, _LAST_LISTING = _day("2014-01-01"), _day("2026-11-01")


def _generated_name(key: int) -> str:
    start, middle, second, end = (scramble(key, draw) for draw in range(10, 14))
    middles = _MIDDLES[middle % len(_MIDDLES)] + _MIDDLES[second % len(_MIDDLES)]
    return _STARTS[start % len(_STARTS)] + middles + _ENDS[end % len(_ENDS)]


def _generated(seed: int, number: int) -> Coin:
    key = key_of(seed, "tail", number)
    name = _generated_name(key_of(seed, "tail", number - 1) if number % _REPEATED_NAMES == 0 else key)
    letters = name.lower()
    usd = 10.0 ** (7.0 * uniform(key, 3) - 5.0)
    supply = 2e9 / (number + 1) ** 1.2 / usd if number < _RANKED_TAIL else None
    return Coin(
        id=f"{letters}-{number}",
        symbol=letters[: 3 + scramble(key, 4) % 3],
        name=name,
        usd=usd,
        daily_volatility=0.03 + 0.05 * uniform(key, 5),
        supply=supply,
        max_supply=2 * supply if supply and scramble(key, 6) % 2 else None,
        listed=_FIRST_LISTING + int(uniform(key, 7) * (_LAST_LISTING - _FIRST_LISTING)) // 3600 * 3600,
        key=key,
        number=100 + number,
        active=number < TAIL,
    )


def _bridged(seed: int, usdc: Coin) -> Iterator[Coin]:
    """Coins that share the symbol of a well-known one: no symbol is a key."""
    for number, chain in enumerate(_BRIDGES):
        yield replace(
            usdc,
            id=f"bridged-usdc-{chain}",
            name=f"Bridged USDC ({chain.title()})",
            supply=2e8 / (number + 1),
            key=key_of(seed, "coin", usdc.id, chain),
            number=50 + number,
        )


@lru_cache(maxsize=4)
def coins_of(seed: int) -> dict[str, Coin]:
    """Every coin by id."""
    known = {coin.id: coin for coin in _known(seed)}
    bridged = _bridged(seed, known["usd-coin"])
    tail = (_generated(seed, number) for number in range(TAIL + _INACTIVE_TAIL))
    return known | {coin.id: coin for coin in (*bridged, *tail)}
