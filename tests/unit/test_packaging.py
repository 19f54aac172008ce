"""What the project is made of fits together."""

from __future__ import annotations

import re
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml

from pricegraph.cli import app
from pricegraph.settings import Settings

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["schema", "resolvers", "ingest", "db", "pricegraph", "simulator"])
def test_import_names_are_ours(name: str) -> None:
    """A foreign package of the same name would shadow ours, or ours it."""
    assert set(packages_distributions().get(name, [])) <= {"pricegraph"}


def test_requirements_are_pinned_with_hashes_and_name_no_index() -> None:
    for file in (ROOT / "requirements").glob("*.txt"):
        text = file.read_text()
        assert "://" not in text
        pins = re.findall(r"^[a-z0-9-]+(?:\[[a-z,]+\])?==", text, re.MULTILINE | re.IGNORECASE)
        assert pins
        assert text.count("--hash=sha256:") >= len(pins)


def test_compose_starts_commands_that_exist_with_settings_that_exist() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    commands = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    known = {field.alias for field in Settings.model_fields.values()}

    for name in ("migrate", "api", "worker"):
        assert services[name]["command"][0] in commands
        assert set(services[name]["environment"]) <= known


def test_compose_publishes_on_this_machine_only() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]

    published = [port for service in services.values() for port in service.get("ports", [])]

    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_the_image_is_made_of_files_that_exist() -> None:
    for line in (ROOT / "deploy" / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY") and "--from" not in line:
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists(), source


def test_ci_runs_what_the_readme_tells() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    assert "make check" in script
    assert "make test" in script
    assert "bash .ci/run" in (ROOT / ".github" / "workflows" / "ci.yml").read_text()
