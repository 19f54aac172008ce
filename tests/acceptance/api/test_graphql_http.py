"""GraphQL over HTTP: media types, methods and statuses, and bodies that are no requests."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import httpx
import pytest

from db.pool import PoolSettings, open_database
from pricegraph.commands import address
from pricegraph.serve import listen, serving
from tests.acceptance.api.conftest import NOWHERE
from tests.api import Api, make_app

pytestmark = pytest.mark.one_store

GRAPHQL = "application/graphql-response+json"
JSON = "application/json"
TYPENAME = "{ __typename }"
POST = b"POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
MUTATION = "mutation { refreshPrices(input: {}) { outcome } }"


@pytest.fixture
async def client(lone_api: Api) -> httpx.AsyncClient:
    return lone_api.client


async def post(client: httpx.AsyncClient, content: bytes | str, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.post("/graphql", content=content, headers={"content-type": JSON} | named)


def code(answer: httpx.Response) -> str:
    """The code of the first error of an answer, which is JSON."""
    assert answer.headers["content-type"] in (JSON, GRAPHQL)
    return str(answer.json()["errors"][0]["extensions"]["code"])


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        ("application/json; charset=utf-8", JSON),
        (GRAPHQL, GRAPHQL),
        (f"{GRAPHQL}; charset=utf-8, {JSON}; charset=utf-8", GRAPHQL),
        (f"{JSON};q=0.9, {GRAPHQL}", GRAPHQL),
        (GRAPHQL.upper(), GRAPHQL),
        (f"{GRAPHQL};q=0, {JSON}", JSON),
        (f"{GRAPHQL}; q=0.000, */*", JSON),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", JSON),
    ],
)
async def test_the_answer_has_the_type_that_the_client_takes(
    client: httpx.AsyncClient, accept: str | None, expected: str
) -> None:
    del client.headers["accept"]
    headers = {"accept": accept} if accept else {}

    answer = await client.post("/graphql", json={"query": TYPENAME}, headers=headers)

    assert (answer.status_code, answer.headers["content-type"]) == (200, expected)
    assert answer.json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize("accept", ["text/html", "text/plain", "image/*", "application/xml", f"{JSON};q=0", "garbage"])
async def test_a_client_that_takes_no_json_gets_406_with_the_types_there_are(
    client: httpx.AsyncClient, accept: str
) -> None:
    answer = await client.post("/graphql", json={"query": TYPENAME}, headers={"accept": accept})

    assert answer.status_code == 406
    assert code(answer) == "BAD_INPUT"
    assert GRAPHQL in answer.text


@pytest.mark.parametrize(
    "query",
    [
        "{",
        "",
        "{ nothing }",
        "fragment A on Query { __typename }",
        "query($a: Int!) { __typename }",
        "subscription { a }",
    ],
)
async def test_a_request_error_is_400_with_the_types_of_the_specification_and_200_as_plain_json(
    client: httpx.AsyncClient, query: str
) -> None:
    for accept, status in ((GRAPHQL, 400), (JSON, 200)):
        answer = await client.post("/graphql", json={"query": query}, headers={"accept": accept})

        assert (answer.status_code, answer.headers["content-type"]) == (status, accept)
        assert code(answer) == "BAD_INPUT"
        assert "data" not in answer.json()


async def test_a_field_that_fails_is_200_with_data_in_both_types(client: httpx.AsyncClient) -> None:
    for accept in (GRAPHQL, JSON):
        answer = await client.post(
            "/graphql", json={"query": '{ refreshRun(id: "x") { id } }'}, headers={"accept": accept}
        )

        assert answer.status_code == 200
        assert answer.json()["data"] == {"refreshRun": None}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"1",
        b'"x"',
        b"true",
        b"{",
        b"{}",
        b"\xff\xfe{}",
        b'{"query": "\xe9"}',
        b'{"query": "\\ud800"}',
        b'{"query": null}',
        b'{"query": 5}',
        b'{"query": ["{a}"]}',
        b'{"query": "{a}", "variables": []}',
        b'{"query": "{a}", "variables": "{}"}',
        b'{"query": "{a}", "operationName": 5}',
        b'{"query": "{a}", "extensions": []}',
        b'{"variables": {}}',
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b'{"query": "{a}", "variables": {"a": NaN}}',
        TYPENAME.encode("utf-16"),
    ],
)
async def test_a_body_that_is_no_request_is_400(client: httpx.AsyncClient, body: bytes) -> None:
    for accept in (GRAPHQL, JSON):
        answer = await post(client, body, accept=accept)

        assert (answer.status_code, answer.headers["content-type"]) == (400, accept)
        assert code(answer) == "BAD_INPUT"


@pytest.mark.parametrize("body", [b"[]", b'[{"query": "{ __typename }"}]'])
async def test_batches_are_refused(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await post(client, body)

    assert answer.status_code == 400
    assert "batches" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "text/plain;charset=utf-8",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "text/json",
        "application/jsonp",
    ],
)
async def test_a_form_of_another_site_can_send_nothing(client: httpx.AsyncClient, content_type: str) -> None:
    """Only JSON makes a browser ask first (CORS), and there nobody answers it."""
    answer = await post(client, '{"query": "{ __typename }"}', content_type=content_type)

    assert answer.status_code == 415
    assert JSON in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/json;a=b"]
)
async def test_json_may_have_parameters(client: httpx.AsyncClient, content_type: str) -> None:
    assert (await post(client, '{"query": "{ __typename }"}', content_type=content_type)).status_code == 200


async def test_null_parts_and_unknown_ones_are_left_alone(client: httpx.AsyncClient) -> None:
    body = {"query": TYPENAME, "variables": None, "operationName": None, "extensions": None, "id": 5}

    assert (await client.post("/graphql", json=body)).json() == {"data": {"__typename": "Query"}}


async def test_the_operation_of_the_given_name_runs(client: httpx.AsyncClient) -> None:
    query = "query A { a: __typename } query B { b: __typename }"

    async def ask(name: str | None) -> httpx.Response:
        return await client.post("/graphql", json={"query": query, "operationName": name}, headers={"accept": GRAPHQL})

    assert (await ask("B")).json() == {"data": {"b": "Query"}}
    assert "none of the name" in (await ask("C")).json()["errors"][0]["message"]
    for none in (None, ""):
        refused = await ask(none)
        assert (refused.status_code, "operationName" in refused.text) == (400, True)


async def test_queries_travel_by_get(client: httpx.AsyncClient) -> None:
    query = "query A($d: Boolean!) { __typename @skip(if: $d) server { version } } query B { __typename }"
    parameters = {"query": query, "variables": '{"d": true}', "operationName": "A", "extensions": "{}"}

    answer = await client.get("/graphql", params=parameters)

    assert answer.status_code == 200
    assert list(answer.json()["data"]) == ["server"]


async def test_get_without_parts_or_with_broken_ones_is_400(client: httpx.AsyncClient) -> None:
    for parameters in ({}, {"query": TYPENAME, "variables": "{"}, {"query": TYPENAME, "variables": "[]"}):
        answer = await client.get("/graphql", params=parameters)
        assert (answer.status_code, code(answer)) == (400, "BAD_INPUT")


@pytest.mark.parametrize("accept", [GRAPHQL, JSON, "text/html,*/*"])
async def test_a_mutation_by_get_is_405_and_changes_nothing(client: httpx.AsyncClient, accept: str) -> None:
    for query, name in ((MUTATION, None), (f"query A {TYPENAME} mutation B {MUTATION[9:]}", "B")):
        parameters = {"query": query} | ({"operationName": name} if name else {})
        answer = await client.get("/graphql", params=parameters, headers={"accept": accept})

        assert (answer.status_code, answer.headers["allow"], code(answer)) == (405, "POST", "BAD_INPUT")


async def test_head_and_other_methods_change_nothing(client: httpx.AsyncClient) -> None:
    body = f'{{"query": "{MUTATION}"}}'
    assert (await client.head("/graphql", params={"query": TYPENAME})).status_code == 200
    assert (await client.head("/graphql", params={"query": MUTATION})).status_code == 405
    assert (await client.request("HEAD", "/graphql", content=body, headers={"content-type": JSON})).status_code == 400
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        answer = await client.request(method, "/graphql", content=body, headers={"content-type": JSON})
        assert answer.status_code == 405
        assert "POST" in answer.headers["allow"]


async def test_a_browser_that_opens_the_endpoint_is_sent_to_graphiql(client: httpx.AsyncClient) -> None:
    answer = await client.get("/graphql", headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})

    assert (answer.status_code, answer.headers["location"]) == (303, "/graphiql")
    link = await client.get("/graphql", params={"query": TYPENAME}, headers={"accept": "text/html,*/*;q=0.8"})
    assert link.json() == {"data": {"__typename": "Query"}}


async def test_answers_are_neither_stored_nor_sniffed_nor_shared_with_other_sites(client: httpx.AsyncClient) -> None:
    for answer in (
        await client.post("/graphql", json={"query": TYPENAME}, headers={"origin": "https://evil.example"}),
        await post(client, b"null"),
    ):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert len(answer.headers["x-request-id"]) == 16
        assert not [name for name in answer.headers if name.startswith("access-control-")]


async def test_a_large_body_is_413(client: httpx.AsyncClient) -> None:
    del client.headers["authorization"]  # who may import files may send more
    fits = {"query": TYPENAME, "variables": {"a": "x" * 990_000}}
    assert (await client.post("/graphql", json=fits)).status_code == 200

    body = await client.post("/graphql", json=fits | {"extensions": {"a": "x" * 20_000}})

    assert (body.status_code, code(body)) == (413, "COST_EXCEEDED")


@pytest.fixture
async def server() -> AsyncIterator[str]:
    """The address of a real server, without a database."""
    listener = listen("127.0.0.1", 0)
    async with open_database(NOWHERE, PoolSettings(wait=0.2)) as database, serving(make_app(database), listener):
        yield address(listener)


async def test_over_a_socket_an_endless_body_is_cut_off_at_the_limit(server: str) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 50_000_000:
            sent += 100_000
            yield b" " * 100_000

    async with httpx.AsyncClient(base_url=server, timeout=20) as client:
        try:
            answer = await client.post("/graphql", content=endless(), headers={"content-type": JSON})
        except httpx.TransportError:
            pass  # the server has answered and hung up while we were still talking
        else:
            assert (answer.status_code, code(answer)) == (413, "COST_EXCEEDED")
        assert sent < 50_000_000
        assert (await client.post("/graphql", json={"query": TYPENAME})).status_code == 200


async def test_over_a_socket_an_address_of_a_megabyte_is_refused(server: str) -> None:
    host, _, port = server.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(b"GET /graphql?query=" + b"x" * 1_000_000 + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()

    assert answer.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "garbage",
    [
        b"\r\n\r\n",
        POST + b"Content-Length: -5\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /graphql?query=%00%ff HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"GET /graphql?query={__typename} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \xff\xfe\r\n\r\n",
        POST + b"Content-Length: 99\r\n\r\n{",
    ],
)
async def test_over_a_socket_garbage_and_hang_ups_harm_no_other_client(server: str, garbage: bytes) -> None:
    host, _, port = server.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(garbage)

    async with httpx.AsyncClient(base_url=server) as client:
        assert (await client.post("/graphql", json={"query": TYPENAME})).json() == {"data": {"__typename": "Query"}}
