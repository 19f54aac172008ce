"""What may happen to a provider's list of coins: no coin is lost, no slug is used again, no id is shared."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, LiteralString

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db.catalogue import CatalogueEntry, ListTooShort, store_list
from db.pool import Connection, Database
from db.series import DAY
from tests.api import COINGECKO, execute
from tests.catalogue import ALL, BITCOIN, REST, SOLANA, TETHER, statuses, store, without
from tests.world import NOW

pytestmark = [pytest.mark.slow, pytest.mark.one_store]

COIN = "select id, slug, symbol, name, status, contracts from coins where slug = %s"


async def coin(database: Database, slug: str) -> dict[str, Any]:
    names = ("id", "slug", "symbol", "name", "status", "contracts")
    return dict(zip(names, (await execute(database, COIN, slug))[0], strict=True))


async def provider_ids(database: Database, slug: str) -> dict[str, bool]:
    """The provider's ids of a coin, and whether each is a former one."""
    query = "select provider_coin_id, former from coin_provider_ids i join coins c on c.id = i.coin_id where slug = %s"
    return dict(await execute(database, query, slug))


async def test_a_coin_that_vanishes_is_inactive_then_delisted_and_active_once_it_is_back(database: Database) -> None:
    await store(database, *ALL)
    seen = []
    for day, entries in ((1, without(SOLANA)), (15, without(SOLANA)), (32, without(SOLANA)), (40, ALL)):
        await store(database, *entries, days=day)
        seen.append((await coin(database, "solana"))["status"])
    await store(database, *without(SOLANA), days=41)

    assert seen == ["INACTIVE", "INACTIVE", "DELISTED", "ACTIVE"]
    assert (await coin(database, "solana"))["status"] == "INACTIVE"


async def test_rows_that_stay_the_same_are_not_written(database: Database) -> None:
    await store(database, *ALL)
    versions = await execute(database, "select xmin::text, slug from coins order by slug")

    await store(database, *ALL, days=1)
    await store(database, *without(SOLANA), days=2)
    await store(database, *without(SOLANA), days=3)

    after = await execute(database, "select xmin::text, slug from coins order by slug")
    assert {slug for _, slug in set(after) - set(versions)} == {"solana"}


@pytest.mark.parametrize("entries", [[], [BITCOIN], [BITCOIN, *REST[:2]]], ids=["empty", "one", "fewer than half"])
async def test_a_list_without_half_of_the_known_coins_is_a_fault_and_marks_none(
    database: Database, entries: list[CatalogueEntry]
) -> None:
    await store(database, *ALL)

    with pytest.raises(ListTooShort):
        await store(database, *entries, days=1)

    assert set((await statuses(database)).values()) == {"ACTIVE"}


async def test_of_an_id_that_occurs_twice_the_first_entry_counts(database: Database) -> None:
    await store(database, SOLANA, CatalogueEntry("solana", "sol2", "Solana once more", []), BITCOIN)

    assert (await coin(database, "solana"))["name"] == "Solana"
    assert (await execute(database, "select count(*) from coins"))[0] == (2,)


async def test_equal_symbols_and_ids_that_differ_in_case_only_are_coins_of_their_own(database: Database) -> None:
    await store(database, CatalogueEntry("Gem", "gem", "Gem", []), CatalogueEntry("gem", "gem", "Other gem", []))

    assert await statuses(database) == {"Gem": "ACTIVE", "gem": "ACTIVE"}


async def test_a_new_name_and_symbol_of_an_id_are_taken_over_and_the_slug_stays(database: Database) -> None:
    await store(database, *ALL)

    await store(database, *without(SOLANA), CatalogueEntry("solana", "sola", "Solana II", ["x:1"]), days=1)

    found = await coin(database, "solana")
    assert (found["symbol"], found["name"], found["contracts"]) == ("sola", "Solana II", ["x:1"])


# ── renamed ids ──


@pytest.mark.parametrize("contracts", [["tron:TR7N", "base:0x1"], []], ids=["a contract in common", "none told"])
async def test_a_renamed_id_leads_to_the_same_coin(database: Database, contracts: list[str]) -> None:
    await store(database, *ALL)
    before = await coin(database, "tether")

    changes = await store(database, *without(TETHER), CatalogueEntry("tether-usd", "USDT", "Tether", contracts), days=1)

    after = await coin(database, "tether")
    assert (changes.renamed, changes.added, changes.missing) == (1, 0, 0)
    assert (after["id"], after["status"]) == (before["id"], "ACTIVE")
    assert await provider_ids(database, "tether") == {"tether": True, "tether-usd": False}


@pytest.mark.parametrize(
    "other",
    [
        CatalogueEntry("usdt-0", "usdt0", "Tether", ["tron:TR7N"]),
        CatalogueEntry("usdt-0", "usdt", "Tether 0", ["tron:TR7N"]),
        CatalogueEntry("usdt-0", "usdt", "Tether", ["tron:another"]),
    ],
    ids=["symbol", "name", "contract"],
)
async def test_a_new_id_with_another_symbol_name_or_contract_is_another_coin(
    database: Database, other: CatalogueEntry
) -> None:
    await store(database, *ALL)

    changes = await store(database, *without(TETHER), other, days=1)

    assert (changes.renamed, changes.added, changes.missing) == (0, 1, 1)
    assert (await coin(database, "tether"))["status"] == "INACTIVE"


async def test_of_two_ids_that_may_be_the_renamed_coin_neither_is_taken_for_it(database: Database) -> None:
    await store(database, *ALL)
    copies = [CatalogueEntry(id_, "sol", "Solana", []) for id_ in ("solana-a", "solana-b")]

    changes = await store(database, *without(SOLANA), *copies, days=1)

    assert (changes.renamed, changes.added, changes.unclear) == (0, 2, ["solana-a", "solana-b"])
    assert (await coin(database, "solana"))["status"] == "INACTIVE"


async def test_a_coin_renamed_back_has_its_first_id_again(database: Database) -> None:
    await store(database, *ALL)
    await store(database, *without(SOLANA), CatalogueEntry("solana-x", "sol", "Solana", []), days=1)

    await store(database, *ALL, days=2)

    assert await provider_ids(database, "solana") == {"solana": False, "solana-x": True}


async def test_an_id_used_again_for_another_coin_gets_a_slug_that_nobody_had(database: Database) -> None:
    renamed = CatalogueEntry("solana-x", "sol", "Solana", [])
    await store(database, *ALL)
    await store(database, *without(SOLANA), renamed, days=1)

    other = CatalogueEntry("solana", "other", "Another coin", [])
    await store(database, *without(SOLANA), renamed, other, CatalogueEntry("solana-2", "s2", "Two", []), days=2)

    assert (await coin(database, "solana"))["name"] == "Solana"
    assert (await coin(database, "solana-2"))["name"] == "Two"
    assert (await coin(database, "solana-3"))["name"] == "Another coin"
    assert await provider_ids(database, "solana-3") == {"solana": False}


entries = st.builds(
    CatalogueEntry,
    st.sampled_from(["a", "b", "c", "d", "a-2", "A"]),
    st.sampled_from(["x", "y"]),
    st.sampled_from(["N", "M"]),
    st.sampled_from([[], ["p:1"], ["p:2"]]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(entries, max_size=8), min_size=1, max_size=6))
async def test_whatever_happens_to_the_list_no_coin_is_lost_no_slug_used_again_and_no_id_shared(
    database: Database, lists: list[list[CatalogueEntry]]
) -> None:
    async with database.connection() as connection, connection.transaction(force_rollback=True):
        before: dict[int, str] = {}
        for number, listed in enumerate(lists):
            with suppress(ListTooShort):
                async with connection.transaction():
                    await store_list(connection, COINGECKO, listed, NOW + 20 * number * DAY)
                await check_current_ids(connection, {entry.provider_coin_id for entry in listed})
            now = dict(await read_all(connection, "select id, slug from coins"))
            assert before.items() <= now.items()
            before = now


async def check_current_ids(connection: Connection, listed: set[str]) -> None:
    """Every coin has one current id, and those that are listed are the active coins."""
    current = await read_all(
        connection,
        "select c.id, i.provider_coin_id, c.status from coins c "
        "left join coin_provider_ids i on i.coin_id = c.id and not i.former",
    )
    assert len({coin for coin, _, _ in current}) == len(current)
    assert {id_ for _, id_, status in current if status == "ACTIVE"} == listed


async def read_all(connection: Connection, query: LiteralString) -> list[Any]:
    return await (await connection.execute(query)).fetchall()
