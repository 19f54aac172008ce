"""Why a database cannot be reached.

libpq's own message quotes parts of the address, and those of a mistyped one may be parts of the password. So its words
are recognised and never shown.
"""

from __future__ import annotations

import psycopg

from pricegraph.doctor.findings import Finding, problem

# The first phrase that the message holds decides. Names that people choose stand in messages too, so the phrases that
# could be part of one come last.
_CAUSES = (
    ("password authentication failed", "the user or the password is refused", "correct them in DATABASE_URL"),
    (
        "no password supplied",
        "a password is asked for",
        "put it into DATABASE_URL: postgresql://user:password@host/name",
    ),
    ("no pg_hba.conf entry", "the server lets nobody in from here", "add this machine to the server's pg_hba.conf"),
    ('role "', "the user does not exist", "correct the user in DATABASE_URL, or create that role"),
    ("does not exist", "the database does not exist", "create it with `createdb`, or correct its name in DATABASE_URL"),
    ("connection refused", "nobody listens there", "start PostgreSQL, or correct host and port in DATABASE_URL"),
    ("no such file", "no server has a socket there", "start PostgreSQL, or correct the host in DATABASE_URL"),
    ("starting up", "it is starting up", "wait a moment, then run `pricegraph doctor` again"),
    ("shutting down", "it is shutting down", "start PostgreSQL again"),
    ("too many clients", "it has no connection left", "raise its max_connections, or run fewer programs"),
    ("connection slots", "it has no connection left", "raise its max_connections, or run fewer programs"),
    ("resolve host", "its host is unknown", "correct the host in DATABASE_URL; percent-encode special signs before it"),
    ("certificate", "its certificate is not accepted", "correct sslmode or sslrootcert in DATABASE_URL"),
    ("ssl", "TLS with it failed", "correct sslmode in DATABASE_URL"),
)


SILENT = problem(
    "database",
    "cannot be reached: it does not answer",
    "see whether a firewall is in the way; correct host and port in DATABASE_URL",
)


def explain_connection(error: psycopg.Error) -> Finding:
    if isinstance(error, psycopg.errors.ConnectionTimeout):
        return SILENT
    if said := error.diag.message_primary:  # the server's own words, once it has let somebody in, quote no address
        return problem("database", f"refuses: {said}", "mend that, then try again")
    message = str(error).lower()
    for phrase, found, advice in _CAUSES:
        if phrase in message:
            return problem("database", f"cannot be reached: {found}", advice)
    return problem("database", "cannot be reached", "run `pricegraph psql`, which shows what the server says")
