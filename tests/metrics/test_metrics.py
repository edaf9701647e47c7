# -*- test-case-name: tests.metrics.test_metrics -*-
"""
What the metrics say.
"""

from __future__ import annotations

from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess._version import __version__
from txjmapaccess.credentials import LoginRecord
from txjmapaccess.errors import Refused, TemporaryFailure
from txjmapaccess.imap import loginlog
from txjmapaccess.ldap import LDAPChecker
from txjmapaccess.limits import Limits
from txjmapaccess.metrics.backends import BackEndMetrics
from txjmapaccess.metrics.connections import ConnectionMetrics
from txjmapaccess.metrics.logins import BOUNDS, LoginMetrics
from txjmapaccess.metrics.registry import makeRegistry
from txjmapaccess.oauth import IntrospectionChecker
from txjmapaccess.verdict import Known, Reason, Unknown, Usable

URL = "https://mail.example.com/jmap/"


def samples(registry: CollectorRegistry) -> dict[str, float]:
    """
    @return: the values of all series.
    """
    return seriesOf(generate_latest(registry).decode())


def seriesOf(text: str) -> dict[str, float]:
    """
    @return: the values of all series in Prometheus' format, by name and labels.
    """
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def only(registry: CollectorRegistry, prefix: str) -> dict[str, float]:
    """
    @return: those of L{samples} whose name begins with C{txjmapaccess_} and C{prefix}, without
        that, that are not 0.
    """
    start = f"txjmapaccess_{prefix}"
    return {
        name[len(start) :]: value
        for name, value in samples(registry).items()
        if name.startswith(start) and value
    }


class LoginTests(SynchronousTestCase):
    """
    L{LoginMetrics}.
    """

    def setUp(self) -> None:
        self.metrics = LoginMetrics()
        self.registry = makeRegistry([self.metrics])
        self.patch(loginlog, "_log", Logger("txjmapaccess.imap.loginlog", observer=self.metrics))

    def accept(self, verdict: Any, mechanism: str = "PLAIN", checking: float = 0.003) -> None:
        """
        Log an accepted login.
        """
        record = LoginRecord("ada", mechanism, verdict, 0.0)
        loginlog.logAccepted(7, "192.0.2.1", record, 0.5, checking)

    def refuse(self, error: Exception, mechanism: str = "LOGIN", seconds: float = 0.003) -> None:
        """
        Log a refused login.
        """
        loginlog.logRefused(7, "192.0.2.1", mechanism, Failure(error), seconds)

    def test_counted(self) -> None:
        """
        Logins are counted by mechanism, result and verdict.
        """
        for _ in range(2):
            self.accept(Usable(URL))
        self.accept(Known(URL, Reason.SCOPE), "XOAUTH2")
        self.accept(Unknown())
        self.refuse(Refused("no"))
        self.refuse(TemporaryFailure("no answer"))
        self.assertEqual(
            only(self.registry, "logins_total"),
            {
                "{mechanism=PLAIN,result=accepted,verdict=usable}": 2,
                "{mechanism=XOAUTH2,result=accepted,verdict=known}": 1,
                "{mechanism=PLAIN,result=accepted,verdict=unknown}": 1,
                "{mechanism=LOGIN,result=refused,verdict=none}": 1,
                "{mechanism=LOGIN,result=unavailable,verdict=none}": 1,
            },
        )

    def test_closedList(self) -> None:
        """
        No client and no other server's code makes a label of its own.
        """

        class Hunter2(Usable):
            pass

        for number in range(10):
            self.accept(Usable(URL), f"X-{number}")
            self.accept(Hunter2(URL))
        Logger("other", observer=self.metrics).info("x", event="login", result=["hunter2"])
        Logger(loginlog.__name__, observer=self.metrics).info("x", result="hunter2")
        self.assertEqual(
            only(self.registry, "logins_total"),
            {
                "{mechanism=other,result=accepted,verdict=usable}": 10,
                "{mechanism=PLAIN,result=accepted,verdict=other}": 10,
            },
        )

    def test_checking(self) -> None:
        """
        The time in the back end is a histogram for each result.
        """
        for seconds in (0.0005, 0.001, 0.003, 0.003, 99):
            self.accept(Usable(URL), checking=seconds)
        self.refuse(Refused("no"), seconds=0.2)
        found = only(self.registry, "login_checking_seconds")
        accepted = [
            found[f"_bucket{{le={bound},result=accepted}}"]
            for bound in ("0.001", "0.0025", "0.005", "10.0", "+Inf")
        ]
        self.assertEqual(accepted, [2, 2, 4, 4, 5])
        self.assertEqual(found["_count{result=accepted}"], 5)
        self.assertAlmostEqual(found["_sum{result=accepted}"], 99.0075)
        self.assertEqual(found["_bucket{le=0.25,result=refused}"], 1)
        self.assertNotIn("_bucket{le=0.1,result=refused}", found)
        self.assertNotIn("_count{result=unavailable}", found)
        self.assertEqual(list(BOUNDS), sorted(BOUNDS))

    def test_nobody(self) -> None:
        """
        No user, address or connection is in any of it.
        """
        self.accept(Usable(URL))
        self.refuse(Refused("no"))
        written = generate_latest(self.registry)
        for secret in (b"ada", b"192.0.2.1", b"mail.example.com"):
            self.assertNotIn(secret, written)


class ConnectionTests(SynchronousTestCase):
    """
    L{ConnectionMetrics}.
    """

    def test_read(self) -> None:
        """
        Connections by state, and how often each limit was reached.
        """
        limits = Limits(connections=3)
        registry = makeRegistry([ConnectionMetrics(lambda: limits.counters)])
        for _ in range(5):
            limits.enter("192.0.2.1")
        limits.loggedIn("192.0.2.1")
        limits.reached("login_seconds", "192.0.2.1")
        self.assertEqual(
            only(registry, "connections"),
            {"{state=unauthenticated}": 2, "{state=authenticated}": 1},
        )
        self.assertEqual(
            only(registry, "limits_reached_total"),
            {"{limit=connections}": 2, "{limit=login_seconds}": 1},
        )


class BackEndTests(SynchronousTestCase):
    """
    L{BackEndMetrics}.
    """

    def setUp(self) -> None:
        self.checkers: list[object] = []
        self.registry = makeRegistry([BackEndMetrics(lambda: self.checkers)])
        self.reactor = MemoryReactorClock()

    def ldap(self, uri: str = "ldap://a", **keys: Any) -> LDAPChecker:
        """
        @return: a checker, which is asked.
        """
        template = "uid={user},dc=example"
        checker = LDAPChecker(reactor=self.reactor, uris=[uri], bind_dn_template=template, **keys)
        self.checkers.append(checker)
        return checker

    def introspection(self) -> IntrospectionChecker:
        """
        @return: a checker, which is asked.
        """
        checker = IntrospectionChecker(
            reactor=self.reactor,
            endpoint="http://127.0.0.1/introspect",
            client_id="imap",
            client_secret_file=self.secretFile(),
        )
        self.checkers.append(checker)
        return checker

    def secretFile(self) -> str:
        """
        @return: the path of a file with a client secret.
        """
        path = self.mktemp()
        with open(path, "w") as file:
            file.write("hidden")
        return path

    def test_none(self) -> None:
        """
        Other people's checkers count nothing.
        """
        self.checkers.append(object())
        for prefix in ("backend", "cache", "ldap", "introspection"):
            self.assertEqual(only(self.registry, prefix), {})

    def test_ldap(self) -> None:
        """
        What all LDAP checkers counted, and the state of each server.
        """
        for checker in (self.ldap(), self.ldap("ldap://b", cache_seconds=5)):
            counters = checker.counters
            counters.accepted, counters.refused, counters.failed, counters.cancelled = 5, 2, 1, 3
            counters.fromCache, counters.cacheMisses = 2, 4
            counters.answered(0, 0.003)
            counters.answered(49, 0.3)
            counters.unanswered(ConnectionError())
            counters.poolInUse = 1
        counters.serverStates["ldap://b"] = "down"
        self.ldap("ldap://c").counters.serverStates["ldap://c"] = "slow"
        self.assertEqual(
            only(self.registry, "backend_logins_total"),
            {
                "{backend=ldap,result=accepted}": 10,
                "{backend=ldap,result=refused}": 4,
                "{backend=ldap,result=failed}": 2,
                "{backend=ldap,result=cancelled}": 6,
            },
        )
        self.assertEqual(
            only(self.registry, "cache"),
            {"_hits_total{backend=ldap}": 4, "_misses_total{backend=ldap}": 8},
        )
        found = only(self.registry, "ldap")
        self.assertEqual(
            {name: value for name, value in found.items() if "bind_seconds" not in name},
            {
                "_server_up{server=ldap://a}": 1,
                "_server_up{server=ldap://c}": 1,
                "_server_slow{server=ldap://c}": 1,
                "_binds_total{result=accepted}": 2,
                "_binds_total{result=refused}": 2,
                "_binds_total{result=broken}": 2,
                "_pool_connections{state=busy}": 2,
                "_pool_connections{state=most}": 12,
            },
        )
        self.assertEqual(samples(self.registry)["txjmapaccess_ldap_server_up{server=ldap://b}"], 0)
        bounds = {bound: found[f"_bind_seconds_bucket{{le={bound}}}"] for bound in ("0.005", "5.0")}
        self.assertEqual(bounds, {"0.005": 2, "5.0": 4})
        self.assertEqual(found["_bind_seconds_count"], 4)
        self.assertAlmostEqual(found["_bind_seconds_sum"], 0.606)

    def test_introspection(self) -> None:
        """
        What the introspection checkers counted.
        """
        counters = self.introspection().counters
        counters.accepted, counters.refused, counters.failed = 5, 2, 1
        counters.cacheHits, counters.cacheMisses = 3, 5
        counters.latencyCount, counters.latencySum, counters.requestsFailed = 4, 0.5, 1
        counters.requestsInFlight = 2
        self.assertEqual(
            only(self.registry, "introspection"),
            {
                "_up": 1,
                "_requests_total{result=answered}": 4,
                "_requests_total{result=failed}": 1,
                "_request_seconds_count": 4,
                "_request_seconds_sum": 0.5,
                "_requests_in_flight": 2,
            },
        )
        self.assertEqual(
            only(self.registry, "cache"),
            {"_hits_total{backend=introspection}": 3, "_misses_total{backend=introspection}": 5},
        )
        counters.isDown = True
        self.assertNotIn("_up", only(self.registry, "introspection"))
        self.assertEqual(samples(self.registry)["txjmapaccess_introspection_up"], 0)


class RegistryTests(SynchronousTestCase):
    """
    L{makeRegistry}.
    """

    def test_versions(self) -> None:
        """
        It says what runs.
        """
        [name] = only(makeRegistry([]), "info")
        self.assertIn(f"version={__version__}", name)
        self.assertIn("twisted=", name)

    def test_process(self) -> None:
        """
        It says what the process uses, where the operating system tells.
        """
        self.assertGreater(samples(makeRegistry([]))["process_resident_memory_bytes"], 1000)

    def test_several(self) -> None:
        """
        There may be several in one process.
        """
        first, second = (makeRegistry([LoginMetrics()]) for _ in range(2))
        self.assertIsNot(first, second)
