# -*- test-case-name: tests.test_limits -*-
"""
How many connections and refused logins there may be, over all connections of a server.

IPv4 addresses are counted one by one, IPv6 by /64: an attacker has a whole /64.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Any

from txjmapaccess.hosts import addressOf, isIn
from txjmapaccess.limitlog import LimitLog

TOO_OFTEN = b"[UNAVAILABLE] Too many failed logins from your address, try again later"
#: Networks that the limits by address leave alone unless told otherwise.
LOOPBACK = ("127.0.0.0/8", "::1")
#: Addresses whose refused logins are remembered; those that were quiet longest are forgotten first.
_MOST_ADDRESSES = 100_000

#: The limits, as the configuration file calls them.
CONNECTIONS = "connections"
UNAUTHENTICATED = "unauthenticated_per_address"
FAILURES = "failures_per_address"
FAILURES_OF_CONNECTION = "failures_per_connection"
LOGIN_SECONDS = "login_seconds"
LIMITS = (CONNECTIONS, UNAUTHENTICATED, FAILURES, FAILURES_OF_CONNECTION, LOGIN_SECONDS)


def _none() -> dict[str, int]:
    return dict.fromkeys(LIMITS, 0)


@dataclass
class LimitCounters:
    """
    Plain numbers that can be read at any time.

    @ivar connections: that are open now.
    @ivar unauthenticated: of these, those that have not logged in.
    @ivar reached: how often each of L{LIMITS} was.
    """

    connections: int = 0
    unauthenticated: int = 0
    reached: dict[str, int] = field(default_factory=_none)


def sourceOf(ip: IPv4Address | IPv6Address) -> str:
    """
    @return: what stands for an address in a count: the address, or its /64.
    """
    if isinstance(ip, IPv4Address):
        return str(ip)
    return str(ip_network((int(ip) >> 64 << 64, 64)))


class Limits:
    """
    One for all connections of a server.

    @param connections: how many there may be at one time.
    @param unauthenticatedPerAddress: how many of them one address may have that are not logged in.
    @param failuresPerAddress: how many logins from one address may be refused within C{window}.
    @param window: seconds.
    @param exempt: networks that the limits by address leave alone.
    @param seconds: the clock.
    @param counters: what was counted under limits that these replace; L{None} to begin anew.

    @ivar counters: what is counted.
    """

    def __init__(
        self,
        *,
        connections: int = 10000,
        unauthenticatedPerAddress: int = 50,
        failuresPerAddress: int = 20,
        window: float = 300,
        exempt: Iterable[str] = LOOPBACK,
        seconds: Callable[[], float] = time.monotonic,
        counters: LimitCounters | None = None,
    ) -> None:
        self.counters = LimitCounters() if counters is None else counters
        self._reported = LimitLog(seconds)
        self._mostConnections = connections
        self._mostUnauthenticated = unauthenticatedPerAddress
        self._mostFailures = failuresPerAddress
        self._window = window
        self._seconds = seconds
        networks = [ip_network(network) for network in exempt]
        self._counted: Callable[[str], str | None] = lru_cache(4096)(
            lambda address: _counted(address, networks)
        )
        self._unauthenticated: dict[str, int] = {}
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def source(self, peer: Any) -> str | None:
        """
        @param peer: the L{twisted.internet.interfaces.IAddress} of a client.

        @return: what it is counted under, or L{None} when it is exempt.
        """
        host = getattr(peer, "host", None)
        return None if host is None else self._counted(host)

    def enter(self, source: str | None) -> bytes | None:
        """
        Count a new connection.

        @return: L{None}, or why it may not stay (then it was not counted).
        """
        counters = self.counters
        if counters.connections >= self._mostConnections:
            self.reached(CONNECTIONS, None)
            return b"[UNAVAILABLE] Too many connections"
        if source is not None:
            if self.isBlocked(source):
                return TOO_OFTEN
            if self._unauthenticated.get(source, 0) >= self._mostUnauthenticated:
                self.reached(UNAUTHENTICATED, source)
                return b"[UNAVAILABLE] Too many connections from your address"
            self._unauthenticated[source] = self._unauthenticated.get(source, 0) + 1
        counters.connections += 1
        counters.unauthenticated += 1
        return None

    def loggedIn(self, source: str | None) -> None:
        """
        One connection less that is not logged in.
        """
        self.counters.unauthenticated -= 1
        if source is not None:
            left = self._unauthenticated[source] - 1
            if left:
                self._unauthenticated[source] = left
            else:
                del self._unauthenticated[source]

    def leave(self) -> None:
        """
        One connection less.
        """
        self.counters.connections -= 1

    def reached(self, limit: str, source: str | None) -> None:
        """
        Count that one of L{LIMITS} was reached, and log it.
        """
        self.counters.reached[limit] += 1
        self._reported.reached(limit, source)

    def refused(self, source: str | None) -> None:
        """
        Count a refused login.
        """
        if source is None:
            return
        times = self._failures.setdefault(source, deque(maxlen=self._mostFailures))
        times.append(self._seconds())
        self._failures.move_to_end(source)
        if len(self._failures) > _MOST_ADDRESSES:
            self._failures.popitem(last=False)

    def isBlocked(self, source: str | None) -> bool:
        """
        @return: whether too many recent logins from there were refused. If so, this counts as the
            limit being reached.
        """
        times = None if source is None else self._failures.get(source)
        if times is None or len(times) < self._mostFailures:
            return False
        if self._seconds() - times[0] >= self._window:
            return False
        self.reached(FAILURES, source)
        return True


def _counted(host: str, exempt: list[Any]) -> str | None:
    if isIn(exempt, host):
        return None
    address = addressOf(host)
    return host if address is None else sourceOf(address)
