"""A report in other forms: text.py for a terminal; junit.py, sarif.py and markdown.py for a CI system."""
