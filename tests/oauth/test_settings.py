"""
Tests for L{txjmapaccess.oauth.settings}.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.certificate import makeCertificate
from tests.support.introspection import secretFile
from txjmapaccess.errors import ConfigurationError
from txjmapaccess.oauth.settings import IntrospectionSettings
from txjmapaccess.settings import fromMapping

ENDPOINT = "https://idp.example/introspect"


class SettingsTestCase(SynchronousTestCase):
    """
    Settings with all that is required, and whatever a test wants.
    """

    def makeSettings(self, **keys: Any) -> IntrospectionSettings:
        table = {
            "endpoint": ENDPOINT,
            "client_id": "imapd",
            "client_secret_file": secretFile(self),
            **keys,
        }
        return fromMapping(
            IntrospectionSettings,
            {key: value for key, value in table.items() if value is not None},
            "[introspection] ",
        )

    def assertProblem(self, start: str, **keys: Any) -> None:
        """
        The keys are one problem, and its sentence starts with the name of the key.
        """
        text = str(self.assertRaises(ConfigurationError, self.makeSettings, **keys))
        self.assertTrue(text.startswith("[introspection] " + start), text)
        self.assertNotIn("\n", text)

    def write(self, content: bytes) -> str:
        name = self.mktemp()
        with open(name, "wb") as file:
            file.write(content)
        return name


class KeyTests(SettingsTestCase):
    """
    The keys and what may be in them.
    """

    def test_defaults(self) -> None:
        """
        What is not required has the documented default.
        """
        settings = self.makeSettings()
        self.assertEqual(
            ("basic", "username", 60, 5, False, "", False),
            (
                settings.client_auth,
                settings.username_claim,
                settings.cache_seconds,
                settings.timeout,
                settings.as_password,
                settings.password_prefix,
                settings.end_at_expiry,
            ),
        )
        self.assertEqual(
            ("urn:ietf:params:oauth:scope:mail", "urn:ietf:params:jmap:mail"),
            settings.jmap_scopes,
        )
        self.assertEqual(
            ((), (), ()),
            (settings.imap_scopes, settings.imap_audiences, settings.jmap_audiences),
        )

    def test_endpointOrIssuer(self) -> None:
        """
        One of C{endpoint} and C{issuer} is required, and only one of them may be there.
        """
        self.makeSettings(endpoint=None, issuer="https://idp.example/realms/mail")
        self.assertProblem("endpoint or issuer is required", endpoint=None)
        self.assertProblem(
            "endpoint and issuer are mutually exclusive", issuer="https://idp.example"
        )

    def test_missing(self) -> None:
        """
        The client's name and secret are required.
        """
        self.assertProblem("client_id is missing", client_id=None)
        self.assertProblem("client_secret_file is missing", client_secret_file=None)
        self.assertProblem("client_id is empty", client_id="")

    def test_unknown(self) -> None:
        """
        There is no key for the secret itself: it would be seen in the list of processes.
        """
        self.assertProblem("client_secret: unknown key", client_secret="x")

    def test_urls(self) -> None:
        """
        URLs are https, or http on loopback.
        """
        self.makeSettings(endpoint="http://127.0.0.1:8080/x")
        self.makeSettings(endpoint="http://localhost/x")
        bad = ("http://idp.example/", "idp.example", "", "https://", "https://u:p@idp.example/")
        for url in (*bad, "https://idp.example/#x", "https://idp.example/a b"):
            self.assertProblem("endpoint ", endpoint=url)
            self.assertProblem("issuer ", endpoint=None, issuer=url)
        self.assertProblem("issuer ", endpoint=None, issuer="https://idp.example/?x")

    def test_hostsAndPorts(self) -> None:
        """
        A host is a name or an address that there can be, and a port is not 0.
        """
        for url in ("https://[::1]:1/", "https://a.example./", "https://192.0.2.1/"):
            self.makeSettings(endpoint=url)
        label = "x" * 64
        hosts = ("a..b", "..", "%41", "a_b.example", f"{label}.example", "[fe80::1%25eth0]")
        for host in hosts:
            self.assertProblem("endpoint has a host that", endpoint=f"https://{host}/")
            self.assertProblem("issuer has a host that", endpoint=None, issuer=f"https://{host}/")
        for url in ("https://idp.example:0/", "http://[::1]:0/x"):
            self.assertProblem("endpoint has the invalid port 0", endpoint=url)

    def test_clientNotText(self) -> None:
        """
        A name that came from the command line and is not UTF-8 cannot be sent.
        """
        self.makeSettings(client_id="imäpd")
        self.assertProblem("client_id contains", client_id="im\udce4pd")

    def test_text(self) -> None:
        """
        Control characters, and what is no text, are in no value.
        """
        for illegal in ("a\0", "a\n", "\x7f", "\udce4"):
            for key in ("username_claim", "session_url_claim", "client_id"):
                self.assertProblem(f"{key} contains a control character", **{key: illegal})
            for key in ("imap_scopes", "jmap_scopes", "imap_audiences", "jmap_audiences"):
                self.assertProblem(f"{key} contains a control character", **{key: ["a", illegal]})

    def test_clientAuth(self) -> None:
        """
        C{client_auth} is one of two words.
        """
        self.makeSettings(client_auth="post")
        self.assertProblem("client_auth must be basic or post", client_auth="Basic")

    def test_claims(self) -> None:
        """
        Names of claims are names, or names with dots between them.
        """
        for name in ("", ".", "a.", ".a", "a..b"):
            self.assertProblem("username_claim ", username_claim=name)
            self.assertProblem("session_url_claim ", session_url_claim=name)

    def test_lists(self) -> None:
        """
        Every member of a list is one scope, or one audience. A list of JMAP scopes may be empty.
        """
        self.assertEqual((), self.makeSettings(jmap_scopes=[]).jmap_scopes)
        for key in ("imap_scopes", "jmap_scopes"):
            for scope in ("imap mail", " imap", "imap "):
                self.assertProblem(key, **{key: [scope]})
        for key in ("imap_scopes", "jmap_scopes", "imap_audiences", "jmap_audiences"):
            self.assertProblem(key, **{key: [""]})
            self.assertProblem(key, **{key: "imap"})

    def test_numbers(self) -> None:
        """
        Seconds are numbers that make sense.
        """
        self.assertEqual(0, self.makeSettings(cache_seconds=0).cache_seconds)
        self.assertEqual(0.5, self.makeSettings(timeout=0.5).timeout)
        for value in (-1, float("inf"), float("nan"), "5", True):
            self.assertProblem("cache_seconds must", cache_seconds=value)
            self.assertProblem("timeout must", timeout=value)
        self.assertProblem("timeout must", timeout=0)

    def test_prefixWithoutPasswords(self) -> None:
        """
        A prefix for passwords contradicts that there are none.
        """
        self.makeSettings(as_password=True, password_prefix="tok_")
        self.assertProblem("password_prefix ", password_prefix="tok_")

    def test_impossiblePrefix(self) -> None:
        """
        A prefix that no token can have contradicts that passwords may be tokens.
        """
        self.makeSettings(as_password=True, password_prefix="x" * 1000)
        for prefix in ("two words", "tok_ ", "\t", "tökén", "x\n", "x" * 49_152):
            self.assertProblem("password_prefix contains", as_password=True, password_prefix=prefix)


class FileTests(SettingsTestCase):
    """
    The files that settings name.
    """

    def test_secret(self) -> None:
        """
        The secret is the line of the file, without its end.
        """
        for content in (b"s3c ret", b"s3c ret\n", b"s3c ret\r\n"):
            settings = self.makeSettings(client_secret_file=self.write(content))
            self.assertEqual("s3c ret", settings.clientSecret)

    def test_secretIsNotShown(self) -> None:
        """
        The secret is not in the repr.
        """
        self.assertNotIn("s3cret", repr(self.makeSettings()))

    def test_changedSecret(self) -> None:
        """
        Settings with the same keys and another secret are different settings.
        """
        name = self.write(b"one")
        before = self.makeSettings(client_secret_file=name)
        self.assertEqual(before, self.makeSettings(client_secret_file=name))
        with open(name, "w") as file:
            file.write("two")
        self.assertNotEqual(before, self.makeSettings(client_secret_file=name))

    def test_noSecret(self) -> None:
        """
        A file that is missing, a directory, empty, not text or has several lines is a problem.
        """
        names = ["/nonexistent/secret", "a\0b", "/"]
        names += [self.write(content) for content in (b"", b"\n", b"a\nb\n", b"\xff")]
        for name in names:
            self.assertProblem("client_secret_file ", client_secret_file=name)

    def test_problemsDoNotQuoteTheSecret(self) -> None:
        """
        What is in the file is not in the sentence.
        """
        with self.assertRaises(ConfigurationError) as caught:
            self.makeSettings(client_secret_file=self.write(b"s3cret\ns3cret"))
        self.assertNotIn("s3cret", str(caught.exception))

    def test_authorities(self) -> None:
        """
        C{ca_file} holds one certificate or several.
        """
        bundle = makeCertificate("a.example")[0] + b"# comment\n" + makeCertificate("b.example")[0]
        self.assertIsNotNone(self.makeSettings(ca_file=self.write(bundle)).trustRoot)
        self.assertIsNone(self.makeSettings().trustRoot)

    def test_authoritiesWithoutTLS(self) -> None:
        """
        Authorities contradict an endpoint without TLS. An issuer without it may have an endpoint
        with it.
        """
        bundle = self.write(makeCertificate("a.example")[0])
        url = "http://127.0.0.1/"
        self.makeSettings(ca_file=bundle, endpoint=None, issuer=url)
        self.assertProblem(
            "ca_file is only allowed with an https endpoint", ca_file=bundle, endpoint=url
        )
        self.assertProblem(
            "ca_file is only allowed with an https endpoint",
            ca_file=bundle,
            endpoint="HTTP://[::1]/",
        )

    def test_noAuthorities(self) -> None:
        """
        A file that is missing, or holds no certificate, or a broken one, is a problem.
        """
        broken = b"-----BEGIN CERTIFICATE-----\nbm9uZQ==\n-----END CERTIFICATE-----\n"
        for name in ("/nonexistent/ca.pem", self.write(b"hello"), self.write(broken)):
            self.assertProblem(f"ca_file {name} ", ca_file=name)
