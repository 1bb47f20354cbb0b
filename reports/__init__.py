"""What is shown: shards of records in; a page, a JSON file and a text for a terminal out.

The package knows only records (records/), which are plain data, so a report can be built from shards written on other
machines. It imports nothing from `suite` or `strategies`.

    numerals.py  numbers for reading
    shards/      records on disk, and folded into cells
    judging/     records -> report: the evidence, what changed, the verdict
    files/       the report for a terminal and for a CI system
    page/        the report for a browser
    build.py     shards -> all files      __main__.py    python -m reports

Each imports only from those above it. report.schema.json says what a report.json is; records/schema.py made it.
"""
