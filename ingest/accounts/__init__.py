"""One client per kind of source that holds something: balances and transactions, a page at a time."""
