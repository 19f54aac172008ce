"""The clients to copy from: their types hold, and they run against a real server."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
import yaml
from graphql import build_schema, is_scalar_type, is_specified_scalar_type

from schema.schema import sdl
from tests.conftest import TYPESCRIPT
from tests.programs import environment
from tests.site import PRICED, PRICELESS, open_site

ROOT = TYPESCRIPT.parents[1]
QUERY = """
query($coins: [String!]!) {
  priceHistory(coins: $coins, from: "now-30d", interval: DAY_1) { slug history { points { price } } }
}
"""

on_one_loop = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site() -> AsyncIterator[str]:
    """The address of a server with a month of five coins, and one without any price."""
    async with open_site() as url:
        yield url


@pytest.fixture(scope="module")
def typescript(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The TypeScript client in a folder of the test's own, generated, checked and built."""
    root = tmp_path_factory.mktemp("pricegraph")
    folder = root / "clients" / "typescript"
    shutil.copytree(TYPESCRIPT, folder, ignore=shutil.ignore_patterns("node_modules", "build", "generated.ts"))
    (folder / "node_modules").symlink_to(TYPESCRIPT / "node_modules")
    (root / "schema").symlink_to(ROOT / "schema")
    for command in (["npm", "run", "generate"], ["npm", "run", "build", "--", "--strict"]):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(params=[pytest.param("typescript", marks=pytest.mark.npm), "python"])
def command(request: pytest.FixtureRequest) -> list[str]:
    """The example in each language; coins may follow."""
    if request.param == "python":
        return [sys.executable, str(ROOT / "clients" / "python" / "compare.py")]
    return ["npm", "run", "--silent", "compare", "--prefix", str(request.getfixturevalue("typescript")), "--"]


async def compare(command: list[str], site: str, *coins: str, **env: str) -> tuple[int | None, list[str]]:
    """Exit code and lines of an example."""
    running = await asyncio.create_subprocess_exec(
        *command,
        *coins,
        env=environment(PRICEGRAPH_URL=site, **env),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(running.communicate(), 60)
    return running.returncode, output.decode().splitlines()


async def expected_line(site: str, coin: str) -> str:
    async with httpx.AsyncClient(base_url=site) as client:
        answer = await client.post("/graphql", json={"query": QUERY, "variables": {"coins": [coin]}})
    prices = [point["price"] for point in answer.json()["data"]["priceHistory"][0]["history"]["points"]]
    change = (prices[-1] / prices[0] - 1) * 100
    return f"{coin}: {change:.2f} % from {prices[0]} to {prices[-1]} usd, 100 % of the days stored"


@pytest.mark.slow
@pytest.mark.npm
def test_no_generated_type_is_any(typescript: Path) -> None:
    generated = (typescript / "src" / "generated.ts").read_text()
    code = re.sub(r"/\*.*?\*/", "", generated, flags=re.DOTALL)

    assert "export type CompareQuery =" in code
    assert not re.search(r"\bany\b", code)


def test_every_scalar_of_the_schema_has_a_type() -> None:
    config = yaml.safe_load((TYPESCRIPT / "codegen.yml").read_text())["generates"]["src/generated.ts"]["config"]
    scalars = {
        name
        for name, type_ in build_schema(sdl()).type_map.items()
        if is_scalar_type(type_) and not is_specified_scalar_type(type_)
    }

    assert scalars <= set(config["scalars"])
    assert config["defaultScalarType"] == "unknown"


@pytest.mark.parametrize("folder", ["web", "clients/typescript", "benchmarks/postgraphile"])
def test_the_packages_are_locked_and_name_no_registry(folder: str) -> None:
    lock = (ROOT / folder / "package-lock.json").read_text()

    assert '"integrity"' in lock
    assert '"resolved"' not in lock


@pytest.mark.slow
@on_one_loop
async def test_the_example_compares_five_coins(command: list[str], site: str) -> None:
    code, lines = await compare(command, site)

    assert (code, sorted(lines)) == (0, sorted([await expected_line(site, coin) for coin in PRICED]))


@pytest.mark.slow
@on_one_loop
async def test_a_coin_that_is_unknown_or_has_no_price_costs_the_others_nothing(command: list[str], site: str) -> None:
    code, lines = await compare(command, site, "eth", "bitcoin", PRICELESS)

    assert code == 1
    assert lines[0].startswith("eth: NOT_FOUND, no coin has the slug 'eth'; did you mean")
    assert lines[1] == await expected_line(site, "bitcoin")
    assert lines[2] == f"{PRICELESS}: no price in this range"


@pytest.mark.slow
@on_one_loop
async def test_a_request_that_is_refused_ends_with_its_code(command: list[str], site: str) -> None:
    code, lines = await compare(command, site, PRICEGRAPH_TOKEN="nobody's")

    assert code == 2
    assert lines[0].startswith("UNAUTHENTICATED: this token is unknown")
