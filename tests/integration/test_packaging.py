# -*- test-case-name: tests.integration.test_packaging -*-
"""
The package as others get it: built, installed in a fresh virtual environment as a wheel and
editable, and uninstalled.

This downloads what is installed, so it runs where C{TXJMAPACCESS_CI} is set.
"""

from __future__ import annotations

import atexit
import functools
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.paths import ROOT
from twisted import __version__ as twistedVersion

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_NOT_SOURCE = (".git", ".venv", "_trial_temp*", "build", "dist", "*.egg-info", "*_cache")
_NOT_SOURCE += ("__pycache__", "node_modules", ".hypothesis", "dropin.cache")


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """
    @return: what C{command} prints.
    """
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, capture_output=True, text=True, check=False
    )
    if done.returncode:
        # Without the addresses of package indexes.
        output = re.sub(r"https?://\S+|host='[^']*'", "...", done.stdout + done.stderr)
        raise AssertionError(f"{command[0]} {command[1]} failed: {output}")
    return done.stdout


@functools.lru_cache(maxsize=1)
def temporaryDirectory() -> Path:
    """
    @return: a directory that is removed at the end of the process.
    """
    directory = tempfile.mkdtemp(prefix="txjmapaccess-packaging-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return Path(directory)


@functools.lru_cache(maxsize=1)
def source() -> Path:
    """
    @return: a copy of the source, so that building leaves nothing in it.
    """
    copy = temporaryDirectory() / "source"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*_NOT_SOURCE))
    return copy


def built() -> tuple[Path, Path]:
    """
    @return: the source distribution, and the wheel that is built from it.
    """
    # Not isolated, which would be two more environments: .ci/run builds like that, too.
    tools = environment("tools", "build", *buildRequirements())
    output = temporaryDirectory() / "dist"
    run(tools / "python", "-m", "build", "--no-isolation", "--outdir", output, source())
    [sdist], [wheel] = output.glob("*.tar.gz"), output.glob("*.whl")
    return sdist, wheel


def buildRequirements() -> list[str]:
    """
    @return: what pyproject.toml says is needed to build the package.
    """
    with open(ROOT / "pyproject.toml", "rb") as file:
        requirements: list[str] = tomllib.load(file)["build-system"]["requires"]
    return requirements


def environment(name: str, *requirements: str | Path) -> Path:
    """
    @return: the directory of the programs of a new virtual environment with C{requirements}.
    """
    directory = temporaryDirectory() / name
    # Without a pip of its own, which takes longer to install than all else.
    run(sys.executable, "-m", "venv", "--without-pip", directory)
    install(directory / "bin", *requirements)
    return directory / "bin"


def install(programs: Path, *requirements: str | Path) -> None:
    """
    Install C{requirements} in a virtual environment.
    """
    pip(programs, "install", *requirements)


def pip(programs: Path, command: str, *arguments: str | Path) -> None:
    """
    Run our pip on another virtual environment.
    """
    python = programs / "python"
    run(sys.executable, "-m", "pip", "--python", python, command, "-q", *arguments)


def commands(programs: Path) -> set[str]:
    """
    @return: the commands that C{twistd --help} lists.
    """
    text = run(programs / "twistd", "--help", cwd=temporaryDirectory())
    return set(re.findall(r"^    (\S+)", text.partition("Commands:")[2], re.MULTILINE))


def checkers(programs: Path) -> set[str]:
    """
    @return: what C{twistd jmapaccess --help-auth} lists.
    """
    text = run(programs / "twistd", "jmapaccess", "--help-auth", cwd=temporaryDirectory())
    return {line.split()[0] for line in text.splitlines() if line.strip()}


def plugins(programs: Path) -> set[str]:
    """
    @return: the files in twisted/plugins of a virtual environment.
    """
    [directory] = programs.parent.glob("lib/python*/site-packages/twisted/plugins")
    return {path.name for path in directory.iterdir()} - {"dropin.cache", "__pycache__"}


class PackagingTests(SynchronousTestCase):
    """
    From the source to an installed package and back.
    """

    if not os.environ.get("TXJMAPACCESS_CI"):
        skip = "it downloads packages: set TXJMAPACCESS_CI to run it"

    def test_built(self) -> None:
        """
        The source distribution has what is needed to run the tests and the examples; the wheel has
        every module and every plugin, and nothing that would be in somebody else's way: no tests,
        and no C{__init__.py} that would overwrite Twisted's own. Installed from it, C{twistd} lists
        jmapaccess and its checkers; uninstalled, Twisted is as it was.
        """
        sdist, wheel = built()
        self.checkSource(sdist)
        self.checkWheel(wheel)
        self.checkInstalled("wheel", wheel)

    def test_editable(self) -> None:
        """
        So it is with an editable install.
        """
        self.checkInstalled("editable", "-e", source())

    def checkSource(self, sdist: Path) -> None:
        """
        Look into the source distribution.
        """
        with tarfile.open(sdist) as archive:
            names = {name.partition("/")[2] for name in archive.getnames()}
        wanted = {
            str(path.relative_to(source()))
            for directory in ("tests", "examples", "txjmapaccess", "twisted")
            for path in (source() / directory).rglob("*.py")
        }
        self.assertEqual(wanted - names, set())
        documents = {"README.md", "LICENSE", "CONTRIBUTING.md", "setup.cfg"}
        self.assertEqual(documents - names, set())

    def checkWheel(self, wheel: Path) -> None:
        """
        Look into the wheel.
        """
        with zipfile.ZipFile(wheel) as archive:
            names = set(archive.namelist())
        modules = {
            str(path.relative_to(source()))
            for directory in ("txjmapaccess", "twisted/plugins")
            for path in (source() / directory).rglob("*.py")
        }
        code = {name for name in names if ".dist-info/" not in name}
        self.assertEqual(modules - code, set())
        self.assertIn("txjmapaccess/py.typed", code)
        top = {name for name in code if not name.startswith("txjmapaccess/")}
        self.assertEqual([n for n in top if not n.startswith("twisted/plugins/txjmapaccess_")], [])

    def checkInstalled(self, name: str, *requirement: str | Path) -> None:
        """
        Install the package, try it, uninstall it.
        """
        programs = environment(name, f"twisted[tls]=={twistedVersion}")
        commandsBefore, pluginsBefore = commands(programs), plugins(programs)
        self.assertEqual({"web", "dns", "mail"} - commandsBefore, set())
        install(programs, *requirement)
        self.assertEqual(commands(programs), commandsBefore | {"jmapaccess"})
        self.assertEqual({"ldap", "introspection", "memory"} - checkers(programs), set())
        self.assertIn("txjmapaccess ", run(programs / "txjmapaccess", "--version"))
        pip(programs, "uninstall", "-y", "txjmapaccess")
        self.assertEqual(commands(programs), commandsBefore)
        self.assertEqual(plugins(programs), pluginsBefore)
