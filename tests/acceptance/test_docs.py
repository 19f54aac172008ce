"""Everything that the documentation tells people to type is typed here."""

from __future__ import annotations

import json
import re
import shlex
import socket
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from db.pool import Database
from pricegraph.app import create_app
from pricegraph.settings import Settings, read_settings
from tests.programs import environment, program
from tests.world import World

ROOT = Path(__file__).parents[2]
DOCS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
# These run until they are stopped; each says this when it is up.
_LASTING = {"demo": "token:", "serve": "serving", "worker": "working", "simulate": "simulating"}


def _blocks(language: str) -> list[tuple[str, str]]:
    return [(path.name, body) for path in DOCS for found, body in _BLOCK.findall(path.read_text()) if found == language]


def _commands() -> list[str]:
    lines = [
        line.partition("  #")[0].partition(" # ")[0].strip() for _, body in _blocks("sh") for line in body.splitlines()
    ]
    return sorted({line for line in lines if line})


def test_the_documentation_has_commands_and_queries() -> None:
    assert len(_commands()) > 10
    assert len(_blocks("graphql")) >= 3


@pytest.mark.slow
@pytest.mark.parametrize("command", _commands())
def test_every_command_of_the_documentation_works(command: str, demo: dict[str, Any], tmp_path: Path) -> None:
    words = shlex.split(command)
    env = environment(
        DATABASE_URL=demo["database"],
        PRICEGRAPH_TOKEN=demo["token"],
        PRICEGRAPH_ENCRYPTION_KEY=demo["encryption_key"],
        PRICEGRAPH_URL=demo["urls"]["start"].rstrip("/"),
        PRICEGRAPH_DATA_DIR=str(tmp_path),
        COINGECKO_URL=demo["simulator"] + "/coingecko/api/v3",
        COINBASE_URL=demo["simulator"] + "/coinbase/api/v3/brokerage",
        ESPLORA_URL=demo["simulator"] + "/esplora/api",
    )
    match words:
        case ["make", target]:
            _succeed(f"make --dry-run {target}", env)
        case ["export", assignment]:
            assert assignment.partition("=")[0] in {field.alias for field in Settings.model_fields.values()}
        case ["pricegraph", name, *arguments] if name in _LASTING:
            _start_and_stop(name, [argument for argument in arguments if argument != "8001"], env)
        case ["pricegraph", "token", action, name, *_]:
            own = f"{name}-{action}"  # no name is given twice, and tests run in any order
            if action == "revoke":
                _succeed(f"pricegraph token create {own} --scope REFRESH", env)
            _succeed(command.replace(name, own), env)
        case ["pricegraph" | "curl", *_]:
            _succeed(command.replace("http://127.0.0.1:8000/", demo["urls"]["start"]), env)
        case _:
            pytest.fail(f"this test does not know how to run: {command}")


def _succeed(command: str, env: dict[str, str]) -> None:
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def _start_and_stop(name: str, arguments: list[str], env: dict[str, str]) -> None:
    """On ports of their own: other servers may stand on the usual ones."""
    if "--port" in arguments:
        arguments = ["--port", str(_free_port())]
    with program(name, *arguments, env=env | {"PRICEGRAPH_PORT": str(_free_port())}) as running:
        running.wait_for(_LASTING[name])
        assert running.stop() == 0, running.output


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.slow
@pytest.mark.parametrize(("name", "query"), _blocks("graphql"))
def test_every_query_of_the_documentation_has_an_answer(name: str, query: str, demo: dict[str, Any]) -> None:
    answer = httpx.post(
        demo["urls"]["graphql"], json={"query": query}, headers={"authorization": f"Bearer {demo['token']}"}
    )

    assert answer.status_code == 200
    assert "errors" not in answer.json(), f"{name}: {answer.text}"


@pytest.mark.slow
def test_what_the_guide_to_portfolios_changes_is_changed(demo: dict[str, Any]) -> None:
    """But for what needs a key of Coinbase's. Another test may have done it already: then that is all that is wrong."""
    queries = [query for name, query in _blocks("graphql") if name == "portfolios.md"]
    changes = [query for query in queries if query.startswith("mutation") and "privateKey" not in query]
    for query in changes:
        answer = httpx.post(
            demo["urls"]["graphql"],
            json={"query": query},
            headers={"authorization": f"Bearer {demo['token']}"},
            timeout=60,
        ).json()
        [payload] = answer["data"].values()

        assert {error["code"] for error in payload["errors"]} <= {"CONFLICT"}, query
    assert len(changes) >= 5


async def test_the_answer_in_the_readme_is_the_real_one(world: World, database: Database) -> None:
    """To the byte, at the moment that the test world stands at."""
    await world.know(["bitcoin", "ethereum"], ["eur"])
    await world.refresh(history_days=7)
    readme = (ROOT / "README.md").read_text()
    query = next(body for language, body in _BLOCK.findall(readme) if language == "graphql")
    shown = next(body for language, body in _BLOCK.findall(readme) if language == "json")
    app = create_app(read_settings(), database, now=world.clock.now)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        answer = await client.post("/graphql", json={"query": query})

    assert answer.json() == json.loads(shown)


def test_the_configuration_page_lists_every_setting_with_its_default() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text()
    for field in Settings.model_fields.values():
        default = _as_written(field.default)
        shown = f"`{default}`" if default else ""
        assert f"| `{field.alias}` | {shown} | {field.description} |" in page
    mentioned = set(re.findall(r"^\| `([A-Z]+_[A-Z_]+)` \|", page, re.MULTILINE)) - {"COINGECKO_PLAN"}
    assert mentioned == {field.alias for field in Settings.model_fields.values()} - {"COINGECKO_PLAN"}


def _as_written(default: object) -> str:
    """A default as one would put it into the environment; empty where there is none."""
    match default:
        case None:
            return ""
        case tuple():
            return ",".join(default)
        case bool():
            return str(default).lower()
    return str(default)


def test_every_link_of_the_documentation_leads_somewhere() -> None:
    for path in DOCS:
        for target in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
            assert target.startswith("https://") or (path.parent / target).exists(), f"{path.name}: {target}"
