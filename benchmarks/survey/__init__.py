"""Every primitive alone, over its whole domain and in every mode: `python -m benchmarks.survey`."""
