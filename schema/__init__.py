"""What a client sees: Strawberry types, inputs, scalars and limits. Field by field it leans on `resolvers`."""
