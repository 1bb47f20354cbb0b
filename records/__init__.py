"""What passes between suite/ and reports/: one definition of each record, below both.

A record is a plain dict, a line of JSON in a shard or a row of report.json; its type says which keys it has. mypy holds
those who write and read it to that, and reading.py what comes from a file. Nothing here imports suite/ or reports/.

    values.py    what a value can be: counts, numbers, the words that have a meaning      parts.py    what records share
    shard.py     what a run writes, by kind of record       run.py      what it says of itself, and the report of it
    report.py    report.json, with
        matrix.py      the evidence      outcomes.py    everything else      comparison.py    baseline, and what changed
    reading.py   what a file holds, checked      schema.py    report.json as JSON Schema
    conversions.py    between JSON and what is computed with
"""
