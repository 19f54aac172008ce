"""What a source means by a code such as BTC or EUR. Codes are not unique among coins, so nothing is guessed."""

from __future__ import annotations

from collections.abc import Collection

from db.assets import assets_of_coins, assets_of_currencies
from db.pool import Connection

# Of the coins with that symbol those count that the account has had; else those that are tracked; else those that have
# a rank. More than one of them: nobody knows which is meant. So what was once understood stays so when another coin
# with the same symbol comes along.
_FIND = """
with given as (
    select g.code, lower(g.code) as name, y.id as currency_id
    from unnest(%(codes)s::text[]) g (code) left join currencies y on y.code = lower(g.code) and y.kind = 'FIAT'
), held as (
    select a.coin_id from assets a
    where a.id in (select asset_id from transactions where account_id = %(account)s
                   union select asset_id from balances where account_id = %(account)s)
), named as (
    select g.code, c.id as coin_id,
           rank() over (partition by g.code
                        order by case when c.id in (select coin_id from held) then 0 when c.tracked then 1 else 2 end)
    from given g join coins c on lower(c.symbol) = g.name
    where g.currency_id is null and (c.tracked or c.rank is not null or c.id in (select coin_id from held))
)
select code, null, currency_id from given where currency_id is not null
union all
select code, min(coin_id), null from named where rank = 1 group by code having count(*) = 1
"""


async def asset_of_slug(connection: Connection, slug: str) -> int | None:
    """None as long as there is no such coin."""
    row = await (await connection.execute("select id from coins where slug = %s", (slug,))).fetchone()
    return (await assets_of_coins(connection, [row[0]]))[row[0]] if row else None


async def assets_of_codes(connection: Connection, account_id: int, codes: Collection[str]) -> dict[str, int]:
    """The asset of each code, as far as there is no doubt; what is in doubt is left out."""
    found = await find_codes(connection, account_id, codes)
    coins = {code: coin for code, (coin, _) in found.items() if coin is not None}
    moneys = {code: money for code, (_, money) in found.items() if money is not None}
    coin_assets = await assets_of_coins(connection, list(coins.values()))
    money_assets = await assets_of_currencies(connection, list(moneys.values()))
    return {code: coin_assets[coin] for code, coin in coins.items()} | {
        code: money_assets[money] for code, money in moneys.items()
    }


async def find_codes(
    connection: Connection, account_id: int, codes: Collection[str]
) -> dict[str, tuple[int | None, int | None]]:
    """The id of the coin or that of the currency of each code, as far as there is no doubt."""
    cursor = await connection.execute(_FIND, {"account": account_id, "codes": sorted(codes)})
    return {code: (coin, money) for code, coin, money in await cursor.fetchall()}
