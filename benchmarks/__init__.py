"""
Speed, compared with the alternatives. C{python -m benchmarks} lists the benchmarks.

They run in a clone of the repository, with the requirements of the tests. L{benchmarks.servers}
starts the servers, L{benchmarks.load} has the clients, L{benchmarks.results} the tables; each
of the other modules measures one thing.
"""
