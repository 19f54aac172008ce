"""Files of transactions, read: text in, rows out, nothing asked of the database."""
