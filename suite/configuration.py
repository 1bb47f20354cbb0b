"""Makes a process one that measures. To import the suite changes nothing; this does, and it is called, not imported.

The pytest plugin and the commands that measure call it first. A framework gets its settings when it is loaded after
that (suite/backends), so that none is imported which nobody asks for.
"""

from __future__ import annotations

from gradlaws.suite import hypothesis_internals

measures = False


def configure() -> None:
    """From now on Hypothesis draws what follows from the seed alone, and a framework that is loaded gets its settings:
    float64 in JAX, one thread each, a cache of what is compiled. Once for the life of the process."""
    global measures
    measures = True
    hypothesis_internals.draw_no_local_constants()
