"""Who is measured: how each is started, and which language it speaks. A further one is a line in `find_contenders`."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from benchmarks.dialects import Dialect, Plain, PostGraphileQL, PricegraphQL
from benchmarks.processes import PRICEGRAPH, Running, free_port, program

UNCACHED, WARM = "pricegraph, cache off", "pricegraph, warm cache"
YARDSTICK, POSTGRAPHILE = "hand-written", "PostGraphile"
_POSTGRAPHILE_DIR = Path(__file__).parent / "postgraphile"
_MACHINES = {"x86_64": "x64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Contender:
    """`{url}` and `{port}` in the command and in the environment stand for the database's URL and the port."""

    name: str
    dialect: Dialect
    command: Sequence[str]
    given: Mapping[str, str] = field(default_factory=dict)

    @contextmanager
    def started(self, url: str) -> Iterator[Running]:
        port = free_port()
        command = [part.format(url=url, port=port) for part in self.command]
        given = {name: value.format(url=url, port=port) for name, value in self.given.items()}
        with program(command, given, port) as process:
            yield process


@contextmanager
def all_started(contenders: Sequence[Contender], url: str) -> Iterator[dict[str, Running]]:
    """All of them, once each accepts connections."""
    with ExitStack() as stack:
        processes = {contender.name: stack.enter_context(contender.started(url)) for contender in contenders}
        for process in processes.values():
            process.wait_until_it_listens()
        yield processes


def find_contenders() -> tuple[list[Contender], list[str]]:
    """Those that can run here, and a remark for each that cannot."""
    contenders = [
        _pricegraph(UNCACHED, PRICEGRAPH_CACHE_BYTES="0"),
        _pricegraph(WARM),
        _peer(YARDSTICK, "handwritten", Plain()),
        _peer("Strawberry", "stock_strawberry", PricegraphQL()),
    ]
    remarks: list[str] = []
    if find_spec("ariadne"):
        contenders.append(_peer("Ariadne", "stock_ariadne", PricegraphQL()))
    else:
        remarks.append("Ariadne is left out: `make bench` installs it")
    if node := _find_node():
        contenders.append(_postgraphile(node))
    else:
        remarks.append("PostGraphile is left out: `make bench` installs it on Linux with Node.js 20.19 and npm")
    return contenders, remarks


def _pricegraph(name: str, **given: str) -> Contender:
    """As it is shipped: `pricegraph serve`."""
    surroundings = {"DATABASE_URL": "{url}", "PRICEGRAPH_PORT": "{port}"} | given
    return Contender(name, PricegraphQL(), [str(PRICEGRAPH), "serve"], surroundings)


def _peer(name: str, module: str, dialect: Dialect) -> Contender:
    return Contender(name, dialect, [sys.executable, "-m", "benchmarks.servers", module, "{url}", "{port}"])


def _postgraphile(node: Path) -> Contender:
    command = [str(node), str(_POSTGRAPHILE_DIR / "server.mjs"), "{url}", "{port}"]
    return Contender(POSTGRAPHILE, PostGraphileQL(), command, {"NODE_ENV": "production", "GRAPHILE_ENV": "production"})


def _find_node() -> Path | None:
    """The one that npm installed beside PostGraphile, which needs Node.js 22."""
    modules = _POSTGRAPHILE_DIR / "node_modules"
    node = modules / f"node-linux-{_MACHINES.get(platform.machine())}" / "bin" / "node"
    return node if node.exists() and (modules / "postgraphile").exists() else None
