"""``python -m suite.reproduce``: a stand-alone script for each known deviation (suite/known/reproduce.py)."""

import sys

from gradlaws.suite.known.reproduce import main

if __name__ == "__main__":
    sys.exit(main())
