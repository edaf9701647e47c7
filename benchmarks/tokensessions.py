"""
Whole sessions (connect, greeting, login, LOGOUT) of an extended Twisted server: with a password in
memory, with a token whose introspection is cached, and with one whose is not (sessions at one time
share a request, as they do for users with several clients).

::

    python -m benchmarks.tokensessions [--seconds 3] [--rounds 3]

It needs node and oidc-provider; see tests/support_oidc.py. Server, load and provider are processes
of their own. CPU is the server's.
"""

from __future__ import annotations

import argparse
import base64
import json
import statistics
import subprocess
import sys
import tempfile

from benchmarks.door import cpuSeconds
from benchmarks.load import run
from tests.support_oidc import CLIENT_ID, CLIENT_SECRET, OIDCProvider, whyNoProvider

AT_ONCE = 16

SERVER = """
import json
import sys
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import IRealm, Portal
from twisted.internet import reactor
from twisted.internet.protocol import Factory
from twisted.logger import globalLogBeginner
from twisted.mail.imap4 import IAccount, IMAP4Server, MemoryAccount
from zope.interface import implementer

from txjmapaccess import extendFactory
from txjmapaccess.checkers import chain
from txjmapaccess.oauth import IntrospectionChecker
from txjmapaccess.policy import SharedCredentials


@implementer(IRealm)
class Realm:
    def requestAvatar(self, avatarId, mind, *interfaces):
        return IAccount, MemoryAccount(avatarId), lambda: None


class TheirFactory(Factory):
    noisy = False
    def buildProtocol(self, address):
        server = IMAP4Server()
        server.portal = portal
        return server


globalLogBeginner.beginLoggingTo([lambda event: None], redirectStandardIO=False)
passwords = InMemoryUsernamePasswordDatabaseDontUse(arnt=b"trondheim")
checker = IntrospectionChecker(**json.loads(sys.argv[1]))
portal = Portal(Realm(), chain([checker, passwords]))
policy = SharedCredentials("https://mail.example.com/.well-known/jmap")
factory = extendFactory(TheirFactory(), policy, requireTLS=False)
port = reactor.listenTCP(0, factory, backlog=1024, interface="127.0.0.1")
print(port.getHost().port, flush=True)
reactor.run()
"""


def measure(login: bytes, keys: dict[str, object], seconds: float) -> tuple[float, float]:
    """
    @param login: the command.
    @param keys: the checker's settings.

    @return: sessions a second, and CPU time of the server for each in microseconds.
    """
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, json.dumps(keys)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        address = ("127.0.0.1", int(server.stdout.readline()))
        run(address, [login, b"LOGOUT"], AT_ONCE, 0.5)
        before = cpuSeconds(server.pid)
        done, _ = run(address, [login, b"LOGOUT"], AT_ONCE, seconds)
        return done / seconds, (cpuSeconds(server.pid) - before) / done * 1e6
    finally:
        server.kill()
        server.communicate()


def measureAll(
    provider: OIDCProvider, secretFile: str, seconds: float, rounds: int
) -> dict[str, list[tuple[float, float]]]:
    """
    @return: the measurements of each kind, in turn.
    """
    token = provider.mint("arnt", "urn:ietf:params:jmap:mail")
    bearer = base64.b64encode(f"n,,\1auth=Bearer {token}\1\1".encode())
    keys = {
        "endpoint": provider.endpoint,
        "client_id": CLIENT_ID,
        "client_secret_file": secretFile,
    }
    kinds = {
        "password": (b"LOGIN arnt trondheim", keys),
        "token, cached": (b"AUTHENTICATE OAUTHBEARER " + bearer, keys),
        "token": (b"AUTHENTICATE OAUTHBEARER " + bearer, {**keys, "cache_seconds": 0}),
    }
    results: dict[str, list[tuple[float, float]]] = {kind: [] for kind in kinds}
    for _ in range(rounds):
        for kind, (login, settings) in kinds.items():
            results[kind].append(measure(login, settings, seconds))
    return results


def main() -> None:
    """
    Measure in turn, and print a table.
    """
    parser = argparse.ArgumentParser(description="Whole sessions with tokens")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if whyNoProvider():
        sys.exit(whyNoProvider())
    provider = OIDCProvider()
    try:
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(CLIENT_SECRET)
            file.flush()
            results = measureAll(provider, file.name, options.seconds, options.rounds)
    finally:
        provider.stop()
    print("login          sessions/s   CPU us/session   of password   (by CPU)")
    passwords = results["password"]
    for kind, measured in results.items():
        rate, cpu = (statistics.median(column) for column in zip(*measured, strict=True))
        pairs = list(zip(passwords, measured, strict=True))
        share = statistics.median(this[0] / password[0] for password, this in pairs)
        byCPU = statistics.median(password[1] / this[1] for password, this in pairs)
        print(f"{kind:14}{rate:11.0f}{cpu:17.0f}{share:14.0%}{byCPU:11.0%}")


if __name__ == "__main__":
    main()
