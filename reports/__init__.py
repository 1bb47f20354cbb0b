"""What is shown: shards of records in; a page, a JSON file and a text for a terminal out.

The package knows only records, which are plain data (one JSON object a line), so a report can be built from
shards written on other machines. It imports nothing from `suite` or `strategies`.

    shards.py    write records while tests run; read them back, whatever a crash left behind
    fold.py      comparisons become cells: sums and maxima, so any sharding gives the same report
    summary.py   records -> report, with matrix.py, distribution.py (error / bound), claims.py, outcomes.py (the rest)
    run.py       the headers of all shards as one          verdict.py     what the run comes to, and why
    gist.py      what two runs are compared by, and the baseline      compare.py    what changed
    text.py      the report for a terminal          page.py    the report for a browser
    junit.py, sarif.py, markdown.py    its twins, for a CI system; report.schema.json says what report.json is
    build.py     shards -> all of these, and repro/       load.py    a report.json, read back

The page (page.py, templates/, style.css, figures.css, page.js) is one file. What its sections show is prepared by

    evidence.py  the matrix and what stands behind each cell      graph.py   a function's steps, drawn
    findings.py  the ledger as cards                              atlas.py   ulps of every primitive over its domain
    power.py     faults, sensitivity, false alarms                history.py what held in which version
    generated.py what kind of functions, and the holes            plot.py, chart.py, axis.py   geometry of figures
    mathml.py    formulas                                         search.py, seal.py   the index; what is folded up
    measurements.py   what benchmarks/ measured beside the run
"""
