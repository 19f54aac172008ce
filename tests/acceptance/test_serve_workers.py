"""`pricegraph serve --workers`: real processes on one port, killed, stopped and refused."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.acceptance.api.conftest import NOWHERE
from tests.demo import alive, family_of, wait_until
from tests.programs import Program, call, environment, program

pytestmark = pytest.mark.slow

COUNT = 2
BODY = b'{"query": "{ __typename }"}'


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Site:
    """A server of several processes, without a database: what it is asked needs none."""

    def __init__(self, running: Program, port: int) -> None:
        self.running = running
        self.port = port
        self.parent = running.process.pid

    def processes(self) -> set[int]:
        return family_of(self.parent) - {self.parent}

    def started(self) -> set[int]:
        """Every process that ever said that it serves."""
        return {int(pid) for pid in re.findall(r'"pid": (\d+), "event": "serving"', self.running.output)}

    def answers(self) -> bool:
        """By a connection of its own, which any of them may take."""
        answer = httpx.post(f"http://127.0.0.1:{self.port}/graphql", json={"query": "{ __typename }"}, timeout=20)
        return bool(answer.json() == {"data": {"__typename": "Query"}})

    def accepts(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=20).close()
        except ConnectionError:
            return False
        return True


@pytest.fixture
def site() -> Iterator[Site]:
    port = free_port()
    env = environment(DATABASE_URL=NOWHERE, PRICEGRAPH_PORT=str(port))
    with program("serve", "--workers", str(COUNT), env=env) as running:
        site = Site(running, port)
        wait_until(lambda: len(site.started()) == COUNT)
        yield site


def test_processes_answer_on_one_port_and_one_that_is_killed_is_replaced(site: Site) -> None:
    killed, other = site.processes()
    assert site.started() == {killed, other}

    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: killed not in site.processes())
    assert site.answers()
    wait_until(lambda: len(site.started()) == COUNT + 1)
    os.kill(other, signal.SIGKILL)
    wait_until(lambda: other not in site.processes())
    assert site.answers()
    wait_until(lambda: len(site.started()) == COUNT + 2)

    assert site.started() == {killed, other} | site.processes()
    assert site.running.output.count("another takes its place") == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_parent_ends_all_of_them_in_good_order(site: Site, number: signal.Signals) -> None:
    family = family_of(site.parent)
    # So that the terminal's Ctrl-C, which goes to a whole group, means one signal to each.
    assert not [pid for pid in site.processes() if os.getpgid(pid) == os.getpgid(site.parent)]

    assert site.running.stop(number) == 0

    assert not alive(family)
    assert "Traceback" not in site.running.output
    assert "another takes its place" not in site.running.output


@contextmanager
def request_under_way(site: Site) -> Iterator[socket.socket]:
    """A request that a process has begun to read, and whose body is still to come."""
    head = (
        "POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(BODY)}\r\nExpect: 100-continue\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", site.port), timeout=20) as connection:
        connection.sendall(head.encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        yield connection


def test_a_request_that_is_under_way_is_answered_before_the_end_and_no_other_is_taken(site: Site) -> None:
    with request_under_way(site) as connection:
        site.running.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not site.accepts())
        connection.sendall(BODY)

        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
    assert site.running.process.wait(20) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_does_not_wait_for_it(site: Site, number: signal.Signals) -> None:
    family = family_of(site.parent)
    with request_under_way(site):
        site.running.process.send_signal(number)
        wait_until(lambda: not site.accepts())

        assert site.running.stop(number) == -number
        wait_until(lambda: not alive(family))


def test_a_parent_that_is_killed_leaves_nobody_behind(site: Site) -> None:
    family = family_of(site.parent)

    site.running.process.kill()
    site.running.process.wait(20)
    try:
        wait_until(lambda: not alive(family))
    finally:
        for pid in alive(family):
            os.kill(pid, signal.SIGKILL)

    assert not site.accepts()


def test_a_port_that_is_taken_is_an_error_at_once_in_one_line(site: Site) -> None:
    env = environment(DATABASE_URL=NOWHERE, PRICEGRAPH_PORT=str(site.port))

    refused = call("serve", "--workers", "2", env=env)

    assert refused.returncode == 2
    assert "is it taken?" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


def test_a_number_that_makes_no_sense_is_refused() -> None:
    assert call("serve", "--workers", "0", env=environment()).returncode == 2
