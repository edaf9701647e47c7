# -*- test-case-name: tests.oauth.test_reload -*-
"""
What a reload of the settings does to an L{txjmapaccess.oauth.IntrospectionChecker} that came with
C{--auth}, and so is not made anew.
"""

from __future__ import annotations

from tests.oauth.test_checker import ENDPOINT, ISSUER, OPENID, CheckerTestCase
from tests.support.introspection import ACTIVE, FakeNetwork, secretFile
from tests.twistd.test_service import ServiceTestCase
from txjmapaccess.oauth import IntrospectionChecker

MOVED = "https://idp.example/moved"


class RediscoveryTests(CheckerTestCase):
    """
    C{start}, for the second time.
    """

    def setUp(self) -> None:
        super().setUp()
        self.checker = self.makeChecker(issuer=ISSUER, cache_seconds=0)
        self.checker.start()
        self.network.answer(self.metadata(ENDPOINT))
        self.network.answer({"active": False})

    def metadata(self, endpoint: str) -> dict[str, str]:
        return {"issuer": ISSUER, "introspection_endpoint": endpoint}

    def lastURL(self) -> str:
        return self.network.requests[-1][1]

    def test_moved(self) -> None:
        """
        The metadata are fetched again, and the endpoint that they name now is used from then on.
        """
        self.checker.start()
        self.assertEqual(OPENID, self.lastURL())
        self.network.answer(self.metadata(MOVED))
        self.login()
        self.assertEqual(MOVED, self.lastURL())

    def test_meanwhile(self) -> None:
        """
        Logins do not wait for it: they use the endpoint that is known.
        """
        self.checker.start()
        login = self.login()
        self.assertEqual(ENDPOINT, self.lastURL())
        self.network.answer(ACTIVE)
        self.assertEqual("arnt", self.successResultOf(login))

    def test_notFound(self) -> None:
        """
        When there are no metadata any more, the operator is told, and the endpoint that is known
        stays.
        """
        self.checker.start()
        self.network.answer(b"", 503)
        self.network.answer(b"", 503)
        self.assertIn("responded with 503", self.logged.texts()[0])
        self.login()
        self.assertEqual(ENDPOINT, self.lastURL())

    def test_endpoint(self) -> None:
        """
        Where the endpoint is given there is nothing to look for.
        """
        self.checker = self.makeChecker()
        self.checker.start()
        self.checker.start()
        self.assertEqual(ENDPOINT, self.lastURL())


class ReloadTests(ServiceTestCase):
    """
    SIGHUP.
    """

    def test_lastingCheckerLooksAgain(self) -> None:
        """
        A reload makes a checker of C{--auth} look for its issuer's endpoint again.
        """
        network = FakeNetwork()
        checker = IntrospectionChecker(
            reactor=self.reactor,
            network=network,
            issuer=ISSUER,
            client_id="imapd",
            client_secret_file=secretFile(self),
        )
        running = self.start([checker])
        network.answer({"issuer": ISSUER, "introspection_endpoint": ENDPOINT})
        network.answer({"active": False})
        running.reload()
        self.assertEqual([OPENID, ENDPOINT, OPENID], [url for _, url, _, _ in network.requests])
