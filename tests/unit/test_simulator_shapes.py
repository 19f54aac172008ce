"""Every answer of the simulator has the shape that its provider documents: keys, JSON types, lengths, status, type.

A fixture holds invented values in the documented shape: where a list has several rows, a field may have any of their
types. The keys of a map (currencies, languages, platforms, coins) are data, not shape.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from simulator.app import create_simulator
from simulator.settings import SimulatorSettings

NOW = 1_795_203_432  # 2026-11-20 19:37:12 UTC
FOLDER = Path(__file__).parents[1] / "fixtures" / "providers"
FIXTURES = sorted(FOLDER.rglob("*.json"))
CASES = [
    pytest.param(file.parent.name, json.loads(file.read_text()), id=f"{file.parent.name}-{file.stem}")
    for file in FIXTURES
]
MAPS = {"platforms", "detail_platforms", "localization", "description", "rates"}
Shape = dict[str, set[str]]


def shape_of(value: Any, path: str = "") -> Shape:
    """JSON types by path; of a row of numbers, which no key names, also the length."""
    if isinstance(value, dict):
        found = {path: {"object"}}
        for key, inner in value.items():
            merge(found, shape_of(inner, f"{path}.{'*' if is_map(path, value) else key}"))
        return found
    if isinstance(value, list):
        is_row = bool(value) and all(isinstance(inner, int | float) for inner in value) and path.endswith("[]")
        found = {path: {f"row of {len(value)}" if is_row else "list"}}
        for inner in value:
            merge(found, shape_of(inner, f"{path}[]"))
        return found
    return {path: {{type(None): "null", bool: "boolean", str: "text"}.get(type(value), "number")}}


def is_map(path: str, value: dict[str, Any]) -> bool:
    return path.rpartition(".")[2] in MAPS or ("usd" in value and "eur" in value)


def merge(shape: Shape, other: Shape) -> None:
    for path, types in other.items():
        shape.setdefault(path, set()).update(types)


@pytest.mark.parametrize(("provider", "fixture"), CASES)
async def test_an_answer_has_the_documented_shape(provider: str, fixture: dict[str, Any]) -> None:
    app = create_simulator(SimulatorSettings(), lambda: NOW)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://simulator") as client:
        if "fault" in fixture:
            armed = {"provider": provider, "kind": fixture["fault"]}
            assert (await client.post("/_control/faults", json=armed)).status_code == 200
        answer = await client.get(fixture["path"], headers=fixture.get("headers"))

    assert (answer.status_code, answer.headers["content-type"]) == (fixture["status"], fixture["content_type"])
    documented, found = shape_of(fixture["body"]), shape_of(answer.json())
    assert found.keys() == documented.keys()
    assert {path: types - documented[path] for path, types in found.items() if types - documented[path]} == {}


def test_every_fixture_names_its_source_and_its_day() -> None:
    assert len(FIXTURES) > 20
    for file in FIXTURES:
        fixture = json.loads(file.read_text())
        assert fixture["source"].startswith("https://")
        assert fixture["as_of"].startswith("2026-")
