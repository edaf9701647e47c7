# -*- test-case-name: tests.integration.test_docs_operator -*-
"""
An operator who does what docs/operating.md, docs/ldap.md and docs/migrating.md say, with slapd, TLS
and C{twistd}.
"""

from __future__ import annotations

import re
import shlex
import ssl
import subprocess
import sys
from pathlib import Path

from tests.integration.test_docs import onPage, slapdConf
from tests.integration.test_twistd import TwistdTestCase
from tests.support.ca import CertificateAuthority
from tests.support.docs import read
from tests.support.ports import freePort
from tests.support.sessions import Session
from tests.support.slapd import PEOPLE, Slapd, person, skipWithoutSlapd
from tests.support.twistd import environment

_URL = b"https://mail.example.com/.well-known/jmap"
_TAKEN_OVER = "The settings have been reloaded"

Sections = dict[str, str]


def sections(toml: str) -> Sections:
    """
    @return: the sections of a configuration, by name.
    """
    pieces = re.split(r"^(\[\w+\])\n", toml, flags=re.MULTILINE)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


class OperatorTests(TwistdTestCase):
    """
    From the pages to a server, and from step to step.
    """

    skip = skipWithoutSlapd

    def setUp(self) -> None:
        """
        Have a directory with the access rules, the group and the people of the pages.
        """
        super().setUp()
        authority = CertificateAuthority(self.path("ca"))
        self.trusted = str(authority.path)
        certificate, key = authority.issue("localhost")
        entries, rules, _ = (block.text for block in onPage("docs/ldap.md", "ldif"))
        self.slapd = Slapd(
            person("arnt", "trondheim") + person("bron", "melbourne"),
            ("memberof",),
            f"{slapdConf(rules)}\noverlay memberof\n",
            f"TLSCertificateFile {certificate}\nTLSCertificateKeyFile {key}",
            tls=True,
        )
        self.addCleanup(self.slapd.close)
        self.slapd.modify(re.sub(r"^(dn: .*)$", r"\1\nchangetype: add", entries, flags=re.M))
        self.tlsPort = freePort()
        (operating,) = onPage("docs/operating.md", "toml")
        self.asOnPage = sections(operating.text)
        self.certify()

    def certify(self) -> None:
        """
        Make a certificate as docs/tls.md says.
        """
        (command,) = (b.text for b in onPage("docs/tls.md", "sh") if b.text.startswith("openssl"))
        subprocess.run(
            ["bash", "-e", "-c", command], cwd=self.directory, check=True, capture_output=True
        )
        self.context = ssl.create_default_context(cafile=self.path("certificate.pem"))

    def configured(self, changed: Sections) -> str:
        """
        Write the configuration of docs/operating.md, with some sections in the place of its own,
        for this machine.

        @return: the option.
        """
        text = "".join(f"{name}\n{body}\n" for name, body in {**self.asOnPage, **changed}.items())
        text = re.sub(r"/(?:etc|var/lib)/txjmapaccess/", self.path(""), text)
        for usual, present in (
            ('"tcp:143", "ssl:993"', f'"tcp:{self.port}", "ssl:{self.tlsPort}"'),
            ("uris = ", f'ca_file = "{self.trusted}"\nuris = '),
        ):
            self.assertIn(usual, text)
            text = text.replace(usual, present)
        uris = f'uris = ["ldaps://localhost:{self.slapd.tlsPort}"]'
        return "--config=" + self.write("imap.toml", re.sub("uris = .*", uris, text))

    def verdictOf(self, user: bytes, password: bytes) -> str:
        """
        @return: what a client sees, which logs in over TLS.
        """
        session = Session(self.tlsPort, self.context)
        self.addCleanup(session.close)
        answer = session.command(b"LOGIN " + user + b" " + password)
        isUsable = b" JMAPACCESS]" in answer[-1]
        told = session.ask(b"GETJMAPACCESS")
        if told[-1].startswith(b"t BAD"):
            self.assertFalse(isUsable)
            return "unknown"
        self.assertEqual(b'* JMAPACCESS "' + _URL + b'"', told[0])
        return "usable" if isUsable else "known"

    def verdicts(self) -> tuple[str, str]:
        """
        @return: of arnt, who is in the group, and of bron, who is not.
        """
        return self.verdictOf(b"arnt", b"trondheim"), self.verdictOf(b"bron", b"melbourne")

    def test_operating(self) -> None:
        """
        C{txjmapaccess check} finds nothing wrong but that there is no JMAP server, and the server
        lets people in.
        """
        nowhere = f"http://127.0.0.1:{freePort()}"
        jmap = self.asOnPage["[jmap]"].replace("https://mail.example.com", nowhere)
        option = self.configured({"[jmap]": jmap})
        done = subprocess.run(
            [sys.executable, "-m", "txjmapaccess", "check", option],
            cwd=self.directory,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        wrong = [line for line in done.stdout.splitlines() if line.startswith("WRONG")]
        self.assertEqual([True], ["[jmap] session_url" in line for line in wrong], done.stdout)
        self.start(self.configured({}))
        self.assertEqual(("usable", "usable"), self.verdicts())

    def test_clients(self) -> None:
        """
        The two commands with which docs/operating.md looks at the server show the URL, to who types
        what the page says.
        """
        (page,) = (b.text for b in onPage("docs/operating.md", "sh") if "s_client" in b.text)
        (typed,) = re.findall(r"type `(1 LOGIN arnt)` .*`(2 GET\w+)`", read("docs", "operating.md"))
        self.start(self.configured({}))
        openssl, curl = page.strip().splitlines()
        trust = self.path("certificate.pem")
        for command, keys in (
            (f"{openssl} -CAfile {trust}", f"{typed[0]} trondheim\n{typed[1]}\n3 LOGOUT\n"),
            (f"{curl.replace('-u arnt', '-u arnt:trondheim')} --cacert {trust}", ""),
        ):
            place = command.replace("mail.example.com:993", f"localhost:{self.tlsPort}")
            done = subprocess.run(
                shlex.split(place.replace("mail.example.com", f"localhost:{self.tlsPort}")),
                input=keys.encode(),
                capture_output=True,
                timeout=60,
                check=False,
            )
            self.assertIn(b'* JMAPACCESS "' + _URL + b'"', done.stdout + done.stderr, command)

    def test_migrating(self) -> None:
        """
        Each step of docs/migrating.md is a reload, and has the verdicts that the page promises.
        """
        steps = [sections(block.text) for block in onPage("docs/migrating.md", "toml")]
        expected = [
            ("known", "known"),
            ("usable", "known"),
            ("known", "known"),
            ("unknown", "unknown"),
        ]
        running = self.start(self.configured({}))
        for step, verdicts in zip(steps, expected, strict=True):
            self.configured(step)
            running.hangUp(_TAKEN_OVER)
            self.assertEqual(verdicts, self.verdicts(), step)
        url = _URL.decode()
        self.slapd.modify(
            f"dn: uid=bron,{PEOPLE}\nchangetype: modify\nadd: labeledURI\nlabeledURI: {url} JMAP\n"
        )
        self.assertEqual(("unknown", "usable"), self.verdicts())
        log = Path(self.directory, "log").read_text()
        self.assertIn("bron logged in with LOGIN from 127.0.0.1, JMAP is usable", log)
