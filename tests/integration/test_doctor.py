"""`pricegraph doctor`: a healthy installation, and what can be wrong with the database itself."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import psycopg
import pytest

from db.health import open_reader
from db.store import Store, read_store_async
from pricegraph.commands import address
from pricegraph.doctor.connection import explain_connection
from pricegraph.doctor.examination import examine
from pricegraph.doctor.findings import Verdict
from pricegraph.serve import listen
from tests.doctor import assert_finding, diagnose, gravest, real_time, settings_for
from tests.world import Simulated, World

# Each test is short; there are many.
pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[2] / "docs" / "doctor.md"
PASSWORD = "correct-horse"
PLAIN = "plain PostgreSQL: ordinary tables, no compression"


async def test_a_healthy_installation_is_well_in_every_respect(installation: World) -> None:
    findings = await diagnose(installation)

    assert gravest(findings) == set()
    documented = set(re.findall(r"^\| `(\w+)` \|", PAGE.read_text(), re.MULTILINE))
    assert set(findings) == documented - {"replica", "copy", "source", "lag"}  # there is no replica here
    assert findings["workers"].found == "1 alive; open tasks: 0"
    assert findings["prices"].found == "series: 2, all with prices of the last 3 hours"
    assert "of 10,000" in findings["budget"].found
    assert "simulated" in findings["origin"].found


async def test_the_edition_is_told_with_what_it_means(installation: World) -> None:
    async with installation.database.connection() as connection:
        store = await read_store_async(connection)

    found = (await diagnose(installation))["edition"].found

    expected = {
        Store.POSTGRESQL: PLAIN,
        Store.TIMESCALEDB_APACHE: "Apache: hypertables, but no compression",
        Store.TIMESCALEDB_COMMUNITY: "Community: hypertables, old prices are compressed",
    }
    assert expected[store] in found


async def test_the_server_itself_refuses_every_change_that_doctor_could_make(database_url: str) -> None:
    async with open_reader(database_url, statement_timeout=1) as connection:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            await connection.execute("update coins set tracked = false")


async def test_without_a_database_the_rest_is_still_looked_at(simulator: Simulated) -> None:
    away = f"postgresql://someone:{PASSWORD}@127.0.0.1:9/prices"
    provider = f"{simulator.url}/coingecko/api/v3"

    findings = {one.subject: one for one in await examine(settings_for(provider, away), real_time)}

    assert_finding(findings["database"], Verdict.PROBLEM, "nobody listens there", "start PostgreSQL")
    assert gravest(findings) == {"database"}
    assert {"provider", "clocks", "tokens"} <= set(findings)


async def test_without_a_database_url_it_says_how_to_get_one(simulator: Simulated) -> None:
    findings = await examine(settings_for(f"{simulator.url}/coingecko/api/v3"), real_time)

    database = next(one for one in findings if one.subject == "database")
    assert_finding(database, Verdict.PROBLEM, "DATABASE_URL is not set", "pricegraph demo")


@pytest.mark.parametrize(
    ("url", "found", "advice"),
    [
        ("postgresql://{user}@/nothing-here?{server}", "the database does not exist", "createdb"),
        ("postgresql://nobody-here@/{name}?{server}", "the user does not exist", "create that role"),
        (f"postgresql://u:{PASSWORD}@/x?host=/no/such/folder", "no server has a socket there", "start PostgreSQL"),
    ],
)
async def test_a_wrong_database_url_is_explained_without_its_password(
    admin_url: str, simulator: Simulated, url: str, found: str, advice: str
) -> None:
    parts = psycopg.conninfo.conninfo_to_dict(admin_url)
    server = f"host={parts['host']}&port={parts.get('port', 5432)}"
    url = url.format(user=parts["user"], name=parts["dbname"], server=server)

    findings = await examine(settings_for(f"{simulator.url}/coingecko/api/v3", url), real_time)

    database = next(one for one in findings if one.subject == "database")
    assert_finding(database, Verdict.PROBLEM, found, advice)
    assert PASSWORD not in str(findings)


async def test_a_database_without_tables_wants_migrating(
    empty_database_url: str, simulator: Simulated, admin_url: str
) -> None:
    settings = settings_for(f"{simulator.url}/coingecko/api/v3", empty_database_url)

    findings = {one.subject: one for one in await examine(settings, real_time)}

    assert_finding(findings["tables"], Verdict.PROBLEM, "there are none", "pricegraph migrate")
    edition = findings["edition"]
    if edition.verdict is Verdict.OK:
        assert edition.found == PLAIN
    else:
        assert_finding(edition, Verdict.WARNING, "this database does not use it", "shared_preload_libraries")
    assert gravest(findings) <= {"tables", "edition"}


@pytest.mark.parametrize(
    ("revision", "found", "advice"),
    [
        ("0001", "at migration 0001, this version needs", "pricegraph migrate"),
        ("9999", "a newer one was here", "newer"),
    ],
)
async def test_tables_of_another_version_are_named(world: World, revision: str, found: str, advice: str) -> None:
    await world.execute("update alembic_version set version_num = %s", revision)

    assert_finding((await diagnose(world))["tables"], Verdict.PROBLEM, found, advice)


async def test_tables_that_are_older_than_timescaledb_are_told(world: World) -> None:
    async with world.database.connection() as connection:
        store = await read_store_async(connection)
    await world.execute("create table ordinary (like price_hourly including all)")
    await world.execute("drop table price_hourly")
    await world.execute("alter table ordinary rename to price_hourly")

    edition = (await diagnose(world))["edition"]

    if store is Store.POSTGRESQL:
        assert edition.found == PLAIN
    else:
        assert_finding(edition, Verdict.WARNING, "came after the tables", "create a new database")


async def test_servers_that_are_silent_are_given_up() -> None:
    """They take the connection and say nothing, as behind some firewalls."""
    with listen("127.0.0.1", 0) as database, listen("127.0.0.1", 0) as provider:
        url = f"postgresql://u@127.0.0.1:{database.getsockname()[1]}/x"
        settings = settings_for(f"{address(provider)}/coingecko/api/v3", url)
        async with asyncio.timeout(30):
            findings = {one.subject: one for one in await examine(settings, real_time)}

    assert_finding(findings["database"], Verdict.PROBLEM, "does not answer", "firewall")
    assert_finding(findings["provider"], Verdict.PROBLEM, "does not answer", "firewall")


async def test_a_question_that_takes_too_long_is_given_up_and_the_others_are_asked(installation: World) -> None:
    async with installation.database.transaction() as connection:
        await connection.execute("lock table coins in access exclusive mode")
        findings = await diagnose(installation)

    assert_finding(findings["prices"], Verdict.PROBLEM, "no answer within 5 seconds", "overloaded")
    assert gravest(findings) == {"prices", "stored"}


async def test_a_question_that_the_database_refuses_is_told_in_its_words(installation: World) -> None:
    await installation.execute("alter table refresh_tasks rename to hidden")

    workers = (await diagnose(installation))["workers"]

    assert_finding(workers, Verdict.PROBLEM, 'relation "refresh_tasks" does not exist', "mend that")


async def test_what_a_server_says_after_it_let_somebody_in_is_passed_on(database_url: str) -> None:
    async with open_reader(database_url, statement_timeout=0.1) as connection:
        with pytest.raises(psycopg.OperationalError) as raised:
            await connection.execute("select pg_sleep(60)")

    finding = explain_connection(raised.value)

    assert_finding(finding, Verdict.PROBLEM, "refuses: canceling statement due to statement timeout", "try again")
