"""
How fast it is, beside what one would use instead. C{python -m benchmarks} lists what there is.

It runs in a clone of the repository, with what the tests need. L{benchmarks.servers} starts
everything, L{benchmarks.load} is the clients, L{benchmarks.results} the tables; the modules beside
them each measure one thing.
"""
