"""What a field means: arguments in, rows out. Loaders and the request's context live here; GraphQL's types do not."""
