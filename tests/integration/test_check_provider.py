# -*- test-case-name: tests.integration.test_check_provider -*-
"""
C{txjmapaccess check} and the introspection endpoint.
"""

from __future__ import annotations

import os
from typing import Any
from unittest import skipIf

from twisted.internet import reactor

from tests.support.ca import CertificateAuthority
from tests.support.check import directory, linesOf
from tests.support.coroutines import AsyncTestCase
from tests.support.introspection import FakeProvider, jsonAnswer, secretFile
from tests.support.oidc import (
    CLIENT_ID,
    CLIENT_SECRET,
    OIDCProvider,
    sharedProvider,
    whyNoProvider,
)
from tests.support.ports import freePort
from txjmapaccess.check.introspectioncheck import introspectionStep
from txjmapaccess.oauth.settings import IntrospectionSettings


class ProviderTestCase(AsyncTestCase):
    """
    Looks at a provider.
    """

    async def lines(
        self, days: float = 5, secret: str = CLIENT_SECRET, mode: int = 0o600, **keys: Any
    ) -> list[str]:
        """
        @param mode: the permissions of the file with the secret.

        @return: the lines about it.
        """
        path = secretFile(self, secret)
        os.chmod(path, mode)
        settings = IntrospectionSettings(client_id=CLIENT_ID, client_secret_file=path, **keys)
        found = await linesOf(reactor, [introspectionStep(reactor, settings, days)])
        self.assertNotIn(secret, "".join(found))
        return found

    async def line(self, **keys: Any) -> str:
        """
        @return: the only line about it.
        """
        [line] = await self.lines(**keys)
        return line


@skipIf(whyNoProvider(), whyNoProvider())
class RealTests(ProviderTestCase):
    """
    npm oidc-provider.
    """

    async def test_endpoint(self) -> None:
        """
        The client and its secret are good.
        """
        endpoint = sharedProvider().endpoint
        line = await self.line(endpoint=endpoint)
        self.assertEqual(
            line, f"ok       [introspection] {endpoint}: it accepts client_id and its secret"
        )

    async def test_issuer(self) -> None:
        """
        The endpoint is found by discovery.
        """
        issuer = sharedProvider().issuer
        line = await self.line(issuer=issuer)
        self.assertEqual(
            line,
            f"ok       [introspection] {issuer}: discovery succeeded, and accepts client_id"
            " and its secret",
        )

    async def test_wrongSecret(self) -> None:
        """
        A secret that is not good is wrong, and is not shown.
        """
        line = await self.line(endpoint=sharedProvider().endpoint, secret="mistyped-secret")
        self.assertTrue(line.startswith("WRONG "), line)
        self.assertIn("it does not accept client_id with the secret in client_secret_file", line)
        self.assertIn("; correct client_id, client_secret_file or client_auth", line)

    async def test_otherIssuer(self) -> None:
        """
        An issuer must be called what it calls itself.
        """
        line = await self.line(issuer=sharedProvider().issuer.replace("127.0.0.1", "localhost"))
        self.assertIn("; set issuer to the provider's own issuer identifier", line)

    async def test_wrongPath(self) -> None:
        """
        A URL where nothing is.
        """
        line = await self.line(endpoint=sharedProvider().issuer + "/nothing")
        self.assertTrue(line.startswith("WRONG "), line)
        self.assertIn(" responded with 404; correct endpoint or issuer", line)

    async def test_tls(self) -> None:
        """
        The certificate is verified, and its end is looked at; one of a strange authority is wrong,
        unless ca_file has it.
        """
        authority = CertificateAuthority(os.path.join(directory(self), "ca"))
        certificate, key = authority.issue("localhost", days=4)
        # The provider's own requests to itself trust what is in the file of its certificate.
        with open(authority.path) as file, open(certificate, "a") as chain:
            chain.write(file.read())
        provider = OIDCProvider(tls=(key, certificate))
        self.addCleanup(provider.stop)
        first, second = await self.lines(endpoint=provider.endpoint, ca_file=authority.path)
        self.assertTrue(first.startswith("ok "), first)
        self.assertTrue(second.startswith("warning "), second)
        self.assertIn("certificate: it expires in 3 days", second)
        line = await self.line(endpoint=provider.endpoint)
        self.assertTrue(line.startswith("WRONG "), line)
        self.assertIn("not issued by a trusted CA", line)
        self.assertIn("to [introspection] ca_file", line)
        other = provider.endpoint.replace("localhost", "127.0.0.1")
        line = await self.line(endpoint=other, ca_file=authority.path)
        self.assertIn("its certificate is for localhost, not for 127.0.0.1", line)


class FakeTests(ProviderTestCase):
    """
    Providers as they should not be.
    """

    def fake(self, answer: object, status: str = "200 OK") -> str:
        """
        @return: the URL of a provider that always answers this.
        """
        provider = FakeProvider(lambda connection: connection.send(jsonAnswer(answer, status)))
        return provider.listen(reactor, self)

    async def test_stopped(self) -> None:
        """
        One that is not there.
        """
        line = await self.line(endpoint=f"http://127.0.0.1:{freePort()}/introspect")
        self.assertTrue(line.startswith("WRONG "), line)
        self.assertIn(
            "nothing is listening there; start the server, or correct [introspection] endpoint",
            line,
        )

    async def test_hangs(self) -> None:
        """
        One that does not answer.
        """
        url = FakeProvider(lambda connection: None).listen(reactor, self)
        began = reactor.seconds()
        line = await self.line(endpoint=url, timeout=0.5)
        self.assertLess(reactor.seconds() - began, 3)
        self.assertIn("it did not respond in time; check whether it hangs", line)

    async def test_openSecret(self) -> None:
        """
        A secret that everybody on the machine can read is worth a line of its own.
        """
        first, second = await self.lines(endpoint=self.fake({"active": False}), mode=0o644)
        self.assertTrue(first.startswith("ok "), first)
        self.assertTrue(second.startswith("warning "), second)
        self.assertIn("is readable by every user of this machine; make it readable", second)

    async def test_acceptsAll(self) -> None:
        """
        One that calls any token active is the worst of all, whatever else it says.
        """
        for answer in ({"active": True, "username": "arnt"}, {"active": True}):
            line = await self.line(endpoint=self.fake(answer))
            self.assertTrue(line.startswith("WRONG "), line)
            self.assertIn("reports a random token as active, so anyone could log in", line)

    async def test_garbage(self) -> None:
        """
        One that answers something else.
        """
        line = await self.line(endpoint=self.fake(["active"]))
        self.assertTrue(line.startswith("WRONG "), line)
        self.assertIn("not a JSON object; correct endpoint or issuer", line)
        line = await self.line(endpoint=self.fake({}, "503 Service Unavailable"))
        self.assertIn(" responded with 503; ", line)
