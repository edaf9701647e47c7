# -*- test-case-name: tests.twistd.test_config -*-
"""
The configuration file.
"""

from __future__ import annotations

import builtins
import errno
import re
from dataclasses import fields
from pathlib import Path
from textwrap import dedent

from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.errors import ConfigurationError
from txjmapaccess.imap.settings import EXTENSIONS
from txjmapaccess.ldap.settings import LDAPSettings
from txjmapaccess.oauth.settings import IntrospectionSettings
from txjmapaccess.twistd.config import (
    IMAPSettings,
    JMAPSettings,
    LimitSettings,
    Settings,
    load,
    parse,
)


class ParseTests(SynchronousTestCase):
    """
    L{parse}: TOML in, settings out.
    """

    def test_empty(self) -> None:
        """
        An empty file is one with all defaults.
        """
        self.assertEqual(parse(""), Settings())

    def test_defaults(self) -> None:
        """
        The defaults are those that are documented.
        """
        settings = parse("")
        self.assertEqual(
            settings.imap, IMAPSettings((), None, None, None, True, (), False), "[imap]"
        )
        self.assertEqual(
            settings.limits,
            LimitSettings(3, 1.0, 20, 300.0, 10000, 50, 60.0, ("127.0.0.0/8", "::1")),
            "[imap.limits]",
        )
        self.assertEqual(settings.jmap, JMAPSettings(None, False, True, True, False, False))
        self.assertEqual(settings.log.format, "text")
        self.assertIsNone(settings.metrics.listen)
        self.assertIsNone(settings.ldap)
        self.assertIsNone(settings.introspection)

    def test_everyKey(self) -> None:
        """
        Every key of [imap], [imap.limits], [jmap], [log] and [metrics] arrives where it belongs.
        """
        settings = parse(
            dedent(
                """
                [imap]
                listen = ["tcp:143", "ssl:993"]
                realm = "maildir:/var/mail"
                certificate = "cert.pem"
                private_key = "key.pem"
                require_tls = false
                proxy_protocol_from = ["192.0.2.0/24", "2001:db8::1"]
                proxy_protocol_tls = true
                [imap.limits]
                failures_per_connection = 1
                refusal_seconds = 0
                failures_per_address = 2
                window = 3.5
                connections = 4
                unauthenticated_per_address = 5
                login_seconds = 6
                exempt = []
                [jmap]
                session_url = "https://mail.example.com/jmap/{user}"
                same_identifiers = true
                passwords = false
                tokens = false
                passwords_may_be_tokens = true
                debugging = true
                [log]
                format = "json"
                [metrics]
                listen = "tcp:9100"
                """
            )
        )
        networks = ("192.0.2.0/24", "2001:db8::1")
        self.assertEqual(
            settings.imap,
            IMAPSettings(
                ("tcp:143", "ssl:993"),
                "maildir:/var/mail",
                "cert.pem",
                "key.pem",
                False,
                networks,
                True,
            ),
        )
        self.assertEqual(settings.limits, LimitSettings(1, 0.0, 2, 3.5, 4, 5, 6.0, ()))
        url = "https://mail.example.com/jmap/{user}"
        self.assertEqual(settings.jmap, JMAPSettings(url, True, False, False, True, True))
        self.assertEqual(settings.log.format, "json")
        self.assertEqual(settings.metrics.listen, "tcp:9100")

    def test_sectionsOfCheckers(self) -> None:
        """
        Every key of [ldap] and [introspection] is accepted, with the default that is documented.
        """
        secret = self.mktemp()
        with open(secret, "w") as file:
            file.write("secret\n")
        settings = parse(
            dedent(
                f"""
                [ldap]
                uris = ["ldap://127.0.0.1"]
                bind_dn_template = "uid={{user}},ou=people,dc=example,dc=com"
                [introspection]
                issuer = "https://id.example.com"
                client_id = "imap"
                client_secret_file = "{secret}"
                """
            )
        )
        ldap, introspection = settings.ldap, settings.introspection
        assert ldap is not None and introspection is not None
        self.assertEqual(
            {f.name: getattr(ldap, f.name) for f in fields(ldap) if f.init},
            {
                "uris": ("ldap://127.0.0.1",),
                "bind_dn_template": "uid={user},ou=people,dc=example,dc=com",
                "connections": 4,
                "timeout": 5,
                "cache_seconds": 0,
                **dict.fromkeys(["round_robin", "starttls", "accept_any_certificate"], False),
                **dict.fromkeys(["ca_file", "client_certificate", "client_key"]),
                **dict.fromkeys(["search_base", "search_filter", "bind_dn", "bind_password_file"]),
                **dict.fromkeys(["username_attribute", "jmap_filter", "session_url_attribute"]),
            },
        )
        self.assertEqual(
            {f.name: getattr(introspection, f.name) for f in fields(introspection) if f.init},
            {
                "endpoint": None,
                "issuer": "https://id.example.com",
                "client_id": "imap",
                "client_secret_file": secret,
                "client_auth": "basic",
                "ca_file": None,
                "username_claim": "username",
                "imap_scopes": (),
                "imap_audiences": (),
                "jmap_scopes": ("urn:ietf:params:oauth:scope:mail", "urn:ietf:params:jmap:mail"),
                "jmap_audiences": (),
                "session_url_claim": None,
                "cache_seconds": 60.0,
                "timeout": 5.0,
                "as_password": False,
                "password_prefix": "",
                "end_at_expiry": False,
            },
        )

    def assertComplaint(self, text: str, sentence: str) -> None:
        """
        Assert that C{text} is refused with exactly C{sentence}.
        """
        error = self.assertRaises(ConfigurationError, parse, text)
        self.assertEqual(str(error), sentence)

    def test_unknownKey(self) -> None:
        """
        An unknown key is named with its section, and with the known one that looks like it.
        """
        self.assertComplaint(
            "[imap]\nlistne = []", "[imap] listne: unknown key; did you mean listen?"
        )
        self.assertComplaint(
            "[imap.limits]\nwidnow = 1",
            "[imap.limits] widnow: unknown key; did you mean window?",
        )

    def test_unknownSection(self) -> None:
        """
        So is an unknown section, and a key outside all sections.
        """
        self.assertComplaint("[jamp]\na = 1", "[jamp]: unknown section; did you mean jmap?")
        self.assertComplaint("zzz = 1", "[zzz]: unknown section")

    def test_sectionThatIsNone(self) -> None:
        """
        A section must be a table.
        """
        self.assertComplaint("imap = 1", "imap must be a section: [imap]")
        self.assertComplaint("[imap]\nlimits = 1", "imap.limits must be a section: [imap.limits]")
        self.assertComplaint("[[jmap]]", "jmap must be a section: [jmap]")

    def test_wrongType(self) -> None:
        """
        A value of the wrong type is answered with the right one.
        """
        self.assertComplaint(
            '[imap]\nlisten = "tcp:143"', "[imap] listen must be a list of strings"
        )
        self.assertComplaint("[imap]\nlisten = [143]", "[imap] listen must be a list of strings")
        self.assertComplaint("[jmap]\ntokens = 1", "[jmap] tokens must be true or false")
        self.assertComplaint(
            "[imap.limits]\nconnections = 1.5", "[imap.limits] connections must be a whole number"
        )
        self.assertComplaint("[metrics]\nlisten = 9100", "[metrics] listen must be a string")

    def test_wrongValue(self) -> None:
        """
        So is a value that has no meaning.
        """
        self.assertComplaint('[log]\nformat = "xml"', "[log] format must be text or json")
        self.assertComplaint(
            "[imap.limits]\nwindow = 0", "[imap.limits] window must be a number greater than 0"
        )
        self.assertComplaint(
            "[imap.limits]\nlogin_seconds = nan",
            "[imap.limits] login_seconds must be a number greater than 0",
        )
        self.assertComplaint(
            "[imap.limits]\nrefusal_seconds = -1",
            "[imap.limits] refusal_seconds must be 0 or more",
        )
        self.assertComplaint(
            '[imap]\nextensions_off = ["id", "IDLE"]',
            f"[imap] extensions_off has 'IDLE', which is none of {', '.join(EXTENSIONS)}",
        )
        self.assertComplaint(
            '[imap]\nproxy_protocol_from = ["10.0.0.1/8"]',
            "[imap] proxy_protocol_from contains a value that is not a network:"
            " 10.0.0.1/8 has host bits set",
        )
        self.assertComplaint(
            '[imap]\nprivate_key = "key.pem"', "[imap] private_key requires certificate"
        )

    def test_sessionURL(self) -> None:
        """
        The session URL must be absolute and https, or http on loopback (RFC 9698, section 6:
        credentials are sent there).
        """
        parse('[jmap]\nsession_url = "http://127.0.0.1:8080/jmap"')
        self.assertComplaint(
            '[jmap]\nsession_url = "http://mail.example.com/"',
            "[jmap] session_url must be https: http is only for loopback addresses",
        )

    def test_notTOML(self) -> None:
        """
        What is not TOML is refused with the place of the first mistake.
        """
        error = self.assertRaises(ConfigurationError, parse, "[imap]\nlisten\n")
        self.assertIn("invalid TOML: ", str(error))
        self.assertIn("line 2", str(error))
        self.assertNotIn("\n", str(error))


class LoadTests(SynchronousTestCase):
    """
    L{load}: files that cannot be read.
    """

    def complaint(self, path: str) -> str:
        """
        @return: the sentence about C{path}.
        """
        return str(self.assertRaises(ConfigurationError, load, path))

    def write(self, content: bytes) -> str:
        """
        @return: the path of a file with C{content}.
        """
        path = self.mktemp()
        with open(path, "wb") as file:
            file.write(content)
        return path

    def test_missing(self) -> None:
        """
        A missing file is named.
        """
        self.assertEqual(
            self.complaint("/nosuch/file"), "/nosuch/file cannot be read: No such file or directory"
        )

    def test_directory(self) -> None:
        """
        So is a directory.
        """
        self.assertEqual(self.complaint("/"), "/ cannot be read: Is a directory")

    def test_unreadable(self) -> None:
        """
        So is a file that may not be read.
        """
        path = self.write(b"")

        # The superuser may read every file, so the answer to somebody else is made up.
        def refuse(*args: object, **kw: object) -> None:
            raise PermissionError(errno.EACCES, "Permission denied")

        self.patch(builtins, "open", refuse)
        self.assertEqual(self.complaint(path), f"{path} cannot be read: Permission denied")

    def test_notUTF8(self) -> None:
        """
        TOML is UTF-8.
        """
        path = self.write(b"\xff")
        self.assertEqual(self.complaint(path), f"{path} is not a TOML file: not UTF-8")

    def test_complaintNamesTheFile(self) -> None:
        """
        A complaint about the content starts with the file's name.
        """
        path = self.write(b"[log]\nformat = 1")
        self.assertEqual(self.complaint(path), f"{path}: [log] format must be a string")


class DocumentationTests(SynchronousTestCase):
    """
    docs/configuration.md.
    """

    def documented(self) -> dict[str, list[str]]:
        """
        @return: the keys of the tables under each heading.
        """
        text = (
            Path(__file__)
            .parent.parent.parent.joinpath("docs", "configuration.md")
            .read_text("utf-8")
        )
        keys: dict[str, list[str]] = {}
        for heading, body in re.findall(r"^## (\[.*?)\n(.*?)(?=^## |\Z)", text, re.M | re.S):
            cells = re.findall(r"^\| (`.*?) \|", body, re.M)
            keys[heading] = [key for cell in cells for key in re.findall(r"`(\w+)`", cell)]
        return keys

    def test_everyKey(self) -> None:
        """
        It has every key and no other.
        """
        sections = {
            "[imap]": IMAPSettings,
            "[imap.limits]": LimitSettings,
            "[jmap]": JMAPSettings,
            "[ldap]": LDAPSettings,
            "[introspection]": IntrospectionSettings,
        }
        documented = self.documented()
        for heading, settings in sections.items():
            keys = {f.name for f in fields(settings) if f.init}  # type: ignore[arg-type]
            self.assertEqual(set(documented.pop(heading)), keys, heading)
        self.assertEqual(documented, {"[log], [metrics]": ["format", "listen"]})
