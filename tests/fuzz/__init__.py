"""
Long runs of random input, for which there is no time in CI: see docs/fuzzing.md.
"""
