# -*- test-case-name: tests.integration.test_check_session -*-
"""
C{txjmapaccess check} and the JMAP session URL, over real sockets.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import Certificate, KeyPair, PrivateCertificate
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from tests.support.ca import CertificateAuthority
from tests.support.check import directory, linesOf
from tests.support.coroutines import AsyncTestCase
from tests.support.ports import freePort
from txjmapaccess.check import sessionclient
from txjmapaccess.check.sessioncheck import sessionSteps
from txjmapaccess.check.sessionclient import BadRedirect, RequestFailed, SessionClient, basic
from txjmapaccess.check.sessionresponse import SessionResponse
from txjmapaccess.jmap.sessionobject import sessionObject
from txjmapaccess.twistd.config import parse

Render = Callable[[Request], Any]


class _Page(Resource):
    isLeaf = True

    def __init__(self, render: Render) -> None:
        super().__init__()
        self._render = render

    def render_GET(self, request: Request) -> Any:
        return self._render(request)


class _Impatient(Protocol):
    """
    A web server without TLS that says at once that it has not understood.
    """

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        self.transport.loseConnection()


def page(status: int, body: bytes = b"", **header: str) -> Render:
    """
    @return: what renders a page that is always the same.
    """

    def render(request: Request) -> bytes:
        request.setResponseCode(status)
        for name, value in header.items():
            request.setHeader(name.replace("_", "-"), value)
        return body

    return render


def challenge(request: Request) -> bytes:
    """
    Render what a JMAP server answers to a stranger.
    """
    return page(401, www_authenticate='Basic realm="JMAP", Bearer')(request)


class WebTestCase(AsyncTestCase):
    """
    JMAP servers of all kinds.
    """

    def serve(self, render: Render, tls: tuple[str, str] | None = None) -> str:
        """
        @param tls: the files of a certificate and its key.

        @return: the URL of a page.
        """
        factory = Factory()
        # Twisted 22.4 cannot negotiate HTTP/2 with today's pyOpenSSL, which a Site would do.
        factory.buildProtocol = Site(_Page(render)).buildProtocol  # type: ignore[method-assign]
        if tls is None:
            port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        else:
            texts = []
            for path in tls:
                with open(path, "rb") as file:
                    texts.append(file.read())
            pair = KeyPair.load(texts[1], 1)
            private = PrivateCertificate.fromCertificateAndKeyPair(
                Certificate.loadPEM(texts[0]), pair
            )
            port = reactor.listenSSL(0, factory, private.options(), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        scheme, host = ("http", "127.0.0.1") if tls is None else ("https", "localhost")
        return f"{scheme}://{host}:{port.getHost().port}/.well-known/jmap"

    async def lines(self, url: str, more: str = "", days: float = 5) -> list[str]:
        """
        @return: the lines about a session URL.
        """
        settings = parse(f'[jmap]\nsession_url = "{url}"\n{more}')
        steps = sessionSteps(reactor, settings, days, True, True)
        return await linesOf(reactor, steps)

    async def line(self, url: str) -> str:
        """
        @return: the only line about a session URL.
        """
        [line] = await self.lines(url)
        return line


class AnswerTests(WebTestCase):
    """
    Without TLS.
    """

    async def test_good(self) -> None:
        """
        401 with a challenge is as it should be.
        """
        url = self.serve(challenge)
        self.assertEqual(
            await self.line(url),
            f"ok       [jmap] session_url {url}: it asks for credentials (Basic and Bearer)",
        )

    async def test_bearerOnly(self) -> None:
        """
        A server that does not offer Basic is worth a second line, unless no password is said to
        work there.
        """
        url = self.serve(page(401, www_authenticate="Bearer"))
        first, second = await self.lines(url)
        self.assertTrue(first.startswith("ok "), first)
        self.assertTrue(second.startswith("warning "), second)
        self.assertIn("; set [jmap] passwords = false", second)
        [line] = await self.lines(url, "passwords = false")
        self.assertTrue(line.startswith("ok "), line)

    async def test_open(self) -> None:
        """
        A Session object for everybody is odd.
        """
        body = json.dumps(sessionObject("", "A1", "https://mail.example.com/jmap")).encode()
        line = await self.line(self.serve(page(200, body)))
        self.assertTrue(line.startswith("warning "), line)

    async def test_notThere(self) -> None:
        """
        404 is wrong.
        """
        line = await self.line(self.serve(page(404)))
        self.assertTrue(line.startswith("WRONG "), line)
        self.assertIn(
            "it responds with 404: there is no JMAP session resource; correct [jmap]", line
        )

    async def test_garbage(self) -> None:
        """
        So is a page of another kind; nothing of it is shown.
        """
        line = await self.line(self.serve(page(200, b"<html>Welcome to nginx!")))
        self.assertTrue(line.startswith("WRONG "), line)
        self.assertIn("its response is not a JSON object; correct [jmap] session_url", line)
        self.assertNotIn("nginx", line)

    async def test_endless(self) -> None:
        """
        An answer that is far too long is not read to its end.
        """
        self.patch(sessionclient, "_LONGEST", 1000)
        line = await self.line(self.serve(page(200, b" " * 5000)))
        self.assertTrue(line.startswith("WRONG "), line)
        self.assertIn("the response is longer than 1000 octets", line)

    async def test_hangs(self) -> None:
        """
        A server that does not answer is given up, before its header and in the middle of its body.
        """
        self.patch(sessionclient, "TIMEOUT", 0.3)

        def begun(request: Request) -> Any:
            request.setHeader("content-length", "100")
            request.write(b"{")
            return NOT_DONE_YET

        for render in (lambda _: NOT_DONE_YET, begun):
            began = reactor.seconds()
            line = await self.line(self.serve(render))
            self.assertLess(reactor.seconds() - began, 5)
            self.assertTrue(line.startswith("WRONG "), line)
            self.assertIn("it did not respond in time; check whether it hangs", line)

    async def test_stopped(self) -> None:
        """
        A server that is not there is wrong.
        """
        line = await self.line(f"http://127.0.0.1:{freePort()}/")
        self.assertTrue(line.startswith("WRONG "), line)
        self.assertIn("nothing is listening there; start the server, or correct [jmap]", line)

    async def test_otherProtocol(self) -> None:
        """
        What speaks no TLS where https is configured is wrong.
        """
        port = reactor.listenTCP(0, Factory.forProtocol(_Impatient), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        line = await self.line(f"https://127.0.0.1:{port.getHost().port}/")
        self.assertTrue(line.startswith("WRONG "), line)
        self.assertIn("it does not speak TLS on this port; correct the scheme", line)


class RedirectTests(WebTestCase):
    """
    RFC 8620, section 2.2.
    """

    async def test_followed(self) -> None:
        """
        Redirects are followed, to other servers too.
        """
        target = self.serve(challenge)
        for status in (301, 302, 303, 307, 308):
            line = await self.line(self.serve(page(status, location=target)))
            self.assertTrue(line.startswith("ok "), line)

    async def test_loop(self) -> None:
        """
        But not for ever.
        """
        line = await self.line(self.serve(page(302, location="/.well-known/jmap")))
        self.assertTrue(line.startswith("WRONG "), line)
        self.assertIn("it redirects more than 5 times; correct [jmap] session_url", line)

    async def test_outOfHTTPS(self) -> None:
        """
        And not to where no session resource may be.
        """
        line = await self.line(self.serve(page(302, location="http://mail.example.com/")))
        self.assertTrue(line.startswith("WRONG "), line)
        self.assertIn("it redirects to a URL that is not https", line)

    async def test_credentials(self) -> None:
        """
        Credentials go along to the same server, and to no other.
        """
        seen: list[bytes | None] = []

        def record(request: Request) -> bytes:
            seen.append(request.getHeader(b"authorization"))
            return challenge(request)

        def wander(request: Request) -> bytes:
            if request.uri == b"/there":
                return record(request)
            return page(302, location="/there")(request)

        authorization = basic(b"arnt", b"trondheim")
        client = SessionClient(reactor)
        answer = await client.ask(self.serve(wander), authorization)
        self.assertEqual((answer.status, seen), (401, [authorization]))
        url = self.serve(page(302, location=self.serve(record)))
        with self.assertRaises(BadRedirect) as caught:
            await client.ask(url, authorization)
        self.assertIn("another server, where credentials are not sent", str(caught.exception))
        self.assertEqual(len(seen), 1)


class TLSTests(WebTestCase):
    """
    With TLS.
    """

    def setUp(self) -> None:
        self.authority = CertificateAuthority(os.path.join(directory(self), "ca"))

    def trust(self) -> None:
        """
        Have this machine trust the authority.
        """
        before = os.environ.get("SSL_CERT_FILE")
        os.environ["SSL_CERT_FILE"] = self.authority.path
        self.addCleanup(_restore, "SSL_CERT_FILE", before)

    async def test_good(self) -> None:
        """
        A certificate of an authority that the machine trusts.
        """
        self.trust()
        line = await self.line(self.serve(challenge, self.authority.issue("localhost")))
        self.assertTrue(line.startswith("ok "), line)

    async def test_endsSoon(self) -> None:
        """
        Its end is looked at.
        """
        self.trust()
        url = self.serve(challenge, self.authority.issue("localhost", days=4))
        first, second = await self.lines(url)
        self.assertTrue(first.startswith("ok "), first)
        self.assertIn("certificate: it expires in 3 days", second)

    async def test_otherAuthority(self) -> None:
        """
        One of an authority that the machine does not trust: most clients will not either.
        """
        line = await self.line(self.serve(challenge, self.authority.issue("localhost")))
        self.assertTrue(line.startswith("WRONG "), line)
        self.assertIn("not issued by a trusted CA", line)

    async def test_expired(self) -> None:
        """
        One that has expired.
        """
        self.trust()
        line = await self.line(self.serve(challenge, self.authority.issue("localhost", days=-1)))
        self.assertTrue(line.startswith("WRONG "), line)
        self.assertIn("its certificate expired on ", line)

    async def test_otherName(self) -> None:
        """
        One for another name. It gets no credentials.
        """
        self.trust()
        seen: list[Request] = []
        url = self.serve(seen.append, self.authority.issue("jmap.example.net"))
        line = await self.line(url)
        self.assertTrue(line.startswith("WRONG "), line)
        self.assertIn("its certificate is for jmap.example.net, not for localhost", line)
        with self.assertRaises(RequestFailed) as caught:
            await SessionClient(reactor).ask(url, basic(b"arnt", b"trondheim"))
        self.assertNotIn("trondheim", str(caught.exception))
        self.assertEqual(seen, [])


class ReprTests(WebTestCase):
    """
    What could be printed by accident.
    """

    async def test_answer(self) -> None:
        """
        No credentials are in an answer.
        """
        url = self.serve(challenge)
        authorization = basic(b"arnt", b"trondheim")
        answer = await SessionClient(reactor).ask(url, authorization)
        self.assertIsInstance(answer, SessionResponse)
        self.assertNotIn(authorization.decode().split()[1], repr(answer))


def _restore(name: str, value: str | None) -> None:
    if value is None:
        del os.environ[name]
    else:
        os.environ[name] = value
