"""
Directories that do whatever comes into their minds, and what holds all the same.
"""

from __future__ import annotations

import random
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, gatherResults

from tests.integration.test_ldap_fake import FakeTestCase
from tests.support.ldap import FakeDirectory, done, found, result
from txjmapaccess.errors import Refused, TemporaryFailure
from txjmapaccess.ldap import LDAPChecker, codec
from txjmapaccess.ldap.ber import element

TIMEOUT = 1
CONNECTIONS = 3
NOTICE = result(0, 52, codec.EXTENDED_RESPONSE, more=element(0x8A, codec.NOTICE_OF_DISCONNECTION))


class ChaosTests(FakeTestCase):
    """
    Two directories that answer, late or never, with something else, or hang up, while many log in
    with right and with wrong passwords, and some give up.
    """

    def setUp(self) -> None:
        """
        Have directories. Another seed is another story.
        """
        self.random = random.Random(4)
        self.isHealthy = False
        self.directories = [self.directory(self.handle) for _ in range(2)]

    def handle(self, connection: Any, messageID: int, tag: int, content: bytes) -> None:
        """
        Answer a request, more or less.
        """
        transport, chance = connection.transport, self.random.random()
        if tag == codec.SEARCH_REQUEST:
            answer = found(messageID, "uid=alice", uid="alice") + done(messageID)
        elif tag == codec.BIND_REQUEST:
            answer = result(messageID, 0 if b"right" in content else 49)
        else:
            return
        if self.isHealthy or chance < 0.6:
            transport.write(answer)
        elif chance < 0.75:
            reactor.callLater(self.random.random() / 10, self.late, connection, answer)
        elif chance < 0.8:
            transport.abortConnection()
        elif chance < 0.85:
            transport.loseConnection()
        elif chance < 0.89:
            transport.write(self.random.choice((b"garbage", result(99, 0), answer[:-1] * 2)))
        elif chance < 0.93:
            transport.write(result(messageID, 51, tag + 1 if tag == codec.BIND_REQUEST else 0x65))
        elif chance < 0.97:
            transport.write(NOTICE)

    def late(self, connection: Any, answer: bytes) -> None:
        """
        Answer now.
        """
        if not connection.isLost:
            connection.transport.write(answer)

    async def loginsFor(self, checker: LDAPChecker, seconds: float) -> dict[str, int]:
        """
        @return: how logins ended, after checking that none got the answer of another.
        """
        outcomes: dict[str, int] = {}
        end = reactor.seconds() + seconds
        while reactor.seconds() < end:
            isRight, began = self.random.random() < 0.7, reactor.seconds()
            login = self.login(checker, b"right" if isRight else b"wrong")
            if self.random.random() < 0.1:
                reactor.callLater(self.random.random() / 20, login.cancel)
            try:
                self.assertEqual(await login, "alice")
                outcome = "accepted"
            except (Refused, TemporaryFailure, CancelledError) as e:
                outcome = "refused" if isinstance(e, Refused) else "none"
            self.assertNotEqual(outcome, "refused" if isRight else "accepted")
            self.assertLess(reactor.seconds() - began, TIMEOUT + 2)
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
            await self.sleep(0)
        return outcomes

    def living(self, directory: FakeDirectory) -> int:
        """
        @return: how many connections there are.
        """
        return sum(not connection.isLost for connection in directory.connections)

    async def chaos(self, **keys: Any) -> None:
        """
        Chaos, then health.
        """
        checker = self.checker(*self.directories, timeout=TIMEOUT, connections=CONNECTIONS, **keys)
        workers = [Deferred.fromCoroutine(self.loginsFor(checker, 1.5)) for _ in range(8)]
        total: dict[str, int] = {}
        for outcomes in await gatherResults(workers):
            for outcome, count in outcomes.items():
                total[outcome] = total.get(outcome, 0) + count
        for outcome in ("accepted", "refused"):
            self.assertGreater(total.get(outcome, 0), 3, total)
        self.isHealthy = True
        self.assertEqual(await self.login(checker), "alice")
        await self.sleep(0.2)
        counters = checker.counters
        self.assertEqual(counters.poolInUse, 0)
        for directory in self.directories:
            self.assertLessEqual(self.living(directory), CONNECTIONS + 2)
        asked = counters.accepted + counters.refused + counters.failed + counters.cancelled
        self.assertEqual(asked, sum(total.values()) + 1)
        await checker.close()
        await self.sleep(0.1)
        self.assertEqual([self.living(directory) for directory in self.directories], [0, 0])

    async def test_template(self) -> None:
        """
        A right password is never refused and a wrong one never accepted; every answer comes in
        time; nothing is left over; and the first login after all are well succeeds.
        """
        await self.chaos()

    async def test_search(self) -> None:
        """
        The same with search then bind.
        """
        await self.chaos(search_base="dc=x", search_filter="(uid={user})", round_robin=True)

    async def test_cache(self) -> None:
        """
        The same with a cache.
        """
        await self.chaos(cache_seconds=0.01)
