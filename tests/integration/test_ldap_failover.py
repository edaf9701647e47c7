"""
Two real slapd servers, one of them frozen, killed and restarted while logins go on.
"""

from __future__ import annotations

import gc
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater

from tests.integration.test_ldap_checker import TEMPLATE
from tests.support.coroutines import AsyncTestCase
from tests.support.ldap import serversUp
from tests.support.ports import freePort
from tests.support.slapd import SUFFIX, Slapd, person, skipWithoutSlapd
from txjmapaccess.credentials import UsernamePassword
from txjmapaccess.errors import Refused, TemporaryFailure
from txjmapaccess.ldap import LDAPChecker

LDIF = person("alice", "wonderland")
SEARCH = {
    "bind_dn_template": None,
    "search_base": SUFFIX,
    "search_filter": "(uid={user})",
    "jmap_filter": "(uid=*)",
}


def sleep(seconds: float) -> Deferred[None]:
    """
    @return: a Deferred that fires later.
    """
    return deferLater(reactor, seconds)


class FailoverTests(AsyncTestCase):
    """
    Logins while servers come and go. No login is ever told that a right password is wrong.
    """

    skip = skipWithoutSlapd

    def server(self) -> Slapd:
        """
        @return: a server of the test's own.
        """
        server = Slapd(LDIF)
        self.addCleanup(server.close)
        return server

    def checker(self, *servers: Slapd | str, **keys: Any) -> LDAPChecker:
        """
        @return: a checker for these servers.
        """
        uris = [getattr(server, "uri", server) for server in servers]
        keys = {"bind_dn_template": TEMPLATE, "timeout": 2, **keys}
        checker = LDAPChecker(uris=uris, **keys)
        self.addCleanup(checker.close)
        return checker

    async def login(self, checker: LDAPChecker, password: bytes = b"wonderland") -> float:
        """
        @return: how many seconds a good login took.
        """
        began = reactor.seconds()
        avatarID = await checker.requestAvatarId(UsernamePassword(b"alice", password))
        self.assertEqual(avatarID, "alice")
        return reactor.seconds() - began

    async def unavailable(self, checker: LDAPChecker) -> float:
        """
        @return: how many seconds it took to find out that nobody can tell.
        """
        began = reactor.seconds()
        with self.assertRaises(TemporaryFailure) as caught:
            await checker.requestAvatarId(UsernamePassword(b"alice", b"wonderland"))
        self.assertNotIn("wonderland", str(caught.exception))
        return reactor.seconds() - began

    async def test_firstIsNotThere(self) -> None:
        """
        A port where nobody listens is passed over, and not asked again by every login.
        """
        checker = self.checker(f"ldap://127.0.0.1:{freePort()}", self.server())
        self.assertLess(await self.login(checker), 0.8)
        self.assertEqual(serversUp(checker.counters), 1)
        with self.assertRaises(Refused):
            await self.login(checker, b"wrong")

    async def test_frozen(self) -> None:
        """
        A frozen server accepts connections and answers nothing: the first login pays its share of
        the timeout, later ones nothing.
        """
        first, second = self.server(), self.server()
        checker = self.checker(first, second)
        await self.login(checker)
        first.freeze()
        seconds = await self.login(checker)
        self.assertTrue(0.9 < seconds < 1.9, seconds)
        self.assertLess(await self.login(checker), 0.8)
        self.assertEqual(serversUp(checker.counters), 1)
        first.thaw()

    async def test_frozenFromTheStart(self) -> None:
        """
        The same for a server that was frozen before the first connection.
        """
        first, second = self.server(), self.server()
        first.freeze()
        checker = self.checker(first, second)
        seconds = await self.login(checker)
        self.assertTrue(0.9 < seconds < 1.9, seconds)
        first.thaw()

    async def test_manyWhileFrozen(self) -> None:
        """
        Many logins at the moment of the freeze all succeed in time.
        """
        first, second = self.server(), self.server()
        checker = self.checker(first, second)
        await self.login(checker)
        first.freeze()
        slowest = max(
            await gatherResults([Deferred.fromCoroutine(self.login(checker)) for _ in range(50)])
        )
        self.assertLess(slowest, 2.0)
        first.thaw()

    async def test_allFrozen(self) -> None:
        """
        When all are frozen the answer comes in time, and the first login after one is back
        succeeds.
        """
        first, second = self.server(), self.server()
        checker = self.checker(first, second)
        await self.login(checker)
        first.freeze()
        second.freeze()
        self.assertLess(await self.unavailable(checker), 2.7)
        self.assertLess(await self.unavailable(checker), 2.7)
        self.assertEqual(serversUp(checker.counters), 0)
        second.thaw()
        await self.login(checker)
        self.assertEqual(serversUp(checker.counters), 1)
        first.thaw()

    async def test_allKilled(self) -> None:
        """
        When all are gone the answer comes at once, and the first login after one is back succeeds,
        whatever the pause had grown to.
        """
        first, second = self.server(), self.server()
        checker = self.checker(first, second)
        await self.login(checker)
        first.kill()
        second.kill()
        for _ in range(5):
            self.assertLess(await self.unavailable(checker), 0.8)
        await sleep(2.5)
        self.assertLess(await self.unavailable(checker), 0.8)
        first.start()
        await self.login(checker)

    async def test_backWithoutLogins(self) -> None:
        """
        A server that is back is noticed without any login asking for it.
        """
        first, second = self.server(), self.server()
        checker = self.checker(first, second)
        first.kill()
        await self.login(checker)
        self.assertEqual(serversUp(checker.counters), 1)
        first.start()
        await sleep(2.5)
        self.assertEqual(serversUp(checker.counters), 2)
        second.kill()
        await self.login(checker)

    async def test_restartedWhileIdle(self) -> None:
        """
        Idle connections that a restart ended cost nobody a login.
        """
        server = self.server()
        checker = self.checker(server)
        await self.login(checker)
        server.kill()
        server.start()
        await self.login(checker)
        self.assertEqual(checker.counters.failed, 0)

    async def test_search(self) -> None:
        """
        Search then bind lives through a restart, a freeze, and the end of a server just as well.
        """
        first, second = self.server(), self.server()
        checker = self.checker(
            first,
            second,
            **SEARCH,
        )
        await self.login(checker)
        first.kill()
        first.start()
        self.assertLess(await self.login(checker), 0.8)
        self.assertEqual(serversUp(checker.counters), 2)
        first.freeze()
        seconds = await self.login(checker)
        self.assertTrue(0.9 < seconds < 1.9, seconds)
        await sleep(1.5)
        self.assertLess(await self.login(checker), 0.8)
        self.assertEqual(serversUp(checker.counters), 1)
        second.kill()
        self.assertLess(await self.unavailable(checker), 2.7)
        first.thaw()
        await self.login(checker)

    async def killedDuringLogins(self, **keys: Any) -> None:
        """
        Kill and restart one of two servers again and again while logins go on.
        """
        first, second = self.server(), self.server()
        for roundRobin in (False, True):
            checker = self.checker(first, second, round_robin=roundRobin, **keys)
            end = reactor.seconds() + 1.5
            workers = [Deferred.fromCoroutine(self.keepLoggingIn(checker, end)) for _ in range(8)]
            for _ in range(3):
                await sleep(0.2)
                first.kill()
                await sleep(0.2)
                first.start()
            self.assertGreater(min(await gatherResults(workers)), 5)
            self.assertEqual(checker.counters.failed, 0)

    async def test_killedDuringLogins(self) -> None:
        """
        Every login gets its right answer.
        """
        await self.killedDuringLogins()

    async def test_killedDuringSearches(self) -> None:
        """
        So does every one that searches first.
        """
        await self.killedDuringLogins(**SEARCH)

    async def frozenDuringLogins(self, **keys: Any) -> None:
        """
        Freeze one of two servers, and thaw it, while logins go on.
        """
        first, second = self.server(), self.server()
        checker = self.checker(first, second, round_robin=True, **keys)
        await self.login(checker)
        end = reactor.seconds() + 4.5
        workers = [Deferred.fromCoroutine(self.keepLoggingIn(checker, end)) for _ in range(8)]
        await sleep(0.3)
        first.freeze()
        await sleep(1.5)  # The first logins have paid their share; now it is left out.
        self.assertEqual(serversUp(checker.counters), 1)
        before = checker.counters.accepted
        await sleep(0.5)
        self.assertGreater(checker.counters.accepted - before, 50)
        first.thaw()
        await gatherResults(workers)
        self.assertEqual(serversUp(checker.counters), 2)
        self.assertEqual(checker.counters.failed, 0)

    async def test_frozenDuringLogins(self) -> None:
        """
        Every login gets its right answer in time; those that come later do not wait.
        """
        await self.frozenDuringLogins()

    async def test_frozenDuringSearches(self) -> None:
        """
        So does every one that searches first.
        """
        await self.frozenDuringLogins(**SEARCH)

    async def keepLoggingIn(self, checker: LDAPChecker, end: float) -> int:
        """
        @return: how often it went well, in time, with the right password and with a wrong one.
        """
        count = 0
        while reactor.seconds() < end:
            self.assertLess(await self.login(checker), 2.0)
            with self.assertRaises(Refused):
                await self.login(checker, b"wrong")
            count += 1
        return count

    async def test_cancelled(self) -> None:
        """
        Cancelled logins leave nothing behind: their connections are free for others.
        """
        server = self.server()
        checker = self.checker(server, connections=2)
        await self.login(checker)
        server.freeze()
        logins = [checker.requestAvatarId(UsernamePassword(b"alice", b"x")) for _ in range(10)]
        await sleep(0.1)
        for login in logins:
            login.addErrback(lambda f: None)
            login.cancel()
        server.thaw()
        await self.login(checker)
        self.assertEqual(checker.counters.poolInUse, 0)
        self.assertEqual(checker.counters.cancelled, 10)
        self.assertEqual(serversUp(checker.counters), 1)

    async def test_closedWhileWaiting(self) -> None:
        """
        Closing ends logins that wait as temporary failures, and leaves no connection and no timer.
        """
        server = self.server()
        checker = self.checker(server, connections=1)
        server.freeze()
        logins = [checker.requestAvatarId(UsernamePassword(b"alice", b"x")) for _ in range(3)]
        await sleep(0.1)
        await checker.close()
        for login in logins:
            with self.assertRaises(TemporaryFailure):
                await login
        with self.assertRaises(TemporaryFailure):
            await self.login(checker)
        server.thaw()
        gc.collect()
