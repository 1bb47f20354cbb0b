"""Records become a report: what each cell saw, what changed since the baseline, and what the run comes to.

summary.py   records -> report      run.py       the headers of all shards as one
matrix.py    the cells              floors.py    how much was looked at, and what is too little
distribution.py   error / bound     outcomes.py  controls, failures, ledger, time, tests
claims.py    the document's claims  verdict.py   what the run comes to, and why
gist.py      what two runs are compared by, and the baseline      compare.py    what changed
"""
