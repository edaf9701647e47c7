# -*- test-case-name: tests.check.test_command -*-
"""
C{txjmapaccess check}, the program.

The exit statuses are promised to scripts: L{ALL_WELL}, L{SOMETHING_WRONG}, L{UNUSABLE}.
"""

from __future__ import annotations

import getpass
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn

from twisted.internet.defer import Deferred
from twisted.internet.task import react
from twisted.logger import globalLogBeginner

from txjmapaccess.check.findings import exitStatus, ok, summary
from txjmapaccess.check.logincheck import Credentials
from txjmapaccess.check.options import CheckOptions, parse
from txjmapaccess.check.plan import makeSteps
from txjmapaccess.check.steps import runSteps
from txjmapaccess.credentials import BearerToken, UsernamePassword
from txjmapaccess.errors import ConfigurationError
from txjmapaccess.twistd.config import Settings

ALL_WELL, SOMETHING_WRONG, UNUSABLE = 0, 1, 2

_TOKEN = re.compile(r"[!-~]+\Z")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """
    Check, and exit.

    @param arguments: those of the command line; L{None} for the process's own.
    """
    # Logs and warnings of libraries are for the service's log.
    globalLogBeginner.beginLoggingTo([], discardBuffer=True, redirectStandardIO=False)
    try:
        options = parse(list(sys.argv[1:] if arguments is None else arguments))
        settings = options.settings()
        credentials = readCredentials(options)
    except ConfigurationError as e:
        print(f"txjmapaccess check: {e}", file=sys.stderr)
        raise SystemExit(UNUSABLE) from None
    except KeyboardInterrupt:
        raise SystemExit(SOMETHING_WRONG) from None
    outcome = Outcome()
    with suppress(SystemExit):
        react(_run, (outcome, options, settings, credentials))
    raise SystemExit(outcome.status)


@dataclass
class Outcome:
    """
    @ivar status: the exit status. An interrupted check is not a success, but L{react} would exit
        with 0.
    """

    status: int = SOMETHING_WRONG


def _run(
    reactor: Any,
    outcome: Outcome,
    options: CheckOptions,
    settings: Settings,
    credentials: Credentials | None,
) -> Deferred[None]:
    async def run() -> None:
        try:
            outcome.status = await check(reactor, options, settings, credentials, _show)
        except ConfigurationError as e:
            print(f"txjmapaccess check: {e}", file=sys.stderr)
            outcome.status = UNUSABLE
        except Exception as e:
            # Its text may contain a secret.
            print(f"txjmapaccess check: failed ({type(e).__name__})", file=sys.stderr)

    return Deferred.fromCoroutine(run())


def _show(line: str) -> None:
    # At once, so that the operator sees progress.
    encoding = sys.stdout.encoding or "ascii"
    print(line.encode(encoding, "replace").decode(encoding), flush=True)


async def check(
    reactor: Any,
    options: CheckOptions,
    settings: Settings,
    credentials: Credentials | None,
    show: Callable[[str], object],
) -> int:
    """
    @param credentials: whose login to check, or L{None}.
    @param show: called with each line.

    @return: the exit status.
    """
    source = options["config"] or "the command line"
    found = [ok("configuration", f"{source} is valid")]
    show(found[0].line())
    steps = makeSteps(reactor, options, settings, credentials)
    found += await runSteps(reactor, steps, show)
    show(summary(found))
    return exitStatus(found, options["strict"])


def readCredentials(options: CheckOptions) -> Credentials | None:
    """
    Read the password of C{--user} or the token of C{--token}: without echo from a terminal, or the
    first line of anything else.

    @raise ConfigurationError: if it is not a password or token.
    """
    name, isToken = options["user"], options["token"]
    if name is None and not isToken:
        return None
    secret = _secret("Access token: " if isToken else f"Password of {name}: ")
    if not secret:
        raise ConfigurationError("no password or token was entered")
    if not isToken:
        return UsernamePassword(name.encode("utf-8", "surrogateescape"), secret, "PLAIN")
    token = secret.decode("ascii", "replace")
    if not _TOKEN.match(token):
        raise ConfigurationError("the input is not an access token (RFC 6750)")
    return BearerToken(token, name)


def _secret(prompt: str) -> bytes:
    if sys.stdin.isatty():
        try:
            return getpass.getpass(prompt).encode("utf-8", "surrogateescape")
        except EOFError:
            return b""
    return sys.stdin.buffer.readline().rstrip(b"\r\n")
