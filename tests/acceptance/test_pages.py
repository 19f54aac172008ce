"""The web pages over HTTP: policies, caching, and what is served where nothing has been built."""

import shutil
from base64 import b64encode
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from pricegraph.pages import built_pages, page_routes

PAGES = ["/", "/graphiql"]


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """A small build, with a secret lying next to it."""
    (tmp_path / "secret.txt").write_text("secret")
    dist = tmp_path / "dist"
    (dist / "static").mkdir(parents=True)
    (dist / "index.html").write_text("<!doctype html>the start page")
    (dist / "graphiql.html").write_text("<!doctype html>the query page")
    (dist / "static" / "app-a1b2.js").write_text("export {};")
    return dist


@pytest.fixture
async def browse(dist: Path) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(Starlette(routes=page_routes(dist)))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        yield client


def policy(answer: httpx.Response) -> dict[str, str]:
    directives = answer.headers["content-security-policy"].split(";")
    return {name: value for name, _, value in (directive.strip().partition(" ") for directive in directives)}


async def test_both_pages_are_served_from_the_build(browse: httpx.AsyncClient) -> None:
    assert "the start page" in (await browse.get("/")).text
    assert "the query page" in (await browse.get("/graphiql")).text


@pytest.mark.parametrize("page", PAGES)
async def test_a_page_may_load_nothing_from_another_host_and_be_framed_by_none(
    browse: httpx.AsyncClient, page: str
) -> None:
    allowed = policy(await browse.get(page))

    assert allowed["default-src"] == "'none'"
    assert allowed["frame-ancestors"] == "'none'"
    for source in ("script-src", "connect-src", "worker-src"):
        assert allowed[source] == "'self'"


async def test_only_graphiql_has_the_exceptions_that_its_editor_needs(browse: httpx.AsyncClient) -> None:
    start, graphiql = policy(await browse.get("/")), policy(await browse.get("/graphiql"))

    assert {name: value for name, value in graphiql.items() if start[name] != value} == {
        "style-src": "'self' 'unsafe-inline'",
        "font-src": "'self' data:",
        "img-src": "'self' data:",
    }
    assert start["style-src"] == start["font-src"] == start["img-src"] == "'self'"


@pytest.mark.parametrize("path", [*PAGES, "/static/app-a1b2.js"])
async def test_nothing_is_sniffed_and_no_address_is_passed_on(browse: httpx.AsyncClient, path: str) -> None:
    headers = (await browse.get(path)).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


async def test_pages_are_asked_for_anew_and_hashed_files_are_kept(browse: httpx.AsyncClient) -> None:
    for page in PAGES:
        assert (await browse.get(page)).headers["cache-control"] == "no-cache"
    assets = (await browse.get("/static/app-a1b2.js")).headers
    assert assets["cache-control"] == "public, max-age=31536000, immutable"


async def test_a_worker_script_brings_a_policy_of_its_own(browse: httpx.AsyncClient) -> None:
    assert policy(await browse.get("/static/app-a1b2.js"))["default-src"] == "'none'"


@pytest.mark.parametrize(
    "path",
    [
        "/static/../index.html",
        "/static/../../secret.txt",
        "/static/%2e%2e/%2e%2e/secret.txt",
        "/static/..%2f..%2fsecret.txt",
        "/static/..%5c..%5csecret.txt",
        "/static//etc/passwd",
        "/static/%00",
        "/static/",
        "/static/missing.js",
        "/index.html",
    ],
)
async def test_only_the_builds_assets_can_be_read(browse: httpx.AsyncClient, path: str) -> None:
    assert (await browse.get(path)).status_code == 404


async def test_a_link_out_of_the_build_is_not_followed(browse: httpx.AsyncClient, dist: Path) -> None:
    (dist / "static" / "link.txt").symlink_to(dist.parent / "secret.txt")

    assert (await browse.get("/static/link.txt")).status_code == 404


@pytest.mark.parametrize("page", PAGES)
async def test_without_a_build_a_page_says_how_to_get_it_and_that_the_api_works(
    browse: httpx.AsyncClient, dist: Path, page: str
) -> None:
    shutil.rmtree(dist)

    answer = await browse.get(page)

    assert answer.status_code == 200
    assert "Node.js 20" in answer.text
    assert "make web" in answer.text
    assert "reload in a minute" in answer.text
    assert "curl http://127.0.0.1:8000/graphql" in answer.text
    assert (await browse.get("/static/app-a1b2.js")).status_code == 404


async def test_the_page_without_a_build_allows_its_own_style_and_nothing_else(
    browse: httpx.AsyncClient, dist: Path
) -> None:
    shutil.rmtree(dist)

    answer = await browse.get("/")

    style = answer.text.partition("<style>")[2].partition("</style>")[0]
    assert policy(answer) == {
        "default-src": "'none'",
        "style-src": f"'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }


async def test_the_page_without_a_build_writes_no_markup_from_the_host_header(
    browse: httpx.AsyncClient, dist: Path
) -> None:
    shutil.rmtree(dist)

    answer = await browse.get("/", headers={"Host": "<script>alert(1)</script>"})

    assert "<script" not in answer.text


async def test_a_build_that_ends_while_the_server_runs_is_served_at_once(browse: httpx.AsyncClient, dist: Path) -> None:
    unfinished = dist.with_name("unfinished")
    shutil.move(dist, unfinished)
    assert "make web" in (await browse.get("/")).text

    shutil.move(unfinished, dist)

    assert "the start page" in (await browse.get("/")).text
    assert (await browse.get("/static/app-a1b2.js")).status_code == 200


def test_a_checkout_keeps_its_build_beside_the_sources_of_the_pages() -> None:
    assert built_pages().parent.joinpath("package.json").is_file()
