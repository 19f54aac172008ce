"""Provider data into the database: clients, pacing, buckets, workers. Never sees GraphQL."""
