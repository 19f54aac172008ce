"""What `/coins/{id}` and its history tell besides prices: links, votes, changes; most of it the same for every coin."""

from typing import Any

from simulator.call import Call
from simulator.coins import Coin
from simulator.currencies import CURRENCIES
from simulator.listings import records, whole
from simulator.market import DAY_S, HOUR_S, Quote
from simulator.noise import scramble, uniform
from simulator.quotes import change_percentage

_IN_CURRENCY = {
    "1h": HOUR_S,
    "24h": DAY_S,
    "7d": 7 * DAY_S,
    "14d": 14 * DAY_S,
    "30d": 30 * DAY_S,
    "60d": 60 * DAY_S,
    "200d": 200 * DAY_S,
    "1y": 365 * DAY_S,
}
_VOTES, _WATCHERS = 20, 21  # draws of a coin's own key


def profile_details(coin: Coin) -> dict[str, Any]:
    """Tokens have no block time of their own, and no algorithm."""
    is_token = bool(coin.platforms)
    up = round(50 + 45 * uniform(coin.key, _VOTES), 2)
    return {
        "block_time_in_minutes": 0 if is_token else 10,
        "hashing_algorithm": None if is_token else "SHA-256",
        "preview_listing": False,
        "has_supply_breakdown": False,
        "links": _links(coin),
        "sentiment_votes_up_percentage": up,
        "sentiment_votes_down_percentage": round(100 - up, 2),
        "watchlist_portfolio_users": scramble(coin.key, _WATCHERS) % 2_000_000,
        "status_updates": [],
    }


def _links(coin: Coin) -> dict[str, Any]:
    return {
        "homepage": [coin.homepage, "", ""],
        "whitepaper": "",
        "blockchain_site": [f"https://explorer.example/{coin.id}", ""],
        "official_forum_url": [""],
        "chat_url": [""],
        "announcement_url": ["", ""],
        "snapshot_url": None,
        "twitter_screen_name": coin.symbol,
        "facebook_username": "",
        "bitcointalk_thread_identifier": None,
        "telegram_channel_identifier": "",
        "subreddit_url": "",
        "repos_url": {"github": [f"https://code.example/{coin.id}"], "bitbucket": []},
    }


def market_details(call: Call, coin: Coin, quotes: dict[str, Quote], rank: int | None) -> dict[str, Any]:
    """All-time records, valuations and changes; `quotes` are those of now, by currency."""
    most = coin.max_supply or coin.supply
    details: dict[str, Any] = {
        "total_value_locked": None,
        "mcap_to_tvl_ratio": None,
        "fdv_to_tvl_ratio": None,
        "fully_diluted_valuation": {code: whole(most * quote.price) for code, quote in quotes.items()} if most else {},
        "market_cap_fdv_ratio": round(coin.supply / most, 2) if coin.supply and most else None,
        "market_cap_rank_with_rehypothecated": rank,
        "outstanding_token_value_usd": None,
        "outstanding_supply": None,
        "max_supply_infinite": coin.max_supply is None,
    }
    return details | _changes(call, coin, quotes) | _records_in_every_currency(call, coin, quotes)


def _records_in_every_currency(call: Call, coin: Coin, quotes: dict[str, Quote]) -> dict[str, Any]:
    found = {code: records(call, coin, CURRENCIES[code]) for code in quotes}
    names = next(iter(found.values()), {})
    return {name: {code: record[name] for code, record in found.items()} for name in names}


def _changes(call: Call, coin: Coin, quotes: dict[str, Quote]) -> dict[str, Any]:
    """A currency is left out where the coin had no price yet."""
    changes: dict[str, Any] = {}
    for period, seconds in _IN_CURRENCY.items():
        name = f"price_change_percentage_{period}"
        found = known({code: change_percentage(call, coin, CURRENCIES[code], seconds) for code in quotes})
        in_currency = {code: round(change, 5) for code, change in found.items()}
        changes[f"{name}_in_currency"] = in_currency
        if period != "1h":
            changes[name] = in_currency.get("usd")
    return changes


def known(figures: dict[str, float | None]) -> dict[str, float]:
    """By currency, without those that have no such figure: the provider leaves them out of a page."""
    return {code: figure for code, figure in figures.items() if figure is not None}


def community_data() -> dict[str, Any]:
    return {
        "facebook_likes": None,
        "reddit_average_posts_48h": 0.0,
        "reddit_average_comments_48h": 0.0,
        "reddit_subscribers": None,
        "reddit_accounts_active_48h": 0.0,
    }


def developer_data() -> dict[str, Any]:
    return {
        "forks": None,
        "stars": None,
        "subscribers": None,
        "total_issues": None,
        "closed_issues": None,
        "pull_requests_merged": None,
        "pull_request_contributors": None,
        "code_additions_deletions_4_weeks": {"additions": None, "deletions": None},
        "commit_count_4_weeks": None,
    }


def page_extras(call: Call) -> dict[str, Any]:
    """What a page has unless the request leaves it out."""
    extras: dict[str, Any] = {}
    if call.flag("community_data", default=True):
        extras["community_data"] = community_data() | {"telegram_channel_user_count": None}
    if call.flag("developer_data", default=True):
        extras["developer_data"] = developer_data() | {"last_4_weeks_commit_activity_series": []}
    return extras
