# -*- test-case-name: tests.benchmarks.test_benchmarks -*-
"""
The machine of a run.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import ssl
import subprocess
from collections.abc import Sequence
from pathlib import Path

import twisted
import txjmapaccess
from tests.support.oidc import nodeModules
from tests.support.slapd import SLAPD


def describe() -> dict[str, str]:
    """
    @return: names and values: hardware, system, and versions of the software.
    """
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    processor = _found("/proc/cpuinfo", r"^model name\s*: (.*)$")
    return {
        "processor": f"{processor}, {os.cpu_count()} cores",
        "memory": f"{memory:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "system": _found("/etc/os-release", r'^PRETTY_NAME="(.*)"$'),
        "Python": platform.python_version(),
        "Twisted": twisted.__version__,
        "txjmapaccess": txjmapaccess.__version__,
        "OpenSSL (Python's, the load's)": ssl.OPENSSL_VERSION,
        "slapd": _said([SLAPD or "", "-VV"], r"slapd ([\d.]+)"),
        "Dovecot": _said(["dovecot", "--version"], r"^([\d.]+)"),
        "oidc-provider": _found(
            str(nodeModules() / "oidc-provider" / "package.json"), r'"version": "(.*)"'
        ),
        "node": _said(["node", "--version"], r"v(.*)"),
    }


def _found(path: str, pattern: str) -> str:
    try:
        found = re.search(pattern, Path(path).read_text(encoding="utf-8"), re.M)
    except OSError:
        found = None
    return found[1].strip() if found else "unknown"


def _said(command: Sequence[str], pattern: str) -> str:
    if shutil.which(command[0]) is None:
        return "not installed"
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(pattern, done.stdout + done.stderr, re.M)
    return found[1].strip() if found else "unknown"
