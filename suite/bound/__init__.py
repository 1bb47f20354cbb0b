"""How far a correct computation may be off: partials, contracts, the sweep that carries errors, and the tolerance."""
