"""The arithmetics in which a tape runs, behind one namespace: float64, quad (113 bits), mpmath at any precision.

Of each: ``asarray`` takes what comes from outside, ``to_float64`` rounds, ``to_mp`` gives mpmath numbers; ``working()``
is the context in which to compute; ``entrywise`` evaluates a function of mpmath numbers; functions have the names of
their rows in the catalogue, and what an arithmetic lacks is evaluated by that row's definition. Sums, products,
comparisons and what moves entries are NumPy's own.
"""
