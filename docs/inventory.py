"""
Inventories (Sphinx, version 2) of the names in the standard library, Twisted and other packages to
which docstrings may refer, made from what is installed: so the reference is built without a
network, and a name that does not exist is a warning.
"""

import builtins
import importlib
import inspect
import re
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

_PYTHON = "https://docs.python.org/3/library"
_TWISTED = "https://docs.twisted.org/en/stable/api"
_CONSTANTS = ("None", "True", "False")
_FUNCTIONS = ("bool", "int", "float", "object", "type")


def write(package: Path, directory: Path) -> list[str]:
    """
    @param package: whose imports say in which modules the names are.
    @param directory: where to write the inventories.

    @return: the arguments for pydoctor: C{PATH::BASE_URL}.
    """
    names = {name for path in package.rglob("*.py") for name in _named(path)}
    twisted = [line for name in sorted(names) for line in _ofModule(name)]
    standard = {name for path in package.rglob("*.py") for name in _imported(path)}
    python = [*_builtins(), *(line for name in sorted(standard) for line in _ofStandard(name))]
    return [
        _file(directory / "python.inv", python, _PYTHON),
        _file(directory / "twisted.inv", twisted, _TWISTED),
    ]


def _named(path: Path) -> Iterator[str]:
    """
    @return: every name below C{twisted} in a module, and what it is in: some of them are modules.
    """
    for name in re.findall(r"\btwisted(?:\.\w+)+", path.read_text(encoding="utf-8")):
        parts = name.split(".")
        yield from (".".join(parts[: end + 1]) for end in range(1, len(parts)))


def _imported(path: Path) -> set[str]:
    """
    @return: the modules of the standard library that a module imports.
    """
    found = re.findall(r"^\s*(?:from|import) ([\w.]+)", path.read_text(encoding="utf-8"), re.M)
    return {name for name in found if name.split(".")[0] in sys.stdlib_module_names}


def _ofStandard(name: str) -> Iterator[str]:
    page = f"{name}.html"
    yield f"{name} py:module 1 {page} -"
    for member in dir(importlib.import_module(name)):
        yield f"{name}.{member} py:obj 1 {page}#{name}.{member} -"


def _builtins() -> Iterator[str]:
    for name in dir(builtins):
        page = "stdtypes"
        if name in _CONSTANTS:
            page = "constants"
        elif name in _FUNCTIONS:
            page = "functions"
        elif inspect.isclass(getattr(builtins, name)) and name[0].isupper():
            page = "exceptions"
        yield f"{name} py:obj 1 {page}.html#{name} -"


def _ofModule(name: str) -> Iterator[str]:
    try:
        module = importlib.import_module(name)
    except ImportError:
        return
    yield f"{name} py:module 1 {name}.html -"
    for member, value in vars(module).items():
        page = _page(name, value)
        where = page if page is not None else f"{name}.html#{member}"
        yield f"{name}.{member} py:obj 1 {where} -"
        for attribute in _attributes(value):
            yield f"{name}.{member}.{attribute} py:obj 1 {page}#{attribute} -"


def _page(module: str, value: object) -> str | None:
    """
    @return: the page that a class or interface has to itself.
    """
    if not inspect.isclass(value) and not hasattr(value, "namesAndDescriptions"):
        return None
    # Private modules are made public by what imports from them.
    home = module if "._" in value.__module__ else value.__module__
    return f"{home}.{value.__name__}.html"


def _attributes(value: object) -> Iterator[str]:
    if hasattr(value, "namesAndDescriptions"):
        # A zope interface.
        yield from (name for name, _ in value.namesAndDescriptions(all=True))
    elif inspect.isclass(value):
        yield from dir(value)


def _file(path: Path, lines: list[str], url: str) -> str:
    head = f"# Sphinx inventory version 2\n# Project: {path.stem}\n# Version: \n# zlib\n"
    body = "".join(line + "\n" for line in lines)
    path.write_bytes(head.encode() + zlib.compress(body.encode()))
    return f"{path}::{url}"
