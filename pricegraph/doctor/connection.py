"""Why a database cannot be reached.

libpq's own message quotes parts of the address, and those of a mistyped one may be parts of the password. So its words
are recognised and never shown.
"""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from pricegraph.doctor.findings import Finding, problem


@dataclass(frozen=True, slots=True)
class Address:
    """The variable that holds it, what findings about it are called, and the command that shows libpq's own words."""

    variable: str
    subject: str
    client: str


PRIMARY = Address("DATABASE_URL", "database", "pricegraph psql")
REPLICA = Address("DATABASE_READ_URL", "replica", 'psql "$DATABASE_READ_URL"')

# The first phrase that the message holds decides. Names that people choose stand in messages too, so the phrases that
# could be part of one come last.
_CAUSES = (
    ("password authentication failed", "the user or the password is refused", "correct them in {variable}"),
    (
        "no password supplied",
        "a password is asked for",
        "put it into {variable}: postgresql://user:password@host/name",
    ),
    ("no pg_hba.conf entry", "the server lets nobody in from here", "add this machine to the server's pg_hba.conf"),
    ('role "', "the user does not exist", "correct the user in {variable}, or create that role"),
    ("does not exist", "the database does not exist", "create it with `createdb`, or correct its name in {variable}"),
    ("connection refused", "nobody listens there", "start PostgreSQL, or correct host and port in {variable}"),
    ("no such file", "no server has a socket there", "start PostgreSQL, or correct the host in {variable}"),
    ("starting up", "it is starting up", "wait a moment, then run `pricegraph doctor` again"),
    ("shutting down", "it is shutting down", "start PostgreSQL again"),
    ("too many clients", "it has no connection left", "raise its max_connections, or run fewer programs"),
    ("connection slots", "it has no connection left", "raise its max_connections, or run fewer programs"),
    ("resolve host", "its host is unknown", "correct the host in {variable}; percent-encode special signs before it"),
    ("certificate", "its certificate is not accepted", "correct sslmode or sslrootcert in {variable}"),
    ("ssl", "TLS with it failed", "correct sslmode in {variable}"),
)


def explain_silence(address: Address) -> Finding:
    advice = f"see whether a firewall is in the way; correct host and port in {address.variable}"
    return problem(address.subject, "cannot be reached: it does not answer", advice)


def explain_connection(error: psycopg.Error, address: Address = PRIMARY) -> Finding:
    if isinstance(error, psycopg.errors.ConnectionTimeout):
        return explain_silence(address)
    if said := error.diag.message_primary:  # the server's own words, once it has let somebody in, quote no address
        return problem(address.subject, f"refuses: {said}", "mend that, then try again")
    message = str(error).lower()
    for phrase, found, advice in _CAUSES:
        if phrase in message:
            return problem(address.subject, f"cannot be reached: {found}", advice.format(variable=address.variable))
    return problem(address.subject, "cannot be reached", f"run `{address.client}`, which shows what the server says")
