"""
The programs to measure, and the programs that they need. All are started here, in the same way.

L{benchmarks.servers.stage} starts what a benchmark asks for, and ends it all.
"""
