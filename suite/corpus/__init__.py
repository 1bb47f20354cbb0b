"""Stored cases: what was met once, kept so that it can be asked again."""
