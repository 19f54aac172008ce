"""The quote currencies the provider knows, in the order it lists them."""

from dataclasses import dataclass
from math import exp
from typing import Literal

from simulator.noise import RATE_OCTAVES, key_of, walk


@dataclass(frozen=True, eq=False)
class Currency:
    """`coin_id`: the coin whose price this is, or None for a rate that wanders around `per_usd` by itself."""

    code: str
    name: str
    unit: str
    kind: Literal["fiat", "crypto", "commodity"]
    coin_id: str | None = None
    per_coin: float = 1.0
    per_usd: float = 1.0
    daily_volatility: float = 0.0

    def usd_value(self, seed: int, second: int) -> float:
        """Dollars for one unit of a currency that is not a coin."""
        if not self.daily_volatility:
            return 1.0 / self.per_usd
        wander = walk(key_of(seed, "currency", self.code), second, RATE_OCTAVES)
        return exp(self.daily_volatility * wander) / self.per_usd


# code, name, unit, coin, units per coin
_CRYPTO = (
    ("btc", "Bitcoin", "BTC", "bitcoin", 1.0),
    ("eth", "Ether", "ETH", "ethereum", 1.0),
    ("ltc", "Litecoin", "LTC", "litecoin", 1.0),
    ("bch", "Bitcoin Cash", "BCH", "bitcoin-cash", 1.0),
    ("bnb", "Binance Coin", "BNB", "binancecoin", 1.0),
    ("eos", "EOS", "EOS", "eos", 1.0),
    ("xrp", "XRP", "XRP", "ripple", 1.0),
    ("xlm", "Lumens", "XLM", "stellar", 1.0),
    ("link", "Chainlink", "LINK", "chainlink", 1.0),
    ("dot", "Polkadot", "DOT", "polkadot", 1.0),
    ("yfi", "Yearn.finance", "YFI", "yearn-finance", 1.0),
    ("sol", "Solana", "SOL", "solana", 1.0),
)
_BITCOIN_PARTS = (
    ("bits", "Bits", "μBTC", "bitcoin", 1e6),
    ("sats", "Satoshi", "sats", "bitcoin", 1e8),
)
# code, name, unit, units per dollar, daily volatility (0: pegged)
_OTHERS = (
    ("usd", "US Dollar", "$", 1.0, 0),
    ("aed", "United Arab Emirates Dirham", "DH", 3.6731, 0),
    ("ars", "Argentine Peso", "$", 1408.5, 0.008),
    ("aud", "Australian Dollar", "A$", 1.396, 0.004),
    ("bdt", "Bangladeshi Taka", "৳", 122.77, 0.004),
    ("bhd", "Bahraini Dinar", "BD", 0.37723, 0),
    ("bmd", "Bermudian Dollar", "$", 1.0, 0),
    ("brl", "Brazil Real", "R$", 5.0422, 0.004),
    ("cad", "Canadian Dollar", "CA$", 1.3812, 0.004),
    ("chf", "Swiss Franc", "Fr.", 0.78577, 0.004),
    ("clp", "Chilean Peso", "CLP$", 896.11, 0.004),
    ("cny", "Chinese Yuan", "¥", 6.7937, 0.004),
    ("czk", "Czech Koruna", "Kč", 20.875, 0.004),
    ("dkk", "Danish Krone", "kr.", 6.4286, 0.004),
    ("eur", "Euro", "€", 0.86027, 0.004),
    ("gbp", "British Pound Sterling", "£", 0.74388, 0.004),
    ("gel", "Georgian Lari", "₾", 2.6642, 0.004),
    ("hkd", "Hong Kong Dollar", "HK$", 7.8364, 0.0003),
    ("huf", "Hungarian Forint", "Ft", 306.22, 0.004),
    ("idr", "Indonesian Rupiah", "Rp", 17811.0, 0.004),
    ("ils", "Israeli New Shekel", "₪", 2.8417, 0.004),
    ("inr", "Indian Rupee", "₹", 95.698, 0.004),
    ("jpy", "Japanese Yen", "¥", 159.32, 0.004),
    ("krw", "South Korean Won", "₩", 1507.5, 0.004),
    ("kwd", "Kuwaiti Dinar", "KD", 0.30951, 0.0003),
    ("lkr", "Sri Lankan Rupee", "Rs", 325.23, 0.004),
    ("mmk", "Burmese Kyat", "K", 2099.8, 0.004),
    ("mxn", "Mexican Peso", "MX$", 17.317, 0.004),
    ("myr", "Malaysian Ringgit", "RM", 3.9663, 0.004),
    ("ngn", "Nigerian Naira", "₦", 1372.8, 0.004),
    ("nok", "Norwegian Krone", "kr", 9.2748, 0.004),
    ("nzd", "New Zealand Dollar", "NZ$", 1.7139, 0.004),
    ("php", "Philippine Peso", "₱", 61.594, 0.004),
    ("pkr", "Pakistani Rupee", "₨", 278.4, 0.004),
    ("pln", "Polish Zloty", "zł", 3.6455, 0.004),
    ("rub", "Russian Ruble", "₽", 72.002, 0.004),
    ("sar", "Saudi Riyal", "SR", 3.74, 0),
    ("sek", "Swedish Krona", "kr", 9.3196, 0.004),
    ("sgd", "Singapore Dollar", "S$", 1.2777, 0.004),
    ("thb", "Thai Baht", "฿", 32.676, 0.004),
    ("try", "Turkish Lira", "₺", 45.904, 0.008),
    ("twd", "New Taiwan Dollar", "NT$", 31.447, 0.004),
    ("uah", "Ukrainian hryvnia", "₴", 44.276, 0.004),
    ("vef", "Venezuelan bolívar fuerte", "Bs.F", 0.10013, 0.004),
    ("vnd", "Vietnamese đồng", "₫", 26344.0, 0.004),
    ("zar", "South African Rand", "R", 16.389, 0.004),
    ("xdr", "IMF Special Drawing Rights", "XDR", 0.70086, 0.004),
    ("xag", "Silver - Troy Ounce", "XAG", 0.013125, 0.012),
    ("xau", "Gold - Troy Ounce", "XAU", 0.00022215, 0.008),
)
_METALS = frozenset({"xag", "xau"})


def _of_coin(row: tuple[str, str, str, str, float]) -> Currency:
    code, name, unit, coin_id, per_coin = row
    return Currency(code, name, unit, "crypto", coin_id, per_coin)


def _of_rate(row: tuple[str, str, str, float, float]) -> Currency:
    code, name, unit, per_usd, volatility = row
    kind: Literal["commodity", "fiat"] = "commodity" if code in _METALS else "fiat"
    return Currency(code, name, unit, kind, per_usd=per_usd, daily_volatility=volatility)


CURRENCIES: dict[str, Currency] = {
    currency.code: currency
    for currency in (*map(_of_coin, _CRYPTO), *map(_of_rate, _OTHERS), *map(_of_coin, _BITCOIN_PARTS))
}
