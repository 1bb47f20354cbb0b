"""Records on disk: a worker writes them while its tests run, and they are read back, whatever a crash left behind.

writing.py   a worker's files      reading.py   all files as records, and what is wrong with them
fold.py      comparisons become cells: sums and maxima, so any sharding gives the same report
"""
