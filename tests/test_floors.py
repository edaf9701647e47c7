# -*- test-case-name: tests.test_floors -*-
"""
Which module of the package may import which (docs/architecture.md).
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator

from twisted.trial.unittest import SynchronousTestCase

from tests.support.paths import ROOT

#: From the ground up. Nothing imports from a floor above its own.
FLOORS = (
    "errors interfaces verdict credentials sessionurl hosts settings files fsync coroutines"
    " redaction _version",
    "policy cache checkers limits limitlog logthrottle pacing database threads",
    "message",
    "http",
    "ldap oauth",
    "store",
    "objectid maildir",
    "imap",
    "imap.commands",
    "jmap",
    "server metrics",
    "twistd",
    "check demo",
)

#: Of one floor, but they know nothing of each other.
STRANGERS = (("objectid", "maildir"), ("ldap", "oauth"), ("jmap", "imap"), ("jmap", "maildir"))

#: Imports that are made within a function, when they are needed.
UPWARDS = {
    # Only for --demo.
    ("twistd.service", "demo"),
}


def modules() -> Iterator[tuple[str, str]]:
    """
    @return: the name of each module below the package, and its path.
    """
    package = os.path.join(ROOT, "txjmapaccess")
    for directory, _, files in os.walk(package):
        for name in files:
            if name.endswith(".py"):
                path = os.path.join(directory, name)
                parts = os.path.relpath(path, package)[:-3].split(os.sep)
                yield ".".join(part for part in parts if part != "__init__"), path


def importsOf(path: str, known: frozenset[str]) -> Iterator[str]:
    """
    @return: what a module imports of the package, wherever it does: within functions, too, and for
        the type checker alone.
    """
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, path
            found = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in found:
            package, _, rest = name.partition(".")
            if package == "txjmapaccess":
                yield rest if rest in known else rest.rpartition(".")[0]


def floorOf(module: str) -> int:
    """
    @return: the number of a module's floor. The package itself, with what users import, has all
        below it.
    """
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        for number, names in enumerate(FLOORS):
            if ".".join(parts[:length]) in names.split():
                return number
    return len(FLOORS)


def circles(graph: dict[str, set[str]]) -> set[frozenset[str]]:
    """
    @return: the modules that import each other, by whatever way, in groups.
    """
    reached: dict[str, set[str]] = {}
    for start in graph:
        found, waiting = set(), [start]
        while waiting:
            for name in graph.get(waiting.pop(), ()):
                if name not in found:
                    found.add(name)
                    waiting.append(name)
        reached[start] = found
    return {
        frozenset(other for other in reached[name] if name in reached.get(other, ()))
        for name in graph
        if name in reached[name]
    }


class FloorTests(SynchronousTestCase):
    """
    The imports of all modules.
    """

    def setUp(self) -> None:
        paths = dict(modules())
        known = frozenset(paths)
        self.graph = {name: set(importsOf(path, known)) for name, path in paths.items()}

    def test_everyModule(self) -> None:
        """
        Every module has a floor.
        """
        self.assertGreater(len(self.graph), 200)
        without = {name for name in self.graph if floorOf(name) == len(FLOORS)}
        self.assertEqual(without, {"", "__main__"})

    def test_nothingFromAbove(self) -> None:
        """
        Nothing imports from a floor above.
        """
        upwards = {
            (name, imported)
            for name, imports in self.graph.items()
            for imported in imports
            if floorOf(imported) > floorOf(name)
        }
        self.assertEqual(upwards - UPWARDS, set())

    def test_strangers(self) -> None:
        """
        Stores, index, checkers and the two protocols know nothing of each other.
        """
        found = {
            (name, imported)
            for name, imports in self.graph.items()
            for imported in imports
            for pair in STRANGERS
            if {name.split(".")[0], imported.split(".")[0]} == set(pair)
        }
        self.assertEqual(found, set())

    def test_noCircles(self) -> None:
        """
        No module is imported by what it imports.
        """
        self.assertEqual(circles(self.graph), set())

    def test_exceptions(self) -> None:
        """
        What is listed as an exception is one.
        """
        for name, imported in UPWARDS:
            self.assertIn(imported, self.graph[name])
