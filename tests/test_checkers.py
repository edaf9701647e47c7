# -*- test-case-name: tests.test_checkers -*-
"""
Several checkers as one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.application.service import MultiService
from twisted.cred.checkers import (
    FilePasswordDB,
    ICredentialsChecker,
    InMemoryUsernamePasswordDatabaseDontUse,
)
from twisted.cred.credentials import (
    ICredentials,
    IUsernameHashedPassword,
    IUsernamePassword,
)
from twisted.cred.credentials import UsernamePassword as TwistedUsernamePassword
from twisted.cred.error import UnauthorizedLogin, UnhandledCredentials
from twisted.internet.defer import CancelledError, Deferred, fail, maybeDeferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from txjmapaccess.checkers import CheckerService, EvidentChecker, chain
from txjmapaccess.credentials import (
    BearerToken,
    Evidence,
    UsernamePassword,
    leaveEvidence,
    makeEvident,
)
from txjmapaccess.errors import (
    ForeignAuthorizationIdentity,
    PasswordExpired,
    Refused,
    TemporaryFailure,
    TokenRefused,
)
from txjmapaccess.interfaces import IBearerToken, ICheckerLifecycle


@implementer(ICredentialsChecker, ICheckerLifecycle)
class FakeChecker:
    """
    A checker that answers what it was told to.
    """

    def __init__(
        self, answer: Callable[[Any], Any], interfaces: tuple[Any, ...] = (IUsernamePassword,)
    ) -> None:
        self.credentialInterfaces = interfaces
        self.answer = answer
        self.asked: list[ICredentials] = []
        self.events: list[str] = []
        self.closing: Any = None

    def requestAvatarId(self, credentials: ICredentials) -> Any:
        self.asked.append(credentials)
        return self.answer(credentials)

    def start(self) -> None:
        self.events.append("start")

    def close(self) -> Any:
        self.events.append("close")
        return self.closing


def accepting(avatarId: Any) -> FakeChecker:
    """
    @return: a checker that accepts everybody.
    """
    return FakeChecker(lambda credentials: succeed(avatarId))


def failing(error: Exception) -> FakeChecker:
    """
    @return: a checker that fails for everybody.
    """
    return FakeChecker(lambda credentials: fail(error))


class ChainTests(SynchronousTestCase):
    """
    L{chain}: asked in order.
    """

    def ask(self, *checkers: Any) -> Deferred[Any]:
        """
        Ask a chain of C{checkers} for a password.
        """
        [only] = chain(checkers)
        self.credentials = UsernamePassword(b"ada", b"lovelace")
        return only.requestAvatarId(self.credentials)  # type: ignore[return-value]

    def assertFails(self, error: type[Exception], *checkers: Any) -> Exception:
        """
        @return: the failure of C{checkers}, which is an C{error}.
        """
        return self.failureResultOf(self.ask(*checkers), error).value  # type: ignore[no-any-return]

    def test_firstAccepts(self) -> None:
        """
        When the first accepts, its avatar id counts, and no other is asked.
        """
        second = accepting("second")
        self.assertEqual(self.successResultOf(self.ask(accepting("first"), second)), "first")
        self.assertEqual(second.asked, [])

    def test_refusalPassesOn(self) -> None:
        """
        After a refusal the next is asked, with the same credentials.
        """
        second = accepting("second")
        self.assertEqual(self.successResultOf(self.ask(failing(Refused()), second)), "second")
        self.assertEqual(second.asked, [self.credentials])

    def test_unhandledPassesOn(self) -> None:
        """
        So it is when a checker has nothing to do with such credentials.
        """
        asked = self.ask(failing(UnhandledCredentials()), accepting("second"))
        self.assertEqual(self.successResultOf(asked), "second")

    def test_synchronousCheckers(self) -> None:
        """
        Checkers may return and raise, instead of firing Deferreds.
        """

        def refuse(credentials: object) -> None:
            raise UnauthorizedLogin()

        asked = self.ask(FakeChecker(refuse), FakeChecker(lambda credentials: "second"))
        self.assertEqual(self.successResultOf(asked), "second")

    def test_temporaryFailureEnds(self) -> None:
        """
        A checker that cannot tell ends it: it might have accepted.
        """
        second = accepting("second")
        self.assertFails(TemporaryFailure, failing(TemporaryFailure("no answer")), second)
        self.assertEqual(second.asked, [])

    def test_bugEnds(self) -> None:
        """
        So does any other exception.
        """
        second = accepting("second")
        self.assertFails(ZeroDivisionError, failing(ZeroDivisionError()), second)
        self.assertEqual(second.asked, [])

    def test_temporaryFailureAfterRefusal(self) -> None:
        """
        A refusal of one and no answer of the next is no refusal.
        """
        self.assertFails(TemporaryFailure, failing(Refused()), failing(TemporaryFailure("no")))

    def test_allRefuse(self) -> None:
        """
        When all refuse plainly, the last refusal is the answer.
        """
        last = Refused("last")
        self.assertIs(self.assertFails(Refused, failing(Refused("first")), failing(last)), last)

    def test_specificRefusalWins(self) -> None:
        """
        A refusal that says why is worth more than a later plain one, and than a later specific
        one.
        """
        for specific in (
            PasswordExpired(),
            ForeignAuthorizationIdentity(),
            TokenRefused("expired"),
        ):
            refusals = (Refused(), specific, TokenRefused("other"), UnauthorizedLogin())
            error = self.assertFails(UnauthorizedLogin, *map(failing, refusals))
            self.assertIs(error, specific)

    def test_allUnhandled(self) -> None:
        """
        When none has to do with such credentials, that is a refusal.
        """
        self.assertFails(Refused, failing(UnhandledCredentials()), failing(UnhandledCredentials()))

    def test_evidenceOfRefusalForgotten(self) -> None:
        """
        Evidence that a checker left before it refused is not taken for that of the next.
        """

        def leaveAndRefuse(credentials: object) -> None:
            leaveEvidence(credentials, Evidence("mallory", "ldap"))
            raise Refused()

        self.successResultOf(self.ask(FakeChecker(leaveAndRefuse), accepting("ada")))
        self.assertIsNone(self.credentials.evidence)

    def test_evidenceOfAcceptanceKept(self) -> None:
        """
        Evidence of the checker that accepted stays.
        """
        evidence = Evidence("ada", "ldap")

        def leaveAndAccept(credentials: object) -> str:
            leaveEvidence(credentials, evidence)
            return "ada"

        self.successResultOf(self.ask(failing(Refused()), FakeChecker(leaveAndAccept)))
        self.assertIs(self.credentials.evidence, evidence)

    def test_cancel(self) -> None:
        """
        Cancelling cancels the checker that is being asked; the next is not asked.
        """
        cancelled = []
        never: Deferred[Any] = Deferred(cancelled.append)
        second = accepting("second")
        asked = self.ask(FakeChecker(lambda credentials: never), second)
        asked.cancel()
        self.assertEqual(cancelled, [never])
        self.failureResultOf(asked, CancelledError)
        self.assertEqual(second.asked, [])

    def test_oneChainForEachInterface(self) -> None:
        """
        Tokens are only shown to those that check tokens, so that what a portal keeps for each
        interface is complete.
        """
        both = FakeChecker(lambda credentials: "both", (IUsernamePassword, IBearerToken))
        passwords = accepting("passwords")
        chains = chain([passwords, both])
        interfaces = [list(checker.credentialInterfaces) for checker in chains]
        self.assertEqual(interfaces, [[IUsernamePassword], [IBearerToken]])
        token = BearerToken("abc")
        self.assertEqual(
            self.successResultOf(maybeDeferred(chains[1].requestAvatarId, token)), "both"
        )
        self.assertEqual(passwords.asked, [])

    def test_none(self) -> None:
        """
        No checkers, no chain.
        """
        self.assertEqual(chain([]), [])


class EvidentCheckerTests(SynchronousTestCase):
    """
    L{EvidentChecker}: checkers of others.
    """

    def test_memory(self) -> None:
        """
        The typed name is evidence when Twisted's memory checker accepts; the avatar id is what the
        checker gave.
        """
        memory = InMemoryUsernamePasswordDatabaseDontUse(ada=b"lovelace")
        checker = EvidentChecker(memory, "memory")
        credentials = UsernamePassword(b"ada", b"lovelace")
        self.assertEqual(self.successResultOf(checker.requestAvatarId(credentials)), b"ada")
        self.assertEqual(credentials.evidence, Evidence("ada", "memory"))

    def test_challenge(self) -> None:
        """
        So it is for whoever answers a challenge, but a token says itself who the user is.
        """
        checker = EvidentChecker(accepting("id"), "fake")
        challenge = TwistedUsernamePassword(b"ada", b"lovelace")
        makeEvident(challenge)
        self.successResultOf(checker.requestAvatarId(challenge))
        self.assertEqual(challenge.evidence, Evidence("ada", "fake"))
        token = BearerToken("t")
        self.successResultOf(checker.requestAvatarId(token))
        self.assertIsNone(token.evidence)

    def test_file(self) -> None:
        """
        So it is with Twisted's file checker.
        """
        path = self.mktemp()
        with open(path, "w") as file:
            file.write("ada:lovelace\n")
        checker = EvidentChecker(FilePasswordDB(path), "file")
        credentials = UsernamePassword(b"ada", b"lovelace")
        self.assertEqual(self.successResultOf(checker.requestAvatarId(credentials)), b"ada")
        self.assertEqual(credentials.evidence, Evidence("ada", "file"))

    def test_refused(self) -> None:
        """
        A refusal leaves none.
        """
        checker = EvidentChecker(InMemoryUsernamePasswordDatabaseDontUse(), "memory")
        credentials = UsernamePassword(b"ada", b"wrong")
        self.failureResultOf(checker.requestAvatarId(credentials), UnauthorizedLogin)
        self.assertIsNone(credentials.evidence)

    def test_evidenceOfItsOwn(self) -> None:
        """
        A checker that does leave evidence is believed.
        """
        evidence = Evidence("Ada", "their own")

        def leaveAndAccept(credentials: object) -> str:
            leaveEvidence(credentials, evidence)
            return "ada"

        credentials = UsernamePassword(b"ada", b"lovelace")
        checker = EvidentChecker(FakeChecker(leaveAndAccept), "fake")
        self.successResultOf(checker.requestAvatarId(credentials))
        self.assertIs(credentials.evidence, evidence)

    def test_avatarIdUntouched(self) -> None:
        """
        The avatar id is handed on as it is, and nothing is asked of it.
        """

        class Untouchable:
            def __getattribute__(self, name: str) -> Any:
                if name == "__class__":
                    return object.__getattribute__(self, name)
                raise AssertionError(f"{name} was looked at")

            def __str__(self) -> str:
                raise AssertionError("it was converted")

            __repr__ = __str__

        avatarId = Untouchable()
        checker = EvidentChecker(FakeChecker(lambda credentials: avatarId), "fake")
        credentials = UsernamePassword(b"ada", b"lovelace")
        results: list[Any] = []
        checker.requestAvatarId(credentials).addCallback(results.append)
        self.assertTrue(results[0] is avatarId)

    def test_noRoomForEvidence(self) -> None:
        """
        Credentials of others that cannot hold evidence are checked all the same.
        """
        memory = InMemoryUsernamePasswordDatabaseDontUse(ada=b"lovelace")
        credentials = TwistedUsernamePassword(b"ada", b"lovelace")
        asked = EvidentChecker(memory, "memory").requestAvatarId(credentials)
        self.assertEqual(self.successResultOf(asked), b"ada")
        self.assertFalse(hasattr(credentials, "evidence"))

    def test_token(self) -> None:
        """
        A foreign checker of tokens does not say who the user is: no evidence.
        """
        checker = EvidentChecker(FakeChecker(lambda token: "ada", (IBearerToken,)), "fake")
        token = BearerToken("abc")
        self.successResultOf(checker.requestAvatarId(token))
        self.assertIsNone(token.evidence)

    def test_nameThatIsNotUTF8(self) -> None:
        """
        A name that is not UTF-8 keeps its octets.
        """
        checker = EvidentChecker(accepting("x"), "fake")
        credentials = UsernamePassword(b"\xe5da", b"lovelace")
        self.successResultOf(checker.requestAvatarId(credentials))
        assert credentials.evidence is not None
        name = credentials.evidence.username
        self.assertEqual(name.encode("utf-8", "surrogateescape"), b"\xe5da")

    def test_interfaces(self) -> None:
        """
        It checks what the wrapped one checks.
        """
        checker = EvidentChecker(InMemoryUsernamePasswordDatabaseDontUse(), "memory")
        self.assertEqual(checker.credentialInterfaces, (IUsernamePassword, IUsernameHashedPassword))


class CheckerServiceTests(SynchronousTestCase):
    """
    L{CheckerService}: the connections of checkers.
    """

    def test_lifecycle(self) -> None:
        """
        Checkers are started and closed with the service, and it waits until they are closed.
        Those that have nothing to close are left alone.
        """
        checker = accepting("ada")
        checker.closing = Deferred()
        service = CheckerService([InMemoryUsernamePasswordDatabaseDontUse(), checker])
        service.startService()
        self.assertEqual(checker.events, ["start"])
        stopped = service.stopService()
        self.assertEqual(checker.events, ["start", "close"])
        self.assertNoResult(stopped)
        checker.closing.callback(None)
        self.successResultOf(stopped)

    def test_troubleIsLogged(self) -> None:
        """
        One that raises does not keep the others from being started and closed.
        """
        first, second = accepting("1"), accepting("2")
        first.start = first.close = lambda: 1 // 0  # type: ignore[method-assign]
        service = CheckerService([first, second])
        service.startService()
        self.successResultOf(service.stopService())
        self.assertEqual(second.events, ["start", "close"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)

    def test_retire(self) -> None:
        """
        One that was replaced is closed later, when its logins are over.
        """
        clock = Clock()
        checker = accepting("ada")
        service = CheckerService([checker])
        parent = self.parentOf(service)
        service.retire(clock, 60)
        clock.advance(59)
        self.assertEqual(checker.events, ["start"])
        clock.advance(1)
        self.assertEqual(checker.events, ["start", "close"])
        self.assertEqual(list(parent), [])

    def test_stoppedWhileRetiring(self) -> None:
        """
        The end of the process does not wait for that.
        """
        clock = Clock()
        checker = accepting("ada")
        service = CheckerService([checker])
        parent = self.parentOf(service)
        service.retire(clock, 60)
        self.successResultOf(parent.stopService())
        self.assertEqual(checker.events, ["start", "close"])
        self.assertEqual(clock.getDelayedCalls(), [])

    def parentOf(self, service: CheckerService) -> Any:
        """
        @return: a running parent of C{service}.
        """
        parent = MultiService()
        service.setServiceParent(parent)
        parent.startService()
        return parent
