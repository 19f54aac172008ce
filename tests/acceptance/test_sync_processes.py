"""Real workers that sync by their schedule, one of them killed in the middle: nothing is lost, nothing comes twice."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal

import httpx
import psycopg
import pytest

from db.secrets import Vault
from simulator.bitcoin_wallets import WALLETS
from simulator.coinbase_keys import KEYS
from tests.demo import simulated_provider
from tests.programs import PATIENCE_SECONDS, environment, program

pytestmark = [pytest.mark.slow, pytest.mark.one_store]

KEY = KEYS["everyday"]
FINISHED = "(select count(distinct account_id) = 2 from sync_runs where status = 'SUCCEEDED')"


@pytest.fixture
def provider() -> Iterator[str]:
    with simulated_provider() as address:
        yield address


def surroundings(database_url: str, provider: str, encryption_key: str) -> dict[str, str]:
    return environment(
        DATABASE_URL=database_url,
        COINGECKO_URL=f"{provider}/coingecko/api/v3",
        COINGECKO_PLAN="demo",
        COINGECKO_API_KEY="CG-demo",
        COINBASE_URL=f"{provider}/coinbase/api/v3/brokerage",
        ESPLORA_URL=f"{provider}/esplora/api",
        PRICEGRAPH_ENCRYPTION_KEY=encryption_key,
        PRICEGRAPH_REFRESH_CRON="off",
        PRICEGRAPH_SYNC_CRON="0 0 * * *",
    )


def add_accounts(connection: psycopg.Connection[tuple[object, ...]], vault: Vault) -> None:
    connection.execute(
        "insert into portfolios (owner, name, currency_id, created_at) values ('alice', 'Everything', 1, now())"
    )
    connection.execute(
        "insert into accounts (portfolio_id, kind, label, created_at, address, key_name, secret) "
        "values (1, 'BITCOIN', 'Address', now(), %s, null, null), (1, 'COINBASE', 'Exchange', now(), null, %s, %s)",
        (WALLETS["busy"].address, KEY.name, vault.encrypt(KEY.secret)),
    )


def wait_for(connection: psycopg.Connection[tuple[object, ...]], condition: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (connection.execute(f"select {condition}").fetchone() or [False])[0] is not True:
        assert time.monotonic() < deadline, f"it did not come about: {condition}"
        time.sleep(0.02)


def test_a_worker_killed_in_the_middle_of_syncs_leaves_nothing_undone(database_url: str, provider: str) -> None:
    key = Vault.new_key()
    env = surroundings(database_url, provider, key)
    with psycopg.connect(database_url, autocommit=True) as connection:
        add_accounts(connection, Vault.from_keys(key))
        for source in ("coinbase", "esplora"):
            httpx.post(f"{provider}/_control/faults", json={"provider": source, "kind": "slow", "arg": 0.3})
        with program("worker", env=env) as victim:
            wait_for(connection, "(select count(*) > 0 from transactions)")
            victim.process.kill()
            victim.process.wait()
        assert not (connection.execute(f"select {FINISHED}").fetchone() or [True])[0]
        httpx.delete(f"{provider}/_control/faults")
        connection.execute("update procrastinate_workers set last_heartbeat = last_heartbeat - interval '1 minute'")

        with program("worker", env=env) as fresh:
            wait_for(connection, FINISHED)
            assert KEY.secret.splitlines()[1] not in fresh.output

        truth = httpx.get(f"{provider}/_control/wallets").json()
        stored: dict[object, object] = dict(
            connection.execute("select account_id, count(*) from transactions group by 1").fetchall()
        )
        assert stored == {1: truth["bitcoin"]["busy"]["transactions"], 2: 2 * truth["coinbase"]["everyday"]["fills"]}
        bitcoins = connection.execute("select sum(change) from transactions where account_id = 1").fetchone()
        assert bitcoins == (Decimal(truth["bitcoin"]["busy"]["satoshis"]) / 100_000_000,)
        runs = connection.execute("select requested_by, attempts > 1 from sync_runs order by 2").fetchall()
        assert len(runs) == 2
        assert runs[1] == ("schedule", True)
        assert connection.execute("select count(*) from procrastinate_jobs").fetchone() == (0,)
