"""
From what was measured to what people read: statistics, tables, a chart, a page of the
documentation. Pure functions, but for L{benchmarks.results.machine}.
"""
