"""
What is measured, and what it needs: every program is started here, in one way.

L{benchmarks.servers.stage} starts what a benchmark asks for, and ends it all.
"""
