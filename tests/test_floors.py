# -*- test-case-name: tests.test_floors -*-
"""
docs/architecture.md: which module of the package may import which, and which private names of
Twisted the package relies on.
"""

from __future__ import annotations

import ast
import os
import re
from collections import defaultdict
from collections.abc import Iterator

from twisted.mail import imap4
from twisted.trial.unittest import SynchronousTestCase

from tests.support.docs import read
from tests.support.paths import ROOT

_PAGE = read("docs", "architecture.md")


def rows(heading: str) -> list[list[str]]:
    """
    @return: the cells of the table under a heading of docs/architecture.md.
    """
    _, _, section = _PAGE.partition(f"\n## {heading}\n")
    lines = re.findall(r"^\| (`.*) \|$", section.partition("\n## ")[0], re.MULTILINE)
    return [line.split(" | ") for line in lines]


def names(cell: str) -> list[str]:
    """
    @return: what is in backticks.
    """
    return re.findall(r"`([^`]+)`", cell)


#: From the ground up. Nothing imports from a floor above its own.
FLOORS = [[name.strip("/").replace("/", ".") for name in names(row[0])] for row in rows("Floors")]

#: Of one floor, but they know nothing of each other.
STRANGERS = (("objectid", "maildir"), ("ldap", "oauth"), ("jmap", "imap"), ("jmap", "maildir"))

#: Imports that are made within a function, when they are needed.
UPWARDS = {
    # Only for --demo.
    ("twistd.service", "demo"),
}

#: Private names of Python's own, or no attributes at all.
OTHERS = {"_is_text_encoding", "_replace", "_utc"}


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
        for number, floor in enumerate(FLOORS):
            if ".".join(parts[:length]) in floor:
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

    def test_everyFloor(self) -> None:
        """
        The table lists what exists, each once.
        """
        listed = [name for floor in FLOORS for name in floor]
        self.assertGreater(len(FLOORS), 10)
        self.assertEqual(sorted(listed), sorted(set(listed)))
        self.assertEqual(set(listed) - set(self.graph), set())

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


def _isPrivate(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def mentioned(path: str) -> tuple[set[str], set[str], set[str]]:
    """
    @return: the private names in a module: of attributes, whoever has them; those that it defines
        itself; and those that it imports from Twisted.
    """
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    used, defined, imported = set(), set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            used.add(node.attr)
            if isinstance(node.ctx, ast.Store):
                defined.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            used.add(node.value)  # For getattr.
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            defined.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            defined.add(node.id)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("twisted."):
            imported |= {*str(node.module).split("."), *(alias.name for alias in node.names)}
    return (
        set(filter(_isPrivate, used)),
        set(filter(_isPrivate, defined)),
        set(filter(_isPrivate, imported)),
    )


class PrivateNameTests(SynchronousTestCase):
    """
    The table of Twisted's private names that the package relies on.
    """

    maxDiff = None

    def used(self) -> dict[str, set[str]]:
        """
        @return: the files that use each of these names: in imap/ and server.py, where classes share
            their attributes with C{IMAP4Server}, whatever has a name that Twisted has there; and
            everywhere what is imported from Twisted, or an attribute that no module defines.
        """
        server = imap4.IMAP4Server
        twisted = {*dir(server), *vars(server()), *dir(imap4)}
        found = {path: mentioned(path) for _, path in modules()}
        known = {name for _, defined, _ in found.values() for name in defined} | OTHERS
        result = defaultdict(set)
        for path, (attributes, _, imported) in found.items():
            file = os.path.relpath(path, os.path.join(ROOT, "txjmapaccess"))
            isServer = file.startswith("imap") or file == "server.py"
            for name in attributes | imported:
                if (isServer and name in twisted) or name in imported or name not in known:
                    result[name].add(file)
        return dict(result)

    def test_private(self) -> None:
        """
        The table has each private name of Twisted that is used, with the files that use it.
        """
        listed: dict[str, set[str]] = {}
        for cells in rows("Private names of Twisted"):
            for name in names(cells[0]):
                self.assertNotIn(name, listed)
                listed[name] = set(names(cells[1]))
        self.assertEqual(self.used(), listed)
