"""The price providers as one local HTTP application: seeded, repeatable, and able to misbehave on request."""
