"""What is generated: random composed functions as data, and the points, directions and gradients that they meet.

It knows no framework and no test. ``functions`` and ``points`` hold the Hypothesis strategies, ``program`` what they
make, ``catalogue`` the primitives.
"""

from gradlaws.strategies import catalogue, functions, mathematics, points, precision, program

__all__ = ["catalogue", "functions", "mathematics", "points", "precision", "program"]
