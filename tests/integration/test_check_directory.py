# -*- test-case-name: tests.integration.test_check_directory -*-
"""
C{txjmapaccess check} and directory servers.
"""

from __future__ import annotations

import os
import tempfile
from typing import Any

from twisted.internet import reactor

from tests.integration.test_ldap_tls import authority, server
from tests.support.ca import CertificateAuthority
from tests.support.check import directory, linesOf, write
from tests.support.coroutines import AsyncTestCase
from tests.support.ldap import DeafPort, FakeDirectory
from tests.support.ports import freePort
from tests.support.slapd import (
    PEOPLE,
    SERVICE,
    SERVICE_PASSWORD,
    SUFFIX,
    person,
    sharedSlapd,
    skipWithoutSlapd,
)
from txjmapaccess.check.ldapcheck import ldapSteps, warningsAbout
from txjmapaccess.ldap.settings import LDAPSettings

TEMPLATE = {"bind_dn_template": f"uid={{user}},{PEOPLE}"}
#: The service account may do everything, others only log in.
_RULES = f"access to * by dn.exact={SERVICE} read by anonymous auth"


class DirectoryTestCase(AsyncTestCase):
    """
    Looks at servers.
    """

    async def lines(self, *uris: str, days: float = 5, **keys: Any) -> list[str]:
        """
        @return: the lines about servers.
        """
        settings = LDAPSettings(uris=uris, **keys)
        return await linesOf(reactor, ldapSteps(reactor, settings, days))

    async def line(self, uri: str, **keys: Any) -> str:
        """
        @return: the only line about a server.
        """
        [line] = await self.lines(uri, **keys)
        return line

    def search(self, password: str = SERVICE_PASSWORD, **keys: Any) -> dict[str, Any]:
        """
        @return: the settings to search with a service account.
        """
        path = write(os.path.join(directory(self), "password"), password + "\n")
        defaults = {
            "search_base": PEOPLE,
            "search_filter": "(uid={user})",
            "bind_dn": SERVICE,
            "bind_password_file": path,
        }
        return {**defaults, **keys}


class PlainTests(DirectoryTestCase):
    """
    Real servers, without TLS.
    """

    skip = skipWithoutSlapd

    def setUp(self) -> None:
        self.slapd = sharedSlapd(person("alice", "wonderland"), config=_RULES)
        self.uri = self.slapd.uri

    async def test_template(self) -> None:
        """
        With a template, there is nothing to bind as: an answer is enough.
        """
        line = await self.line(self.uri, **TEMPLATE)
        self.assertEqual(line, f"ok       [ldap] {self.uri}: it responds")

    async def test_search(self) -> None:
        """
        With a search, the service account is bound, and search_base looked for.
        """
        line = await self.line(self.uri, **self.search())
        self.assertEqual(
            line,
            f"ok       [ldap] {self.uri}: it responds, bind_dn is accepted, search_base exists",
        )

    async def test_wrongPassword(self) -> None:
        """
        A service account that is refused is wrong; its password is not shown.
        """
        line = await self.line(self.uri, **self.search("mistyped"))
        self.assertEqual(
            line,
            f"WRONG    [ldap] {self.uri}: bind_dn was refused with result 49;"
            " correct bind_dn, or the content of bind_password_file",
        )

    async def test_noBase(self) -> None:
        """
        A search_base that is not there is wrong.
        """
        line = await self.line(self.uri, **self.search(search_base=f"ou=nobody,{SUFFIX}"))
        self.assertTrue(line.startswith("WRONG "), line)
        self.assertIn(f"search_base ou=nobody,{SUFFIX} does not exist", line)

    async def test_anonymous(self) -> None:
        """
        A directory that anonymous users may not search needs bind_dn.
        """
        keys = {"search_base": PEOPLE, "search_filter": "(uid={user})"}
        line = await self.line(self.uri, **keys)
        self.assertTrue(line.startswith("WRONG "), line)
        self.assertIn("anonymous users cannot search search_base; grant", line)
        slapd = sharedSlapd(person("alice", "wonderland"))
        line = await self.line(slapd.uri, **keys)
        self.assertIn("it can be searched anonymously, search_base exists", line)

    async def test_demandsTLS(self) -> None:
        """
        A server that lets nobody bind in clear says so.
        """
        slapd = sharedSlapd(globalConfig="security tls=1")
        line = await self.line(slapd.uri, **self.search())
        self.assertTrue(line.startswith("WRONG "), line)
        self.assertIn("ended with result 13; set starttls = true, or use an ldaps URI", line)

    async def test_noStartTLS(self) -> None:
        """
        A server without StartTLS is wrong where it is configured.
        """
        line = await self.line(self.uri, starttls=True, **TEMPLATE)
        self.assertTrue(line.startswith("WRONG "), line)
        self.assertIn("it refuses StartTLS; configure a certificate", line)

    async def test_wrongScheme(self) -> None:
        """
        A server that speaks no TLS on its port is wrong with ldaps.
        """
        line = await self.line(self.uri.replace("ldap:", "ldaps:"), **TEMPLATE)
        self.assertTrue(line.startswith("WRONG "), line)
        self.assertIn("correct ", line)

    async def test_stopped(self) -> None:
        """
        A server that is not there does not hide the others.
        """
        gone = f"ldap://127.0.0.1:{freePort()}"
        first, second = await self.lines(gone, self.uri, **TEMPLATE)
        self.assertEqual(
            first,
            f"WRONG    [ldap] {gone}: nothing is listening there;"
            " start the server, or correct [ldap] uris",
        )
        self.assertEqual(second, f"ok       [ldap] {self.uri}: it responds")


class SilentTests(DirectoryTestCase):
    """
    Servers that do not answer.
    """

    async def test_hangs(self) -> None:
        """
        Servers that accept connections and say nothing are wrong after the timeout, all at once.
        """
        fakes = [FakeDirectory(lambda *_: None) for _ in range(3)]
        for fake in fakes:
            self.addCleanup(fake.close)
        began = reactor.seconds()
        found = await self.lines(*(fake.uri for fake in fakes), timeout=1, **TEMPLATE)
        self.assertLess(reactor.seconds() - began, 2.9)
        for fake, line in zip(fakes, found, strict=True):
            self.assertEqual(
                line,
                f"WRONG    [ldap] {fake.uri}: it did not respond in time;"
                " check whether it hangs, or whether a firewall is in between",
            )

    async def test_deaf(self) -> None:
        """
        So are those to which there is no connection.
        """
        deaf = DeafPort()
        deaf.listen()
        line = await self.line(deaf.uri, timeout=1, **TEMPLATE)
        self.assertIn("it did not respond in time", line)

    async def test_notLDAP(self) -> None:
        """
        So is what speaks something else.
        """
        fake = FakeDirectory(lambda connection, *_: connection.transport.write(b"HTTP/1.1 400\r\n"))
        self.addCleanup(fake.close)
        line = await self.line(fake.uri, **TEMPLATE)
        self.assertIn("it does not speak LDAP on this port", line)


class TLSTests(DirectoryTestCase):
    """
    Real servers with TLS.
    """

    skip = skipWithoutSlapd

    async def both(self, *names: str, days: int = 10, **keys: Any) -> list[str]:
        """
        @return: the lines about a server with such a certificate, over ldaps and StartTLS.
        """
        slapd = server(*names, days=days)
        keys = {"ca_file": authority().path, **TEMPLATE, **keys}
        found = [await self.lines(slapd.tlsURI, **keys)]
        found.append(await self.lines(slapd.uri, starttls=True, **keys))
        return [line for lines in found for line in lines]

    async def test_good(self) -> None:
        """
        A certificate that verifies.
        """
        for line in await self.both("127.0.0.1"):
            self.assertTrue(line.startswith("ok "), line)
            self.assertIn("it responds over TLS", line)

    async def test_otherAuthority(self) -> None:
        """
        One of an authority that is not configured.
        """
        stranger = CertificateAuthority(tempfile.mkdtemp(prefix="ca-"), "Somebody else")
        for path in (stranger.path, None):
            for line in await self.both("127.0.0.1", ca_file=path):
                self.assertTrue(line.startswith("WRONG "), line)
                self.assertIn("not issued by a trusted CA", line)
                self.assertIn("to [ldap] ca_file", line)

    async def test_expired(self) -> None:
        """
        One that has expired.
        """
        for line in await self.both("127.0.0.1", days=-1):
            self.assertTrue(line.startswith("WRONG "), line)
            self.assertIn("its certificate expired on ", line)
            self.assertIn("; renew it there", line)

    async def test_otherName(self) -> None:
        """
        One for another name.
        """
        for line in await self.both("ldap.example.net"):
            self.assertTrue(line.startswith("WRONG "), line)
            self.assertIn("its certificate is for ldap.example.net, not for 127.0.0.1", line)

    async def test_endsSoon(self) -> None:
        """
        One that will expire is a line of its own.
        """
        found = await self.both("127.0.0.1", days=4)
        self.assertEqual([line.split()[0] for line in found], ["ok", "warning"] * 2)
        self.assertIn("certificate: it expires in 3 days", found[1])

    async def test_acceptAny(self) -> None:
        """
        With accept_any_certificate nothing is said but that.
        """
        for line in await self.both(
            "ldap.example.net", days=-1, ca_file=None, accept_any_certificate=True
        ):
            self.assertTrue(line.startswith("ok "), line)

    async def test_clientCertificate(self) -> None:
        """
        A server that wants a client certificate says so.
        """
        slapd = server("127.0.0.1", config="TLSVerifyClient demand\n")
        keys = {"ca_file": authority().path, **TEMPLATE}
        line = await self.line(slapd.tlsURI, **keys)
        self.assertTrue(line.startswith("WRONG "), line)
        certificate, key = authority().issue("imap.example.com")
        keys |= {"client_certificate": certificate, "client_key": key}
        line = await self.line(slapd.tlsURI, **keys)
        self.assertTrue(line.startswith("ok "), line)


class WarningTests(DirectoryTestCase):
    """
    What works and should not be.
    """

    def test_warnings(self) -> None:
        """
        Each is a line, with what to do about it.
        """
        keys = self.search()
        os.chmod(keys["bind_password_file"], 0o644)
        settings = LDAPSettings(uris=("ldap://ldap.example.com",), **keys)
        first, second = (finding.line() for finding in warningsAbout(settings))
        self.assertIn("passwords are sent in the clear without starttls or ldaps; set one", first)
        self.assertIn("is readable by every user of this machine; make it readable only", second)
        settings = LDAPSettings(
            uris=("ldaps://ldap.example.com",), accept_any_certificate=True, **TEMPLATE
        )
        [line] = (finding.line() for finding in warningsAbout(settings))
        self.assertIn("accept_any_certificate: the directory's certificate is not verified;", line)
