"""Wrong rules, planted in the frameworks, each of which must be caught: `python -m benchmarks.faults`."""
