"""
Shell commands in the documentation: our own programs parse their arguments, and are not run.
"""

from __future__ import annotations

import configparser
import importlib.util
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import Any

from twisted.scripts.twistd import ServerOptions

from tests.support.docs import ROOT
from txjmapaccess.check.options import parse

#: Programs of others. What they are given, nobody checks.
OTHERS = {
    *("apt-get", "bash", "cp", "curl", "dpkg-deb", "echo", "export", "grep", "install", "mv"),
    *("npm", "openssl", "socat", "systemctl", "useradd"),
}


def checkShell(text: str) -> None:
    """
    @raise AssertionError: for what is no shell script, or names a program, module, file or option
        that is not there.
    """
    subprocess.run(["bash", "-n"], input=text, text=True, check=True, capture_output=True)
    for command in _commands(text):
        if command[0] == "runuser":
            command = command[command.index("--") + 1 :]
        program, *arguments = command
        name = PurePath(program).name
        if name in _OURS:
            _OURS[name](arguments)
        else:
            assert name in OTHERS, f"{name} is no program that is known"


def _commands(text: str) -> Iterator[list[str]]:
    """
    @return: simple commands, word by word.
    """
    for line in text.replace("\\\n", " ").splitlines():
        line = re.sub(r"^\s*\$ ", "", line)
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        command: list[str] = []
        words = iter([*lexer, ";"])
        for word in words:
            if word and set(word) <= set("<>"):
                next(words)  # A file.
            elif word and set(word) <= set("();|&"):
                if command:
                    yield command
                command = []
            else:
                command.append(word)


def _twistd(arguments: list[str]) -> None:
    if arguments == ["--help"]:
        return
    options: Any = ServerOptions()
    # The service's user is on the machine of who reads, not on this one.
    options.parseOptions(["0" if word == "txjmapaccess" else word for word in arguments])
    assert options.subCommand in ("jmapaccess", "ftp", "words"), options.subCommand


def _txjmapaccess(arguments: list[str]) -> None:
    parse(arguments)


def _python(arguments: list[str]) -> None:
    if arguments[0] == "-c":
        compile(arguments[1], "-c", "exec")
    elif arguments[0] == "-m":
        _module(arguments[1], arguments[2:])
    else:
        path = ROOT / arguments[0]
        assert path.is_file(), f"there is no {arguments[0]}"
        if arguments[0] == "examples/compare.py":
            _compareOptions()(arguments[1:])


def _module(name: str, arguments: list[str]) -> None:
    assert importlib.util.find_spec(name) is not None, f"there is no {name}"
    if name == "txjmapaccess":
        _txjmapaccess(arguments)
    if name == "twisted.trial":
        for test in arguments:
            if not test.startswith("-") and not test.endswith(".py"):
                assert importlib.util.find_spec(test) is not None, f"there is no {test}"


def _compareOptions() -> Callable[[list[str]], Any]:
    spec = importlib.util.spec_from_file_location("compare", ROOT / "examples" / "compare.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["compare"] = module  # Dataclasses look themselves up there.
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules["compare"]
    return module._options().parse_args  # type: ignore[no-any-return]


def _pip(arguments: list[str]) -> None:
    configuration = configparser.ConfigParser()
    configuration.read(ROOT / "setup.cfg")
    extras = configuration["options.extras_require"]
    for argument in arguments:
        found = re.match(r"(?:\.|txjmapaccess)\[(.*)\]\Z", argument)
        for extra in found[1].split(",") if found else ():
            assert extra in extras, f"there is no extra {extra}"


def _nothing(arguments: list[str]) -> None:
    """
    Tools for developers; their arguments are few.
    """
    for argument in arguments:
        assert not argument.startswith("/"), argument


_OURS: dict[str, Callable[[list[str]], None]] = {
    "twistd": _twistd,
    "txjmapaccess": _txjmapaccess,
    "python": _python,
    "python3": _python,
    "pip": _pip,
    **dict.fromkeys(("ruff", "mypy", "towncrier", "sphinx-build", "git"), _nothing),
}
