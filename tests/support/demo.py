"""
The demonstration on free ports, and programs that are run against it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from typing import Any

from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from tests.support.coroutines import AsyncTestCase
from txjmapaccess.demo import DemoPorts, makeDemoService

PASSWORDS = {"arnt": "trondheim", "bron": "melbourne"}
TOKEN = "demo-token-arnt"


async def run(
    command: Sequence[str], timeout: float = 90, **keywords: Any
) -> subprocess.CompletedProcess[str]:
    """
    Run a program to its end, while the reactor runs.

    @param timeout: in seconds; a program that runs longer is killed.
    """
    keywords.setdefault("stdin", subprocess.DEVNULL)
    result: subprocess.CompletedProcess[str] = await deferToThread(
        subprocess.run,
        command,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        **keywords,
    )
    return result


class DemoTestCase(AsyncTestCase):
    """
    A test case with a demonstration of its own.

    @ivar ports: the L{DemoPorts}.
    @ivar shown: what it said on the terminal.
    """

    def setUp(self) -> None:
        shown: list[str] = []
        self.demo = makeDemoService(reactor, DemoPorts(0, 0, 0), shown.append)
        self.demo.startService()
        self.addCleanup(self.demo.stopService)
        self.shown = "".join(shown)
        self.ports = self.demo.ports  # type: ignore[attr-defined]

    @property
    def imapURL(self) -> str:
        """
        Where IMAP is.
        """
        return f"imap://127.0.0.1:{self.ports.imap}"

    @property
    def sessionURL(self) -> str:
        """
        Where JMAP is.
        """
        return f"http://127.0.0.1:{self.ports.http}/.well-known/jmap"
