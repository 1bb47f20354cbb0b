"""ROUNDING: how far a right derivative may be off where it is computed in floats, entry by entry, at any size."""
