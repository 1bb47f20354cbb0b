"""What the plugin files import that `python -m suite check` leaves with its users (suite/operation/rows.py)."""

from gradlaws.suite.operation.rows import imported, primitive

__all__ = ["imported", "primitive"]
