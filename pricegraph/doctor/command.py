"""The command: reads the settings, examines, prints."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import orjson
from rich.console import Console
from rich.text import Text

from pricegraph.doctor.examination import examine
from pricegraph.doctor.findings import Finding, Verdict, problem, worst
from pricegraph.running_demo import with_running_demo
from pricegraph.settings import SettingsError, read_settings

_COLOURS = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.PROBLEM: "bold red"}
_INDENT = " " * 20


def run_doctor(out: Console, *, as_json: bool) -> int:
    """The exit code: 1 when there is a problem."""
    findings = _find()
    if as_json:
        out.print(Text(_to_json(findings)))
    else:
        for finding in findings:
            out.print(_to_text(finding))
    return 1 if worst(findings).verdict is Verdict.PROBLEM else 0


def _find() -> Sequence[Finding]:
    try:
        settings = with_running_demo(read_settings())
    except SettingsError as error:
        # Every program refuses to start with them, so there is nothing behind them to look at.
        return [problem("settings", str(error), "correct these variables, then run `pricegraph doctor` again")]
    return asyncio.run(examine(settings, lambda: datetime.now(UTC)))


def _to_text(finding: Finding) -> Text:
    verdict = (f"{finding.verdict:<9}", _COLOURS[finding.verdict])
    text = Text.assemble(verdict, f"{finding.subject:<10} {finding.found}")
    return text.append(f"\n{_INDENT}{finding.advice}", style="dim") if finding.advice else text


def _to_json(findings: Sequence[Finding]) -> str:
    report = {"verdict": worst(findings).verdict, "checks": findings}
    return orjson.dumps(report, option=orjson.OPT_INDENT_2).decode()
