"""
How many access tokens a second the introspection checker can check, beside a bare loop of
L{twisted.web.client.Agent} that asks the same provider the same, and beside Dovecot's oauth2
passdb where that is installed.

It needs node and oidc-provider; see tests/support/oidc.py. The loops run in this process, one
after the other in every round, so that they meet the same machine; the provider is another
process, and so is Dovecot. The best round's rate counts: the others were disturbed. CPU is that
of the process that checks, the median of the rounds; it says less about luck than the rate.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any, NamedTuple
from urllib.parse import quote_plus, urlencode

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import react
from twisted.python.failure import Failure
from twisted.web.client import Agent, HTTPConnectionPool, ResponseNeverReceived
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

from benchmarks.results.figures import Rate
from benchmarks.servers.dovecot import (
    DovecotAuthentication,
    byIntrospection,
    whyNoAuthentication,
)
from tests.support.oidc import CLIENT_ID, CLIENT_SECRET, OIDCProvider, whyNoProvider
from txjmapaccess.credentials import BearerToken
from txjmapaccess.oauth import IntrospectionChecker

IN_FLIGHT = (1, 10, 50)
#: More than are in flight at a time, so that no two logins share a request.
TOKENS = 200

Check = Callable[[str], Awaitable[object]]


@implementer(IBodyProducer)
class Body:
    """
    A request body.
    """

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.length = len(body)

    def startProducing(self, consumer: Any) -> Deferred[None]:
        consumer.write(self.body)
        return succeed(None)

    def pauseProducing(self) -> None:
        """
        Nothing to pause.
        """

    resumeProducing = pauseProducing

    def stopProducing(self) -> None:
        """
        Nothing to stop.
        """


class Collector(Protocol):
    """
    Reads an answer; less work than L{twisted.web.client.readBody}.
    """

    def __init__(self) -> None:
        self.done: Deferred[bytes] = Deferred()
        self.data = b""

    def dataReceived(self, data: bytes) -> None:
        self.data += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.done.callback(self.data)


def bareLoop(provider: OIDCProvider) -> Check:
    """
    @return: what asks the provider about a token and does nothing else.
    """
    pool = HTTPConnectionPool(reactor)
    pool.cachedConnectionTimeout = 4
    pool.maxPersistentPerHost = 64
    agent = Agent(reactor, pool=pool)
    pair = f"{quote_plus(CLIENT_ID)}:{quote_plus(CLIENT_SECRET)}".encode()
    headers = Headers(
        {
            b"Authorization": [b"Basic " + base64.b64encode(pair)],
            b"Content-Type": [b"application/x-www-form-urlencoded"],
            b"Accept": [b"application/json"],
        }
    )

    async def check(token: str) -> object:
        body = urlencode({"token_type_hint": "access_token", "token": token}).encode()
        url = provider.endpoint.encode()
        try:
            response = await agent.request(b"POST", url, headers, Body(body))
        except ResponseNeverReceived:
            # The provider has closed a connection that was idle while others were measured.
            response = await agent.request(b"POST", url, headers, Body(body))
        collector = Collector()
        response.deliverBody(collector)
        return json.loads(await collector.done)["username"]

    return check


def checkerLoop(checker: IntrospectionChecker) -> Check:
    """
    @return: what logs in with a token.
    """

    def check(token: str) -> Awaitable[object]:
        return checker.requestAvatarId(BearerToken(token))

    return check


class Loop(NamedTuple):
    """
    A checker of tokens in this process.
    """

    check: Check

    async def measure(self, tokens: list[str], inFlight: int, seconds: float) -> Rate:
        """
        Check tokens, so many at a time, for so many seconds.
        """
        count = 0
        end = time.perf_counter() + seconds
        inTurn = itertools.cycle(tokens)

        async def loop() -> None:
            nonlocal count
            while time.perf_counter() < end:
                if await self.check(next(inTurn)) != "arnt":
                    raise RuntimeError("a good token was not accepted")
                count += 1

        begun, used = time.perf_counter(), time.process_time()
        await gatherResults([Deferred.fromCoroutine(loop()) for _ in range(inFlight)])
        elapsed, used = time.perf_counter() - begun, time.process_time() - used
        return Rate(count / elapsed, used / count * 1e6)


class Dovecot(NamedTuple):
    """
    Dovecot's authentication server, which checks the same.
    """

    server: DovecotAuthentication

    async def measure(self, tokens: list[str], inFlight: int, seconds: float) -> Rate:
        """
        See L{Loop.measure}. Nothing else happens in this process meanwhile.
        """
        responses = [f"n,a=arnt,\1auth=Bearer {token}\1\1".encode() for token in tokens]
        begun, used = time.perf_counter(), self.server.cpu()
        count = self.server.logins(responses, inFlight, seconds)
        elapsed = time.perf_counter() - begun
        return Rate(count / elapsed, (self.server.cpu() - used) / count * 1e6)


async def against(
    provider: OIDCProvider,
    dovecot: DovecotAuthentication | None,
    secretFile: str,
    seconds: float,
    rounds: int,
) -> None:
    """
    Measure everything and print it.
    """
    tokens = [provider.mint("arnt", "imap urn:ietf:params:jmap:mail") for _ in range(TOKENS)]
    keys = {
        "endpoint": provider.endpoint,
        "client_id": CLIENT_ID,
        "client_secret_file": secretFile,
    }
    uncached = IntrospectionChecker(cache_seconds=0, **keys)
    cached = IntrospectionChecker(cache_seconds=3600, **keys)
    contestants: dict[str, Loop | Dovecot] = {
        "bare Agent": Loop(bareLoop(provider)),
        "checker": Loop(checkerLoop(uncached)),
        "checker, cached": Loop(checkerLoop(cached)),
    }
    if dovecot is not None:
        contestants["Dovecot"] = Dovecot(dovecot)
    await compare(contestants, tokens, seconds, rounds)
    await uncached.close()
    await cached.close()


async def compare(
    contestants: dict[str, Loop | Dovecot], tokens: list[str], seconds: float, rounds: int
) -> None:
    """
    Measure the contestants in turn and print a table.
    """
    print("in flight                   checks/s   of bare    us CPU   of bare")
    for inFlight in IN_FLIGHT:
        rates: dict[str, list[Rate]] = {name: [] for name in contestants}
        for _ in range(rounds):
            for name, contestant in contestants.items():
                rates[name].append(await contestant.measure(tokens, inFlight, seconds))
        best = {
            name: Rate(max(r.perSecond for r in measured), median(r.cpu for r in measured))
            for name, measured in rates.items()
        }
        bare = best["bare Agent"]
        for name, rate in best.items():
            rateShare, cpuShare = rate.perSecond / bare.perSecond, bare.cpu / rate.cpu
            print(
                f"{inFlight:9}  {name:16}{rate.perSecond:9,.0f}{rateShare:10.0%}"
                f"{rate.cpu:10.0f}{cpuShare:10.0%}"
            )


async def measure(seconds: float, rounds: int) -> None:
    """
    Start the servers, measure, and stop them.
    """
    with contextlib.ExitStack() as stack:
        provider = OIDCProvider()
        stack.callback(provider.stop)
        dovecot = None
        if whyNoAuthentication("oauth2"):
            print(whyNoAuthentication("oauth2"))
        else:
            dovecot = DovecotAuthentication(byIntrospection(provider))
            stack.callback(dovecot.stop)
        file = stack.enter_context(tempfile.NamedTemporaryFile("w"))
        file.write(CLIENT_SECRET)
        file.flush()
        await against(provider, dovecot, file.name, seconds, rounds)


def options(parser: argparse.ArgumentParser) -> None:
    """
    The command line.
    """
    parser.add_argument("--seconds", type=float, default=2, help="for each measurement")
    parser.add_argument("--rounds", type=int, default=3)


def run(arguments: argparse.Namespace) -> None:
    """
    Measure everything and print it.
    """
    if whyNoProvider():
        sys.exit(whyNoProvider())
    react(lambda _: Deferred.fromCoroutine(measure(arguments.seconds, arguments.rounds)))
