"""`pricegraph doctor` and `pricegraph psql` as commands, on a demo and on what is broken."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.programs import BIN, call, environment

pytestmark = pytest.mark.slow

PASSWORD, KEY, TOKEN = "correct-horse", "CG-battery-staple", "the-bootstrap-token-of-an-operator"
# psql's own parent is not shown: the shell that runs this is psql's child.
COMMAND_LINE = r"\! tr '\0' ' ' </proc/$PPID/cmdline; echo; echo $PGPASSWORD"


@pytest.fixture
def env(demo: dict[str, Any]) -> dict[str, str]:
    """What a worker's shell holds, and the operator's."""
    return environment(
        DATABASE_URL=demo["database"],
        PRICEGRAPH_TOKEN=demo["token"],
        PRICEGRAPH_ENCRYPTION_KEY=demo["encryption_key"],
        COINGECKO_URL=f"{demo['simulator']}/coingecko-pro/api/v3",
        COINGECKO_PLAN="analyst",
        COINGECKO_API_KEY="CG-pro",
    )


@pytest.fixture
def beside(demo: dict[str, Any], tmp_path: Path) -> dict[str, str]:
    """A shell in which nothing is set, on the machine of the running demo."""
    (tmp_path / "demo.json").write_text(json.dumps(demo))
    return environment(PRICEGRAPH_DATA_DIR=str(tmp_path))


def test_a_healthy_installation_is_told_line_by_line_and_to_monitoring_as_json(env: dict[str, str]) -> None:
    told, monitored = call("doctor", env=env), call("doctor", "--json", env=env)

    lines, report = told.stdout.splitlines(), json.loads(monitored.stdout)
    assert (told.returncode, told.stderr, monitored.returncode) == (0, "", 0)
    assert all(line.startswith("ok       ") for line in lines), told.stdout
    assert lines[0] == "ok       settings   make sense"
    assert report["verdict"] == "ok"
    assert [check["subject"] for check in report["checks"]] == [line.split()[1] for line in lines]
    assert all(check.keys() == {"verdict", "subject", "found", "advice"} for check in report["checks"])


def test_without_any_setting_the_running_demo_is_looked_at(beside: dict[str, str]) -> None:
    done = call("doctor", env=beside)

    assert done.returncode == 0, done.stdout
    assert "problem" not in done.stdout
    assert "warning" not in done.stdout


def test_a_demo_that_was_killed_is_none(demo: dict[str, Any], beside: dict[str, str]) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    note = Path(beside["PRICEGRAPH_DATA_DIR"], "demo.json")
    note.write_text(json.dumps(demo | {"pid": ended.pid}))

    done = call("doctor", env=beside | {"COINGECKO_URL": "http://127.0.0.1:9"})

    assert done.returncode == 1
    assert "problem  database   DATABASE_URL is not set\n" in done.stdout


def test_a_problem_ends_with_one_and_says_what_to_do(env: dict[str, str]) -> None:
    done = call("doctor", env=env | {"DATABASE_URL": f"postgresql://someone:{PASSWORD}@127.0.0.1:9/x"})

    assert done.returncode == 1
    assert (
        "problem  database   cannot be reached: nobody listens there\n"
        "                    start PostgreSQL, or correct host and port in DATABASE_URL\n"
    ) in done.stdout
    assert "ok       provider   127.0.0.1 answered" in done.stdout


def test_settings_that_make_no_sense_are_a_problem(env: dict[str, str]) -> None:
    done = call("doctor", "--json", env=env | {"PRICEGRAPH_HISTORY_DAYS": "many", "COINGECKO_URL": "example"})

    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert [check["subject"] for check in report["checks"]] == ["settings"]
    assert "PRICEGRAPH_HISTORY_DAYS" in report["checks"][0]["found"]
    assert "COINGECKO_URL" in report["checks"][0]["found"]


def test_usage_errors_end_with_two(env: dict[str, str]) -> None:
    assert call("doctor", "--everything", env=env).returncode == 2


def test_no_secret_is_ever_printed(demo: dict[str, Any]) -> None:
    secrets = environment(
        DATABASE_URL=f"postgresql://someone:{PASSWORD}@127.0.0.1:9/x",
        PRICEGRAPH_TOKEN=TOKEN,
        COINGECKO_URL=f"{demo['simulator']}/coingecko/api/v3",
        COINGECKO_PLAN="demo",
        COINGECKO_API_KEY=KEY,
    )

    done = call("doctor", env=secrets)

    assert done.returncode == 1
    assert "problem  database" in done.stdout
    assert "problem  provider" in done.stdout
    assert done.stderr == ""
    assert not any(secret in done.stdout for secret in (PASSWORD, KEY, TOKEN))


def test_psql_asks_the_database_of_the_settings(env: dict[str, str]) -> None:
    done = call("psql", "--", "-Atc", "select count(*) > 0 from price_hourly", env=env)

    assert (done.returncode, done.stdout, done.stderr) == (0, "t\n", "")


def test_psql_asks_the_running_demo_when_nothing_is_set(beside: dict[str, str]) -> None:
    assert call("psql", "-Atc", "select current_database()", env=beside).stdout == "pricegraph_simulated\n"


def test_psql_keeps_its_exit_code(env: dict[str, str]) -> None:
    done = call("psql", "-c", "select 1 / 0", env=env)

    assert done.returncode == 1
    assert "division by zero" in done.stderr


def test_the_password_is_in_the_environment_and_not_on_the_command_line(env: dict[str, str]) -> None:
    url = env["DATABASE_URL"].replace("postgres@", f"postgres:{PASSWORD}@")

    shown, password = call("psql", "-c", COMMAND_LINE, env=env | {"DATABASE_URL": url}).stdout.splitlines()

    assert "psql -c" in shown
    assert PASSWORD not in shown
    assert password == PASSWORD


def test_where_psql_is_not_installed_that_of_the_embedded_server_runs(env: dict[str, str]) -> None:
    assert call("psql", "-Atc", "select 1", env=env | {"PATH": str(BIN)}).stdout == "1\n"


def test_psql_without_a_database_says_how_to_get_one(tmp_path: Path) -> None:
    done = call("psql", env=environment(PRICEGRAPH_DATA_DIR=str(tmp_path)))

    assert done.returncode == 2
    assert "pricegraph demo" in done.stderr
