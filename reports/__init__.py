"""What is shown: shards of records in; a page, a JSON file and a text for a terminal out.

The package knows only records, which are plain data (one JSON object a line), so a report can be built from
shards written on other machines. It imports nothing from `suite` or `strategies`.

    shards.py    write records while tests run; read them back, whatever a crash left behind
    fold.py      comparisons become cells: sums and maxima, so any sharding gives the same report
    summary.py   records -> report, with matrix.py, distribution.py (error / bound), claims.py, outcomes.py (the rest)
    run.py       the headers of all shards as one          verdict.py     what the run comes to, and why
    gist.py      what two runs are compared by, and the baseline      compare.py    what changed
    text.py      the report for a terminal          page/      the report for a browser
    junit.py, sarif.py, markdown.py    its twins, for a CI system; report.schema.json says what report.json is
    build.py     shards -> all of these, and repro/       load.py    a report.json, read back
"""
