"""
Tests for L{txjmapaccess.cache}.
"""

from __future__ import annotations

import gc
import weakref

from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess import cache
from txjmapaccess.cache import ResultCache
from txjmapaccess.errors import TemporaryFailure, TokenRefused

SECRET = (b"arnt", b"trondheim")


class BackEnd:
    """
    Counts the questions, and lets a test answer them.
    """

    def __init__(self) -> None:
        self.questions: list[Deferred[str]] = []
        self.cancelled: list[Deferred[str]] = []

    def ask(self) -> Deferred[str]:
        question: Deferred[str] = Deferred(self.cancelled.append)
        self.questions.append(question)
        return question


class CacheTestCase(SynchronousTestCase):
    """
    A cache that keeps results for 60 seconds, on a clock that stands.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_000_000)
        self.backEnd = BackEnd()
        self.cache = self.makeCache()

    def makeCache(self, **keywords: object) -> ResultCache[str]:
        return ResultCache(self.clock, **{"lifetime": lambda result: 60.0, **keywords})

    def get(self, secret: tuple[bytes, ...] = SECRET) -> Deferred[str]:
        return self.cache.get(secret, self.backEnd.ask)

    def learn(self, secret: tuple[bytes, ...] = SECRET, answer: str = "answer") -> None:
        waiter = self.get(secret)
        self.backEnd.questions[-1].callback(answer)
        self.successResultOf(waiter)

    def refuse(self, secret: tuple[bytes, ...] = SECRET) -> None:
        waiter = self.get(secret)
        self.backEnd.questions[-1].errback(TokenRefused("no", scope="mail"))
        self.failureResultOf(waiter, TokenRefused)

    def assertAsked(self, count: int) -> None:
        self.assertEqual(count, len(self.backEnd.questions))


class KeepingTests(CacheTestCase):
    """
    What is kept, and for how long.
    """

    def test_resultIsKept(self) -> None:
        """
        A result is given again without asking again.
        """
        self.learn()
        self.clock.advance(59.9)
        self.assertEqual("answer", self.successResultOf(self.get()))
        self.assertAsked(1)

    def test_resultExpires(self) -> None:
        """
        After its lifetime a result is asked for again.
        """
        self.learn()
        self.clock.advance(60)
        self.assertNoResult(self.get())
        self.assertAsked(2)

    def test_lifetimeDependsOnResult(self) -> None:
        """
        Every result has the lifetime that the function gives it.
        """
        self.cache = self.makeCache(lifetime=float)
        self.learn(answer="10")
        self.clock.advance(9)
        self.assertEqual("10", self.successResultOf(self.get()))
        self.clock.advance(1)
        self.assertNoResult(self.get())

    def test_noLifetime(self) -> None:
        """
        A result whose lifetime is zero or negative is not kept.
        """
        self.cache = self.makeCache(lifetime=float)
        self.learn(answer="0")
        self.learn(answer="-5")
        self.assertNoResult(self.get())
        self.assertAsked(3)

    def test_refusalIsKept(self) -> None:
        """
        A refusal is given again, with all that it says, without asking again.
        """
        self.refuse()
        again = self.failureResultOf(self.get(), TokenRefused).value
        self.assertEqual(("no", "mail"), (str(again), again.scope))
        self.assertAsked(1)

    def test_refusalExpires(self) -> None:
        """
        A refusal is kept for five seconds.
        """
        self.refuse()
        self.clock.advance(4.9)
        self.failureResultOf(self.get(), UnauthorizedLogin)
        self.assertAsked(1)
        self.clock.advance(0.2)
        self.assertNoResult(self.get())

    def test_refusalsNotKept(self) -> None:
        """
        With C{refusalSeconds=0} every refusal is asked for.
        """
        self.cache = self.makeCache(refusalSeconds=0)
        self.refuse()
        self.refuse()
        self.assertAsked(2)

    def test_errorIsNotKept(self) -> None:
        """
        A failure that is no refusal says nothing about the secret: the next one asks again.
        """
        waiter = self.get()
        self.backEnd.questions[0].errback(TemporaryFailure("down"))
        self.failureResultOf(waiter, TemporaryFailure)
        self.assertNoResult(self.get())
        self.assertAsked(2)

    def test_clockSetBack(self) -> None:
        """
        When the machine's clock is set back, entries do not live longer: they are dropped.
        """
        self.learn()
        self.clock.rightNow -= 3600
        self.assertNoResult(self.get())

    def test_synchronousAnswer(self) -> None:
        """
        An answer that is there at once is given and kept like any other.
        """
        self.assertEqual("x", self.successResultOf(self.cache.get(SECRET, lambda: succeed("x"))))
        self.assertEqual("x", self.successResultOf(self.get()))
        self.assertAsked(0)

    def test_synchronousError(self) -> None:
        """
        C{ask} may raise, or fail at once: that is a failure of the question, and leaves no trace.
        """

        def broken() -> Deferred[str]:
            raise ZeroDivisionError

        self.failureResultOf(self.cache.get(SECRET, broken), ZeroDivisionError)
        self.failureResultOf(self.cache.get(SECRET, lambda: fail(KeyError())), KeyError)
        self.assertNoResult(self.get())


class RoomTests(CacheTestCase):
    """
    How much is kept.
    """

    def setUp(self) -> None:
        super().setUp()
        self.patch(cache, "MOST_KEPT", 2)
        self.cache = self.makeCache()

    def test_oldestMakesRoom(self) -> None:
        """
        A full cache drops what it has had longest.
        """
        for name in (b"1", b"2", b"3"):
            self.learn((name,))
        self.successResultOf(self.get((b"2",)))
        self.successResultOf(self.get((b"3",)))
        self.assertNoResult(self.get((b"1",)))

    def test_entries(self) -> None:
        """
        How many results and refusals are kept can be read; what was asked for too late is gone.
        """
        self.learn((b"a",))
        self.refuse((b"b",))
        self.assertEqual(self.cache.entries, 2)
        self.clock.advance(60)
        self.get((b"a",))
        self.assertEqual(self.cache.entries, 1)

    def test_learntAgainIsNew(self) -> None:
        """
        An entry that expired and was asked for again counts as new, and takes no second place.
        """
        self.learn((b"1",))
        self.clock.advance(50)
        self.learn((b"2",))
        self.clock.advance(20)
        self.learn((b"1",))
        self.successResultOf(self.get((b"2",)))
        self.learn((b"3",))
        self.successResultOf(self.get((b"1",)))

    def test_refusalsHaveTheirOwnRoom(self) -> None:
        """
        However many bad secrets are tried, the good ones stay.
        """
        self.learn((b"good",))
        for n in range(10):
            self.refuse((b"bad %d" % n,))
        self.successResultOf(self.get((b"good",)))


class SharingTests(CacheTestCase):
    """
    Several who ask for the same at the same time.
    """

    def test_oneQuestion(self) -> None:
        """
        All who ask while the question is on its way get the one answer.
        """
        waiters = [self.get() for _ in range(5)]
        self.backEnd.questions[0].callback("answer")
        self.assertEqual(["answer"] * 5, [self.successResultOf(w) for w in waiters])
        self.assertAsked(1)

    def test_oneRefusal(self) -> None:
        """
        A refusal goes to all who wait.
        """
        waiters = [self.get() for _ in range(3)]
        self.backEnd.questions[0].errback(TokenRefused("no"))
        for waiter in waiters:
            self.failureResultOf(waiter, TokenRefused)

    def test_ownRefusals(self) -> None:
        """
        Everyone who is refused later gets an exception of his own: its traceback is his, and what
        he does to it is his business. The one that is kept has no traceback, whose frames would
        hold the secret.
        """
        self.refuse()
        first, second = (self.failureResultOf(self.get(), TokenRefused).value for _ in range(2))
        self.assertIsNot(first, second)
        first.scope = "other"
        third = self.failureResultOf(self.get(), TokenRefused).value
        self.assertEqual("mail", third.scope)

    def test_keptWithoutTraceback(self) -> None:
        """
        The refusal that is kept does not lead to what the back end knew when it refused.
        """

        class Known:
            """
            What a frame of the back end holds.
            """

        known = weakref.WeakSet[Known]()

        def broken() -> Deferred[str]:
            secret = Known()
            known.add(secret)
            raise TokenRefused("no")

        self.failureResultOf(self.cache.get(SECRET, broken), TokenRefused)
        gc.collect()
        self.assertEqual([], list(known))
        again = self.failureResultOf(self.get(), TokenRefused)
        self.assertAsked(0)
        self.assertEqual("no", str(again.value))

    def test_otherSecret(self) -> None:
        """
        Different secrets are different questions, wherever the parts are divided.
        """
        for secret in ((b"ab", b"c"), (b"a", b"bc"), (b"abc",), (b"abc", b"")):
            self.get(secret)
        self.assertAsked(4)

    def test_oneLeaves(self) -> None:
        """
        One who stops waiting gets L{CancelledError}; the others get the answer.
        """
        leaving, staying = self.get(), self.get()
        leaving.cancel()
        self.failureResultOf(leaving, CancelledError)
        self.assertEqual([], self.backEnd.cancelled)
        self.backEnd.questions[0].callback("answer")
        self.assertEqual("answer", self.successResultOf(staying))

    def test_allLeave(self) -> None:
        """
        When nobody waits any more the question is cancelled, and the next one asks anew.
        """
        for waiter in [self.get(), self.get()]:
            waiter.cancel()
            self.failureResultOf(waiter, CancelledError)
        self.assertEqual(self.backEnd.questions, self.backEnd.cancelled)
        self.assertNoResult(self.get())
        self.assertAsked(2)

    def test_lateAnswerOfCancelledQuestion(self) -> None:
        """
        A question that cannot be cancelled at once does not disturb the one that was asked after
        it: who joins still shares that one.
        """
        stubborn: Deferred[str] = Deferred()
        slow: Deferred[str] = Deferred(lambda d: None)
        slow.addErrback(lambda _: stubborn)
        first = self.cache.get(SECRET, lambda: slow)
        first.cancel()
        self.failureResultOf(first, CancelledError)
        second = self.get()
        stubborn.errback(TemporaryFailure("late"))
        third = self.get()
        self.assertAsked(1)
        self.backEnd.questions[0].callback("answer")
        self.assertEqual(["answer", "answer"], [self.successResultOf(d) for d in (second, third)])

    def test_leavingWhileTold(self) -> None:
        """
        A waiter whose callback cancels another one's wait does no harm.
        """
        first, second = self.get(), self.get()
        first.addCallback(lambda _: second.cancel())
        self.backEnd.questions[0].callback("answer")
        self.failureResultOf(second, CancelledError)

    def test_askingWhileTold(self) -> None:
        """
        One who asks from a callback gets what was just kept.
        """
        first = self.get()
        first.addCallback(lambda _: self.get())
        self.backEnd.questions[0].callback("answer")
        self.assertEqual("answer", self.successResultOf(first))
        self.assertAsked(1)


class SecrecyTests(CacheTestCase):
    """
    The cache does not hold secrets.
    """

    def test_noSecretInside(self) -> None:
        """
        Neither keys nor values that the cache keeps lead to the secret, for results and refusals.
        """
        self.learn((b"a very secret token",))
        self.refuse((b"another secret token",))
        held, seen = [self.cache], set()
        while held:
            thing = held.pop()
            if id(thing) in seen or isinstance(thing, (type, type(gc))) or callable(thing):
                continue
            seen.add(id(thing))
            self.assertNotIn("secret token", repr(thing))
            held.extend(gc.get_referents(thing))

    def test_keysDiffer(self) -> None:
        """
        Two caches have different keys for the same secret.
        """
        self.assertNotEqual(self.cache._key(SECRET), self.makeCache()._key(SECRET))
