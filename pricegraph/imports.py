"""Commands that import files."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from pricegraph.import_client import import_transactions, read_text
from pricegraph.refresh_client import RefreshFailed
from pricegraph.running_demo import with_running_demo
from pricegraph.settings import read_settings

app = typer.Typer(no_args_is_help=True)
_out = Console(highlight=False, soft_wrap=True)


class Format(StrEnum):
    """As the mutation has them, in lower case."""

    PRICEGRAPH = "pricegraph"
    COINBASE = "coinbase"
    GENERIC = "generic"


@app.callback()
def group() -> None:
    """Files into the database."""


@app.command()
def transactions(
    file: Annotated[Path, typer.Argument(help="CSV in UTF-8.")],
    account: Annotated[str, typer.Option(help="Id of a manual account: `portfolios { accounts { id } }`.")],
    form: Annotated[Format, typer.Option("--format", help="How the file is written.")] = Format.PRICEGRAPH,
    column: Annotated[
        list[str] | None, typer.Option("--map", help="FIELD=column, or FIELD==value for all rows; for generic.")
    ] = None,
    kind: Annotated[
        list[str] | None, typer.Option(help="word=KIND, or word=KIND/KIND-BELOW-ZERO; for generic.")
    ] = None,
    time_format: Annotated[str | None, typer.Option(help="Such as '%d.%m.%Y %H:%M'; for generic.")] = None,
    time_zone: Annotated[str | None, typer.Option(help="Such as Europe/Berlin; for generic.")] = None,
    decimal_comma: Annotated[bool, typer.Option("--decimal-comma", help="1.234,5 is one thousand and more.")] = False,
    coin: Annotated[list[str] | None, typer.Option(help="name=slug, where a name is in doubt.")] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Store what is new; else only say what it is.")] = False,
) -> None:
    """Ask the server of `pricegraph refresh` to add the transactions of a file to a manual account.

    0 all rows, 1 some rejected, 2 all rejected or refused, 75 try later.
    """
    request: dict[str, Any] = {"account": account, "csv": read_text(file), "format": form.name, "dryRun": not apply}
    request |= {"decimalComma": decimal_comma, "names": [_name(one) for one in coin or ()]}
    if form is Format.GENERIC or column or kind or time_format or time_zone:
        request["mapping"] = {
            "columns": [_column(one) for one in column or ()],
            "kinds": [_kind(one) for one in kind or ()],
            "timeFormat": time_format,
            "timeZone": time_zone,
        }
    settings = with_running_demo(read_settings())
    token = settings.token.get_secret_value() if settings.token else None
    raise typer.Exit(import_transactions(settings.url, token, request, _out))


def _column(text: str) -> dict[str, str]:
    name, column = _split(text, "--map AT=Date")
    field = name.strip().upper().replace("-", "_")
    if column.startswith("="):
        return {"field": field, "value": column[1:]}
    return {"field": field, "column": column}


def _kind(text: str) -> dict[str, str]:
    word, kinds = _split(text, "--kind Bought=BUY")
    plus, slash, minus = kinds.upper().partition("/")
    return {"word": word, "kind": plus} | ({"whenNegative": minus} if slash else {})


def _name(text: str) -> dict[str, str]:
    name, slug = _split(text, "--coin BTC=bitcoin")
    return {"name": name, "coin": slug}


def _split(text: str, example: str) -> tuple[str, str]:
    name, sign, rest = text.partition("=")
    if not name or not sign or not rest:
        raise RefreshFailed(f"{text!r} is written as in  {example}")
    return name, rest
