"""Commands for the key that encrypts the keys of accounts."""

from __future__ import annotations

import asyncio

import typer

from db.pool import open_database
from db.secrets import Vault, rotate_secrets
from pricegraph.running_demo import with_running_demo
from pricegraph.settings import Settings, SettingsError, read_settings

app = typer.Typer(no_args_is_help=True)


@app.command()
def new() -> None:
    """Print a new key, for PRICEGRAPH_ENCRYPTION_KEY. It is stored nowhere."""
    typer.echo(Vault.new_key())


@app.command()
def rotate() -> None:
    """Encrypt what is stored anew with the first key of PRICEGRAPH_ENCRYPTION_KEY; the old one must follow it."""
    count = asyncio.run(_rotate(with_running_demo(read_settings())))
    typer.echo(f"{count} encrypted anew; the keys after the first are needed no more")


async def _rotate(settings: Settings) -> int:
    vault = settings.vault()
    if vault is None:
        raise SettingsError(
            "PRICEGRAPH_ENCRYPTION_KEY is not set; set it to the new key and the old one, with a comma between them"
        )
    async with open_database(settings.need_database_url()) as database, database.transaction() as connection:
        return await rotate_secrets(connection, vault)
