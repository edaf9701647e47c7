"""
The [ldap] table: whatever is wrong with it is one sentence that names the key.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.certificate import makeCertificate
from tests.support.tls import assertNothingOld
from txjmapaccess.errors import ConfigurationError
from txjmapaccess.ldap.settings import LDAPSettings
from txjmapaccess.ldap.tlssettings import TLSSettings
from txjmapaccess.ldap.uri import parseURI
from txjmapaccess.settings import fromMapping

TEMPLATE = "uid={user},ou=people,dc=example,dc=com"


class SettingsTestCase(SynchronousTestCase):
    """
    Makes settings from keys.
    """

    def settings(self, **keys: Any) -> LDAPSettings:
        """
        @return: settings with a server.
        """
        return fromMapping(LDAPSettings, {"uris": ["ldap://127.0.0.1"], **keys}, "[ldap] ")

    def template(self, **keys: Any) -> LDAPSettings:
        """
        @return: settings with a template.
        """
        return self.settings(**{"bind_dn_template": TEMPLATE, **keys})

    def search(self, **keys: Any) -> LDAPSettings:
        """
        @return: settings with a search.
        """
        return self.settings(
            **{"search_base": "dc=example", "search_filter": "(uid={user})", **keys}
        )

    def file(self, content: str, mode: int = 0o600) -> str:
        """
        @return: the path of a file.
        """
        path = Path(self.mktemp())
        path.write_text(content)
        os.chmod(path, mode)
        return str(path)

    def assertSentence(self, key: str, words: str, make: Any, **keys: Any) -> None:
        """
        The error names C{key}, holds C{words} and is one line.
        """
        sentence = str(self.assertRaises(ConfigurationError, make, **keys))
        self.assertTrue(sentence.startswith(f"[ldap] {key}"), sentence)
        self.assertIn(words, sentence)
        self.assertNotIn("\n", sentence)


class ServerSettingsTests(SettingsTestCase):
    """
    Where the servers are.
    """

    def test_uris(self) -> None:
        """
        Hosts are names, IPv4 or IPv6 addresses; ports have defaults (RFC 4516, section 2).
        """
        for text, parts in (
            ("ldap://ldap.example.com", ("ldap.example.com", 389, False)),
            ("ldaps://ldap.example.com/", ("ldap.example.com", 636, True)),
            ("LDAPS://[::1]:1636", ("::1", 1636, True)),
        ):
            uri = parseURI(text)
            self.assertEqual((uri.host, uri.port, uri.isTLS), parts)

    def test_badURIs(self) -> None:
        """
        What is no LDAP URI, or names more than a server, is refused.
        """
        for uri in (
            "ldap.example.com",
            "http://ldap.example.com",
            "ldapi:///run/slapd",
            "ldap://",
            "ldap://host:port",
            "ldap://host:0",
            "ldap://host:70000",
            "ldap://host/dc=example",
            "ldap://host/??sub",
            "ldap://[::1",
            "ldap://ho st",
            "ldap://a..b",
            "ldap://user:secret@host",
            "ldap://ldap_1.example.com",
            "ldaps://ldap_1.example.com",
            "ldaps://-ldap.example.com",
            "ldaps://ldap-.example.com",
            f"ldap://{'a' * 64}.example.com",
            f"ldap://{'a.' * 130}com",
            "ldap://xn--zz.example.com",
            "ldap://\u2603.example.com",
            "ldap://256.1.1.1",
            "ldap://127.1",
            "ldap://[127.0.0.1]",
            "ldap://[v1.x]",
            "ldap://[fe80::1%25lo]",
            "ldap://.",
            "ldap://host\n",
            "ldap://host\0",
            "ldap://host\udcff",
        ):
            self.assertSentence("uris", "", self.template, uris=[uri])
        self.assertSentence("uris", "at least one", self.template, uris=[])
        self.assertSentence("uris", "twice", self.template, uris=["ldap://a", "ldap://a:389/"])

    def test_badHost(self) -> None:
        """
        When it is the host that cannot be, the sentence says so.
        """
        uri = "ldaps://ldap_1.example.com"
        self.assertSentence("uris", "ldap_1.example.com is neither", self.template, uris=[uri])

    def test_namesAsLaterLayersTakeThem(self) -> None:
        """
        Every name that passes can be connected to and verified: international ones are encoded
        once, for the resolver and for TLS (RFC 5891), and a dot at the end is left out.
        """
        for text, host in (
            ("ldaps://b\u00fccher.example", "xn--bcher-kva.example"),
            ("ldaps://fa\u00df.example", "xn--fa-hia.example"),
            ("ldaps://LDAP.example.com.", "ldap.example.com"),
            ("ldaps://1.ldap", "1.ldap"),
        ):
            uri = parseURI(text)
            self.assertEqual(uri.host, host)
            self.assertIsNotNone(TLSSettings().forHost(uri.host))
            endpoint = HostnameEndpoint(MemoryReactorClock(), uri.host.encode("ascii"), 1)
            self.assertNotIn("invalid", repr(endpoint))

    def test_secretInURIIsNotQuoted(self) -> None:
        """
        A password in a URI is not repeated in the error.
        """
        for uri in ("ldap://u:secret@h", "ldap://u:secret@h:x", "u:secret@h", "ldap://u:secret@[h"):
            error = self.assertRaises(ConfigurationError, self.template, uris=[uri])
            self.assertNotIn("secret", str(error))

    def test_startTLS(self) -> None:
        """
        starttls is for ldap URIs only.
        """
        self.assertSentence("starttls", "ldaps", self.template, starttls=True, uris=["ldaps://a"])
        self.assertTrue(self.template(starttls=True).usesTLS)

    def test_numbers(self) -> None:
        """
        Numbers have ranges, and those that count are whole.
        """
        for key, value in (
            ("connections", 0),
            ("timeout", 0),
            ("timeout", 2.5),
            ("cache_seconds", -1),
        ):
            self.assertSentence(key, "must be", self.template, **{key: value})


class TextSettingsTests(SettingsTestCase):
    """
    What cannot be in any value.
    """

    def test_noText(self) -> None:
        """
        A NUL, another control character, or half a character is refused wherever it is.
        """
        for bad in ("a\0b", "a\nb", "a\x9fb", "a\udcffb"):
            for key in ("ca_file", "client_certificate", "client_key"):
                self.assertSentence(key, "control", self.template, starttls=True, **{key: bad})
            for key in ("search_base", "bind_dn", "bind_password_file", "username_attribute"):
                self.assertSentence(key, "control", self.search, **{key: bad})
            template = f"uid={{user}},dc={bad}"
            self.assertSentence(
                "bind_dn_template", "control", self.settings, bind_dn_template=template
            )

    def test_filters(self) -> None:
        """
        A filter may be written in several lines, and must escape NUL (RFC 4515, section 3).
        """
        self.search(search_filter="\n(& (uid={user})\n\t(mail=*))")
        for bad in ("(uid={user}\0)", "(uid={user}\udcff)"):
            self.assertSentence("search_filter", "control", self.search, search_filter=bad)


class IdentitySettingsTests(SettingsTestCase):
    """
    Template or search.
    """

    def test_neither(self) -> None:
        """
        One of the two is needed.
        """
        self.assertSentence("bind_dn_template", "search_base", self.settings)

    def test_both(self) -> None:
        """
        Search settings beside a template are refused.
        """
        for key in ("search_base", "search_filter", "bind_dn", "bind_password_file"):
            self.assertSentence(key, "bind_dn_template", self.template, **{key: "x"})

    def test_badTemplate(self) -> None:
        """
        A template needs {user} in the place of a value.
        """
        for template in ("uid=x,dc=y", "{user}=x", "uid={user},,"):
            self.assertSentence("bind_dn_template", "", self.settings, bind_dn_template=template)

    def test_incompleteSearch(self) -> None:
        """
        A search needs base and filter, and the filter {user}.
        """
        self.assertSentence("search_filter", "missing", self.settings, search_base="dc=x")
        self.assertSentence("search_base", "missing", self.settings, search_filter="(uid={user})")
        self.assertSentence("search_filter", "{user}", self.search, search_filter="(uid=x)")

    def test_searchBase(self) -> None:
        """
        It is searched below a distinguished name (RFC 4514), or the root, which has an empty one.
        """
        for base in ("", "dc=example,dc=com", "ou=Mail\\, old + cn=\\C3\\A9,o=Bücher,2.5.4.10=x"):
            self.assertEqual(self.search(search_base=base).search_base, base)
        for base in ("example.com", "ldap://ldap.example.com", "ou={user},dc=example", "dc=", " "):
            self.assertSentence("search_base", "", self.search, search_base=base)

    def test_badFilters(self) -> None:
        """
        A filter that does not parse is refused.
        """
        self.assertSentence("search_filter", "RFC 4515", self.search, search_filter="(uid={user}")
        self.assertSentence("jmap_filter", "RFC 4515", self.template, jmap_filter="jmap=yes")
        for broken in ("(cn=\\zz{user})", "(cn=\\4{user})", "(cn=\\{user})", "(cn={user}\\)"):
            self.assertSentence("search_filter", "RFC 4515", self.search, search_filter=broken)
        self.search(search_filter="(cn=\\5c\\2A{user})")

    def test_serviceAccount(self) -> None:
        """
        Account and password go together, and the password is not empty: an unauthenticated bind
        would succeed (RFC 4513, section 5.1.2).
        """
        self.assertSentence("bind_password_file", "missing", self.search, bind_dn="cn=x")
        secret = self.file("secret\n")
        self.assertSentence("bind_dn", "missing", self.search, bind_password_file=secret)
        self.assertSentence(
            "bind_password_file",
            "no password",
            self.search,
            bind_dn="cn=x",
            bind_password_file=self.file("\n"),
        )
        self.assertSentence(
            "bind_password_file",
            "/nonexistent cannot be read",
            self.search,
            bind_dn="cn=x",
            bind_password_file="/nonexistent",
        )
        settings = self.search(bind_dn="cn=x", bind_password_file=secret)
        self.assertEqual(settings.servicePassword(), b"secret")

    def test_attributes(self) -> None:
        """
        Attributes have the form of attributes.
        """
        for key in ("username_attribute", "session_url_attribute"):
            for value in ("labeled URI", "", "0.9.2342.19200300.100.1.1"):
                self.assertSentence(key, "attribute", self.template, **{key: value})

    def test_entryNeedsDN(self) -> None:
        """
        With a template that is no distinguished name nobody knows where the entry is.
        """
        for key in ("username_attribute", "jmap_filter", "session_url_attribute"):
            self.assertSentence(
                key,
                "distinguished name",
                self.settings,
                bind_dn_template="{user}@corp.example.com",
                **{key: "(a=b)"},
            )

    def test_canonicalAttribute(self) -> None:
        """
        uid with a search, what was typed with a template, unless set.
        """
        self.assertEqual(self.search().canonicalAttribute(), "uid")
        self.assertIsNone(self.template().canonicalAttribute())
        self.assertEqual(self.template(username_attribute="cn").canonicalAttribute(), "cn")


class TLSSettingsTests(SettingsTestCase):
    """
    Files for TLS.
    """

    def test_missingFiles(self) -> None:
        """
        A file that is missing or holds no certificate or key is named.
        """
        empty = self.file("nothing")
        for path in ("/nonexistent", empty):
            self.assertSentence("ca_file", path, self.template, starttls=True, ca_file=path)
            self.assertSentence(
                "client_certificate", path, self.template, starttls=True, client_certificate=path
            )

    def test_brokenCertificate(self) -> None:
        """
        So is one that holds something that only looks like a certificate.
        """
        path = self.file("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        self.assertSentence("ca_file", path, self.template, starttls=True, ca_file=path)

    def test_clientCertificate(self) -> None:
        """
        The key may be in the file of the certificate, and must be its key.
        """
        certificate, key = (pem.decode() for pem in makeCertificate())
        _, other = (pem.decode() for pem in makeCertificate())
        both, alone = self.file(certificate + key), self.file(certificate)
        self.template(starttls=True, client_certificate=both)
        self.template(starttls=True, client_certificate=alone, client_key=self.file(key))
        for keyFile, words in (
            (self.file(other), "does not match"),
            (alone, "no PEM private key"),
        ):
            self.assertSentence(
                "client_key",
                words,
                self.template,
                starttls=True,
                client_certificate=alone,
                client_key=keyFile,
            )

    def test_oldVersions(self) -> None:
        """
        Nothing older than TLS 1.2 is offered (RFC 8996), verified or not.
        """
        for settings in (TLSSettings(), TLSSettings(acceptAny=True)):
            assertNothingOld(self, lambda made=settings: made.forHost("ldap.example.com"))

    def test_notUsed(self) -> None:
        """
        A CA file without TLS would verify nothing: that is an error and not silently so.
        """
        self.assertSentence("ca_file", "starttls", self.template, ca_file=self.file("x"))
        self.assertSentence(
            "client_key", "client_certificate", self.template, starttls=True, client_key="x"
        )


class WarningTests(SettingsTestCase):
    """
    What works and should not be.
    """

    def test_none(self) -> None:
        """
        Loopback in clear, and TLS, are fine.
        """
        self.assertEqual(self.template().warnings(), [])
        self.assertEqual(self.template(uris=["ldaps://ldap.example.com"]).warnings(), [])

    def test_readableSecret(self) -> None:
        """
        A secret file that everybody can read works, with a warning.
        """
        secret = self.file("secret", 0o644)
        (warning,) = self.search(bind_dn="cn=x", bind_password_file=secret).warnings()
        self.assertIn("bind_password_file", warning)
        self.assertIn(secret, warning)

    def test_readableKey(self) -> None:
        """
        So does a private key, wherever it is.
        """
        certificate, key = (pem.decode() for pem in makeCertificate())
        both, alone = self.file(certificate + key, 0o644), self.file(certificate, 0o644)
        closed, opened = self.file(key), self.file(key, 0o604)
        for expected, keys in (
            ([], {"client_certificate": alone, "client_key": closed}),
            ([f"client_key: {opened}"], {"client_certificate": alone, "client_key": opened}),
            ([f"client_certificate: {both}"], {"client_certificate": both}),
        ):
            warnings = self.template(starttls=True, **keys).warnings()
            self.assertEqual([w.partition(" is readable")[0] for w in warnings], expected)

    def test_anyCertificate(self) -> None:
        """
        accept_any_certificate is warned about.
        """
        settings = self.template(uris=["ldaps://127.0.0.1"], accept_any_certificate=True)
        (warning,) = settings.warnings()
        self.assertIn("accept_any_certificate", warning)

    def test_clear(self) -> None:
        """
        So are passwords that travel in clear.
        """
        (warning,) = self.template(uris=["ldap://ldap.example.com"]).warnings()
        self.assertIn("in the clear", warning)


class ImportTests(SynchronousTestCase):
    """
    What is imported when.
    """

    def test_withoutLDAP3(self) -> None:
        """
        Settings without a filter are checked without ldap3, and a plugin is only declared: a plugin
        that cannot be imported would show in every twistd on the machine.
        """
        program = (
            "import sys\n"
            "from txjmapaccess.ldap.settings import LDAPSettings\n"
            "from txjmapaccess.ldap.strcred import LDAPCheckerFactory\n"
            f"LDAPSettings(uris=('ldap://127.0.0.1',), bind_dn_template={TEMPLATE!r})\n"
            "sys.exit('ldap3' in sys.modules)\n"
        )
        done = subprocess.run([sys.executable, "-c", program], check=False)
        self.assertEqual(done.returncode, 0)
