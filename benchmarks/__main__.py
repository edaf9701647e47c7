"""
C{python -m benchmarks}.
"""

from __future__ import annotations

import argparse
import sys

from benchmarks.catalogue import CATALOGUE, listing


def main(arguments: list[str]) -> None:
    """
    @param arguments: a name and its options; none for a list of names.

    @raise SystemExit: for an unknown name.
    """
    if not arguments or arguments[0] in ("-h", "--help"):
        print(listing())
        return
    name, *rest = arguments
    if name not in CATALOGUE:
        sys.exit(f"There is no benchmark {name}.\n\n{listing()}")
    benchmark = CATALOGUE[name]
    module = benchmark.load()
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks {name}",
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.options(parser)
    parser.set_defaults(**benchmark.defaults)
    module.run(parser.parse_args(rest))


if __name__ == "__main__":
    main(sys.argv[1:])
