# -*- test-case-name: tests.integration.test_clients -*-
"""
Mail clients that others wrote log in to the demonstration and read the sample mail.
"""

from __future__ import annotations

import imaplib
import mailbox
import os
import pty
import re
import shutil
import subprocess
from typing import Any

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest

from tests.support.demo import PASSWORDS, TOKEN, DemoTestCase, run
from txjmapaccess.demo.samplemail import ARNT

#: The mark that mbsync puts into each message that it stores.
_TUID = re.compile(rb"^X-TUID: .*\r?\n", re.MULTILINE)


def _need(program: str) -> None:
    """
    @raise SkipTest: when C{program} is not installed.
    """
    if shutil.which(program) is None:
        raise SkipTest(f"{program} is not installed")


class ClientTestCase(DemoTestCase):
    """
    A test case with a client's files in a directory of its own.
    """

    timeout = 180

    def setUp(self) -> None:
        super().setUp()
        self.directory = os.path.abspath(self.mktemp())
        os.mkdir(self.directory)

    def write(self, name: str, *lines: str) -> str:
        """
        Write a file for the client.

        @return: its name.
        """
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="ascii") as file:
            file.writelines(f"{line}\n" for line in lines)
        os.chmod(path, 0o600)
        return path


class CurlTests(ClientTestCase):
    """
    curl, with each way to log in that it has.
    """

    def setUp(self) -> None:
        _need("curl")
        super().setUp()

    async def fetch(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """
        Fetch the first message of the INBOX.
        """
        done = await run(["curl", "-sv", *arguments, f"{self.imapURL}/INBOX;UID=1"])
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def assertFirst(self, done: subprocess.CompletedProcess[str]) -> None:
        sample = ARNT[0].octets.decode("ascii").replace("\r\n", "\n")
        self.assertEqual(done.stdout.replace("\r\n", "\n"), sample)

    async def test_login(self) -> None:
        """
        AUTHENTICATE LOGIN. (The command LOGIN is what imaplib and mbsync use.)
        """
        done = await self.fetch("-u", "arnt:trondheim", "--login-options", "AUTH=LOGIN")
        self.assertRegex(done.stderr, r"> \S+ AUTHENTICATE LOGIN")
        self.assertFirst(done)

    async def test_plain(self) -> None:
        """
        AUTHENTICATE PLAIN, with an initial response where it is advertised (RFC 4959).
        """
        done = await self.fetch(
            "-u", "arnt:trondheim", "--login-options", "AUTH=PLAIN", "--sasl-ir"
        )
        self.assertRegex(done.stderr, r"> \S+ AUTHENTICATE PLAIN")
        self.assertFirst(done)

    async def test_oauthbearer(self) -> None:
        """
        AUTHENTICATE OAUTHBEARER (RFC 7628).
        """
        done = await self.fetch("-u", "arnt:", "--oauth2-bearer", TOKEN)
        self.assertRegex(done.stderr, r"> \S+ AUTHENTICATE OAUTHBEARER")
        self.assertFirst(done)

    async def test_wrongPassword(self) -> None:
        """
        A wrong password is a login error for curl (67), and it reads nothing.
        """
        done = await run(["curl", "-sv", "-u", "arnt:wrong", f"{self.imapURL}/INBOX;UID=1"])
        self.assertEqual((done.returncode, done.stdout), (67, ""))
        self.assertIn("[AUTHENTICATIONFAILED]", done.stderr)


class ImaplibTests(ClientTestCase):
    """
    Python's imaplib.
    """

    def readAll(self) -> dict[str, list[bytes]]:
        """
        @return: the messages of each mailbox.
        """
        found = {}
        with imaplib.IMAP4("127.0.0.1", self.ports.imap, timeout=60) as client:
            client.login("arnt", PASSWORDS["arnt"])
            for line in client.list()[1]:
                assert isinstance(line, bytes)
                if b"\\Noselect" in line:
                    continue
                name = line.split(b' "/" ')[1].decode("ascii")
                client.select(name, readonly=True)
                fetched: list[Any] = client.fetch("1:*", "(BODY.PEEK[])")[1]
                found[name.strip('"')] = [item[1] for item in fetched if isinstance(item, tuple)]
        return found

    async def test_readAll(self) -> None:
        """
        Each message of each mailbox comes as it was delivered.
        """
        found = await deferToThread(self.readAll)
        expected: dict[str, list[bytes]] = {}
        for sample in ARNT:
            name = sample.mailbox.encode("imap4-utf-7").decode("ascii")
            expected.setdefault(name, []).append(sample.octets)
        self.assertEqual(sorted(found), sorted(expected))
        for name, octets in expected.items():
            self.assertEqual(sorted(found[name]), sorted(octets), name)

    def search(self) -> Any:
        """
        Search, flag, and look.
        """
        with imaplib.IMAP4("127.0.0.1", self.ports.imap, timeout=60) as client:
            client.login("arnt", PASSWORDS["arnt"])
            client.select("INBOX")
            unseen = client.uid("SEARCH", "UNSEEN")
            (uid, *_) = unseen[1][0].split()
            client.uid("STORE", uid, "+FLAGS", r"(\Seen)")
            return len(unseen[1][0].split()), len(client.uid("SEARCH", "UNSEEN")[1][0].split())

    async def test_search(self) -> None:
        """
        Two messages are unread, and one when one was read.
        """
        self.assertEqual(await deferToThread(self.search), (2, 1))


class MuttTests(ClientTestCase):
    """
    mutt, on a terminal.
    """

    def setUp(self) -> None:
        _need("mutt")
        super().setUp()

    def runOnTerminal(self, *command: str) -> None:
        """
        Run a program that wants a terminal to its end.
        """
        master, slave = pty.openpty()
        environment = {**os.environ, "TERM": "vt100", "HOME": self.directory, "LC_ALL": "C.UTF-8"}
        process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, cwd=self.directory, env=environment
        )
        os.close(slave)
        shown = b""
        try:
            # A read fails when the program has ended.
            while chunk := os.read(master, 65536):
                shown += chunk
        except OSError:
            pass
        finally:
            os.close(master)
        self.assertEqual(process.wait(90), 0, shown)

    async def test_read(self) -> None:
        """
        It opens the INBOX and decodes the message with the subject from Cologne.
        """
        saved = os.path.join(self.directory, "saved")
        keys = f"<search>~s Gr..e<enter><pipe-message>cat > {saved}<enter><exit>"
        configuration = self.write(
            "muttrc",
            f'set folder="{self.imapURL}/"',
            'set spoolfile="+INBOX" imap_user="arnt" imap_pass="trondheim"',
            "set ssl_starttls=no ssl_force_tls=no imap_authenticators='plain:login'",
            "set pipe_decode=yes wait_key=no quit=yes charset=utf-8 sort=date",
            "set header_cache='' message_cachedir='' record='' move=no",
            f"push '{keys}'",
        )
        await deferToThread(self.runOnTerminal, "mutt", "-n", "-F", configuration)
        with open(saved, encoding="utf-8") as file:
            text = file.read()
        self.assertIn("Subject: Gr\xfc\xdfe aus K\xf6ln \u2600", text)
        self.assertIn("From: J\xfcrgen M\xfcller <juergen@example.com>", text)
        self.assertIn("Sch\xf6ne Gr\xfc\xdfe vom Rhein!", text)


class MbsyncTests(ClientTestCase):
    """
    mbsync, into a local Maildir.
    """

    def setUp(self) -> None:
        _need("mbsync")
        super().setUp()

    def configuration(self) -> str:
        """
        @return: the name of a configuration file.
        """
        return self.write(
            "mbsyncrc",
            "IMAPAccount demo",
            "Host 127.0.0.1",
            f"Port {self.ports.imap}",
            "User arnt",
            "Pass trondheim",
            "SSLType None",
            "AuthMechs LOGIN",
            "",
            "IMAPStore far",
            "Account demo",
            "",
            "MaildirStore near",
            f"Path {self.directory}/mail/",
            f"Inbox {self.directory}/mail/INBOX",
            "SubFolders Verbatim",
            "",
            "Channel demo",
            "Far :far:",
            "Near :near:",
            "Patterns *",
            "Create Near",
            "Sync Pull",
            "SyncState *",
        )

    async def sync(self) -> None:
        """
        Run it.
        """
        os.makedirs(os.path.join(self.directory, "mail"), exist_ok=True)
        done = await run(["mbsync", "-c", self.configuration(), "demo"])
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def messages(self) -> dict[str, list[bytes]]:
        """
        @return: the messages in the local Maildirs, with CRLF, as they came over the wire.
        """
        found: dict[str, list[bytes]] = {}
        root = os.path.join(self.directory, "mail")
        for path, directories, _ in os.walk(root):
            if "cur" in directories:
                local = mailbox.Maildir(path, create=False)
                octets = [local.get_bytes(key) for key in local.iterkeys()]
                name = os.path.relpath(path, root)
                found[name] = sorted(_TUID.sub(b"", o).replace(b"\r\n", b"\n") for o in octets)
        return found

    async def test_sync(self) -> None:
        """
        Every message of every mailbox arrives as it was delivered; a second run changes nothing.
        """
        expected: dict[str, list[bytes]] = {}
        for sample in ARNT:
            octets = sample.octets.replace(b"\r\n", b"\n")
            name = sample.mailbox.encode("imap4-utf-7").decode("ascii")
            expected.setdefault(name, []).append(octets)
        await self.sync()
        found = self.messages()
        self.assertEqual(found, {name: sorted(o) for name, o in expected.items()})
        await self.sync()
        self.assertEqual(self.messages(), found)
