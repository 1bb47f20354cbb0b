"""The report for a browser, one file: what its sections show, prepared for the templates that draw it.

render.py    the page; templates/, style.css, figures.css, page.js
evidence.py  the matrix and what stands behind each cell      graph.py   a function's steps, drawn
findings.py  the ledger as cards                              atlas.py   ulps of every primitive over its domain
power.py     faults, sensitivity, false alarms                history.py what held in which version
generated.py what kind of functions, and the holes            plot.py, chart.py, axis.py   geometry of figures
mathml.py    formulas                                         search.py, seal.py   the index; what is folded up
measurements.py   what benchmarks/ measured beside the run   sizes.py   truth at real sizes
"""

from __future__ import annotations

from typing import Any

View = dict[str, Any]  # what a template is given
