"""The tests of the identities, and what only they use; each reads like the identity that it verifies."""
