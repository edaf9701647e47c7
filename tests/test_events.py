# -*- test-case-name: tests.test_events -*-
"""
The log events that are described in docs/observing.md, besides those of logins and limits.
"""

from __future__ import annotations

import json
import os
import re
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import Logger, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from tests.support.paths import ROOT
from tests.twistd.test_service import ServiceTestCase
from txjmapaccess.credentials import LoginRecord
from txjmapaccess.imap import loginlog
from txjmapaccess.ldap import LDAPChecker
from txjmapaccess.ldap.counters import LDAPCounters
from txjmapaccess.ldap.deadlines import Deadlines
from txjmapaccess.ldap.errors import ConnectionBroken
from txjmapaccess.ldap.health import Health
from txjmapaccess.limits import LimitCounters
from txjmapaccess.metrics.backends import BackEndMetrics
from txjmapaccess.metrics.connections import ConnectionMetrics
from txjmapaccess.metrics.logins import LoginMetrics
from txjmapaccess.metrics.registry import makeRegistry
from txjmapaccess.oauth import IntrospectionChecker
from txjmapaccess.oauth.availabilitylog import AvailabilityLog
from txjmapaccess.twistd.logs import FIELDS, jsonLine
from txjmapaccess.verdict import Known, Reason


def described(events: list[Any]) -> list[Any]:
    """
    @return: the fields of those events that have C{event}, as a line of JSON has them.
    """
    lines = [json.loads(jsonLine(event) or "") for event in events if "event" in event]
    return [{name: line[name] for name in FIELDS if name in line} for line in lines]


class BackEndTests(SynchronousTestCase):
    """
    Back ends that fail and come back.
    """

    def setUp(self) -> None:
        self.events: list[Any] = []
        globalLogPublisher.addObserver(self.events.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.events.append)

    def test_ldap(self) -> None:
        """
        An event for each change of a directory server's state names the server.
        """

        async def attempt() -> None:
            await Deferred()

        clock = Clock()
        counters = LDAPCounters()
        health = Health(clock, Deadlines(clock), "ldap://a", attempt, lambda reason: None, counters)
        health.slow("it took long")
        health.down(ConnectionBroken("refused"))
        expected = {"event": "backend", "backend": "ldap", "server": "ldap://a"}
        self.assertEqual(
            described(self.events),
            [
                {**expected, "reason": "it took long", "state": "slow"},
                {**expected, "reason": "refused", "state": "down"},
            ],
        )

    def test_introspection(self) -> None:
        """
        An event tells when tokens cannot be checked, and when they can be again.
        """
        alarm = AvailabilityLog(Clock())
        alarm.failed("no answer")
        alarm.worked()
        expected = {"event": "backend", "backend": "introspection"}
        self.assertEqual(
            described(self.events),
            [{**expected, "reason": "no answer", "state": "down"}, {**expected, "state": "up"}],
        )


class ReloadTests(ServiceTestCase):
    """
    SIGHUP.
    """

    def test_reload(self) -> None:
        """
        An event tells whether the settings were taken over, or why not.
        """
        running = self.start()
        running.reload()
        self.text += "[jmap]\ndebugging = 1\n"
        running.reload()
        reason = "[jmap] debugging must be true or false"
        self.assertEqual(
            described(self.events),
            [
                {"event": "reload", "result": "accepted"},
                {"event": "reload", "result": "refused", "reason": reason},
            ],
        )


class DocumentationTests(SynchronousTestCase):
    """
    docs/observing.md.
    """

    def test_fields(self) -> None:
        """
        Every field of an event is described, and no other.
        """
        with open(os.path.join(ROOT, "docs", "observing.md"), encoding="utf-8") as file:
            _, _, fields = file.read().partition("<!-- fields -->")
        rows = re.findall(r"^\| (`[^|]*)\|", fields.partition("##")[0], re.MULTILINE)
        self.assertEqual({name for row in rows for name in re.findall(r"`(\w+)`", row)}, {*FIELDS})

    def test_example(self) -> None:
        """
        The line that is shown is what a login makes.
        """
        with open(os.path.join(ROOT, "docs", "observing.md"), encoding="utf-8") as file:
            [line] = re.findall(r"```json\n(.*\n)```", file.read())
        events: list[Any] = []
        self.patch(loginlog, "_log", Logger(loginlog.__name__, observer=events.append))
        verdict = Known("https://mail.example.com/", Reason.NOT_ALLOWED)
        record = LoginRecord("ada", "PLAIN", verdict, 0.0)
        loginlog.logAccepted(4711, "192.0.2.7", record, 0.0031, 0.0024)
        events[0]["log_time"] = 1772352930.417
        self.assertEqual(jsonLine(events[0]), line)

    def test_metrics(self) -> None:
        """
        Every metric is described, and no other.
        """
        with open(os.path.join(ROOT, "docs", "observing.md"), encoding="utf-8") as file:
            _, _, text = file.read().partition("<!-- metrics -->")
        rows = re.findall(r"^\| (`[^|]*)\|", text, re.MULTILINE)
        described = {name for row in rows for name in re.findall(r"`(txjmapaccess_\w+)`", row)}
        ldap = LDAPChecker(reactor=Clock(), uris=["ldap://a"], bind_dn_template="uid={user}")
        secret = self.mktemp()
        with open(secret, "w") as written:
            written.write("hidden")
        tokens = IntrospectionChecker(
            reactor=Clock(),
            endpoint="http://127.0.0.1/",
            client_id="imap",
            client_secret_file=secret,
        )
        registry = makeRegistry(
            [
                LoginMetrics(),
                ConnectionMetrics(LimitCounters),
                BackEndMetrics(lambda: [ldap, tokens]),
            ]
        )
        found = {
            family.name + {"counter": "_total", "info": "_info"}.get(family.type, "")
            for family in registry.collect()
            if not family.name.startswith("process_")
        }
        self.assertEqual(described, found)
