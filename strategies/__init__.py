"""What is generated: random composed functions as data, and the points, directions and gradients that they meet.

It knows no framework and no test. ``functions`` and ``points`` hold the Hypothesis strategies, ``program`` what they
make, ``catalogue`` the primitives.
"""

# All of it is imported together: Hypothesis draws some numbers from the constants of local modules, so what is
# generated must not depend on which test was asked for.
from strategies import catalogue, functions, mathematics, points, precision, program

__all__ = ["catalogue", "functions", "mathematics", "points", "precision", "program"]
