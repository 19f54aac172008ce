"""The store: tables, migrations and every SQL statement. Imports none of the other packages.

Functions take a connection and answer with frozen rows; a function that writes several things expects the caller to
hold the transaction.
"""
