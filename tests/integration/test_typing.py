# -*- test-case-name: tests.integration.test_typing -*-
"""
Type checkers on code that uses this package: C{mypy --strict}, without a plugin or ignores.
"""

from __future__ import annotations

import atexit
import functools
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest import skipIf

from twisted.trial.unittest import SynchronousTestCase

from tests.support.paths import ROOT

_MISSING = [name for name in ("mypy", "mypy_zope") if importlib.util.find_spec(name) is None]
skipWithoutMypy = "mypy and mypy-zope (types of zope.interface) are not installed"

USER = '''
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import ServerFactory
from twisted.mail.imap4 import IMAP4Server
from zope.interface import implementer

from txjmapaccess import JMAPAccessIMAP4Server, JMAPAccessMixin, extendFactory
from txjmapaccess.checkers import EvidentChecker, chain
from txjmapaccess.credentials import (
    Authentication,
    Evidence,
    Secret,
    UsernamePassword,
    leaveEvidence,
)
from txjmapaccess.errors import Refused, TokenRefused
from txjmapaccess.interfaces import (
    ICapabilityProvider,
    ICheckerLifecycle,
    IJMAPAccessPolicy,
    IObjectIDAccount,
    IObjectIDMailbox,
    IObjectIDMessage,
    IObjectIDSearch,
    IPollableMailbox,
    IRealmFactory,
    ITokenAdvice,
)
from txjmapaccess.jmap import JMAPResource
from txjmapaccess.limits import Limits
from txjmapaccess.objectid import ObjectIDIndex
from txjmapaccess.policy import EvidencePolicy, SharedCredentials
from txjmapaccess.verdict import Known, Reason, Unknown, Usable, Verdict

URL = "https://mail.example.com/.well-known/jmap"


class Server(JMAPAccessMixin, IMAP4Server):
    jmapAccessPolicy = SharedCredentials(URL)


class TheirServer(IMAP4Server):
    """
    What other people override, with types of their own.
    """

    IDENT = b"Theirs"
    timeOut = 90
    POSTAUTH_TIMEOUT = 3600

    def authenticateLogin(self, user: bytes, passwd: bytes) -> Deferred[object]:
        raise NotImplementedError

    def capabilities(self) -> dict[bytes, list[bytes] | None]:
        return {b"IDLE": None, b"AUTH": [b"PLAIN"]}

    def listCapabilities(self) -> list[bytes]:
        return [b"IMAP4rev1"]

    def connectionMade(self) -> None:
        self.sendLine(b"* OK")

    def lineReceived(self, line: bytes) -> None:
        print(line)

    def sendLine(self, line: bytes) -> None:
        print(line)

    def timeoutConnection(self) -> None:
        print("too late")

    def do_LOGIN(self, tag: bytes, user: bytes, passwd: bytes) -> None:
        print(tag)

    def do_NOOP(self, tag: bytes) -> bool:
        return True

    def do_CAPABILITY(self, tag: bytes) -> None:
        print(tag)

    def do_XTHEIRS(self, tag: bytes) -> None:
        print(tag)

    auth_XTHEIRS = (do_XTHEIRS,)


class TheirServerWithJMAP(JMAPAccessMixin, TheirServer):
    jmapAccessPolicy = EvidencePolicy(URL, tokens=False)
    debugging = True
    limits = Limits()


class OurServer(JMAPAccessIMAP4Server):
    def do_NOOP(self, tag: bytes) -> Deferred[None]:
        self.sendPositiveResponse(tag, b"NOOP completed")
        return succeed(None)

    def do_COPY(self, tag: bytes, messages: object, name: bytes, uid: int = 0) -> object:
        return super().do_COPY(tag, messages, name, uid)

    def capabilities(self) -> dict[bytes, Any]:
        return {**super().capabilities(), b"X": None}

    def createIdentified(self, name: str) -> Deferred[Any]:
        return super().createIdentified(name.lower())

    def messagesExpunged(self, sequences: Iterable[int]) -> None:
        super().messagesExpunged(sorted(sequences))


@implementer(IJMAPAccessPolicy)
class StaffPolicy:
    def decide(self, authentication: Authentication) -> Verdict:
        if authentication.secret is not Secret.TOKEN:
            return Known(URL, Reason.PASSWORDS)
        return Usable(URL) if authentication.username == "arnt" else Unknown()


@implementer(IJMAPAccessPolicy)
class AsyncPolicy:
    async def decide(self, authentication: Authentication) -> Usable:
        return Usable(URL)


@implementer(IJMAPAccessPolicy)
class UsablePolicy:
    def decide(self, authentication: Authentication) -> Deferred[Usable]:
        return succeed(Usable(URL))


@implementer(IJMAPAccessPolicy)
class SlowPolicy:
    def decide(self, authentication: Authentication) -> Deferred[Verdict]:
        return succeed(Unknown())


class Server3(JMAPAccessMixin, IMAP4Server):
    jmapAccessPolicy = StaffPolicy()


class Server4(JMAPAccessMixin, IMAP4Server):
    jmapAccessPolicy = AsyncPolicy()


class Server5(JMAPAccessMixin, IMAP4Server):
    jmapAccessPolicy = UsablePolicy()


@implementer(ICapabilityProvider)
class Quota:
    def capabilities(self, connection: JMAPAccessMixin) -> Mapping[bytes, Sequence[bytes] | None]:
        return {} if connection.loginRecord is None else {b"QUOTA": [b"RES-STORAGE"], b"X": None}


@implementer(IObjectIDAccount)
class Account:
    def getAccountID(self) -> str:
        return "A1"


@implementer(IObjectIDMailbox, IObjectIDSearch, IPollableMailbox)
class Mailbox:
    def getMailboxID(self) -> Deferred[str]:
        return succeed("F1")

    def searchEmailID(self, emailID: str) -> Iterable[int]:
        return [1]

    def searchThreadID(self, threadID: str) -> Deferred[list[int]]:
        return succeed([1])

    def poll(self) -> Deferred[None]:
        return succeed(None)


@implementer(IObjectIDMessage)
class Message:
    def getEmailID(self) -> str:
        return "M1"

    def getThreadID(self) -> str | None:
        return None


@implementer(ICredentialsChecker, ICheckerLifecycle, ITokenAdvice)
class TableChecker:
    credentialInterfaces = (IUsernamePassword,)

    def requestAvatarId(self, credentials: UsernamePassword) -> Deferred[bytes | tuple[()]]:
        if not credentials.checkPassword(b"trondheim"):
            raise Refused("another password")
        leaveEvidence(credentials, Evidence("arnt", "table", Reason.NOT_ALLOWED))
        return succeed(b"arnt")

    def start(self) -> None:
        pass

    def close(self) -> Deferred[None]:
        return succeed(None)

    def advise(self, refusal: TokenRefused) -> TokenRefused:
        return refusal


@implementer(IRealmFactory)
class RealmFactory:
    realmType = "ours"
    realmHelp = "Ours."
    argStringFormat = "DIRECTORY"
    inventsIdentifiers = False

    def generateRealm(self, argstring: str) -> IRealm:
        raise NotImplementedError


checkers = chain([EvidentChecker(TableChecker(), "table"), TableChecker()])
index = ObjectIDIndex("/var/lib/mail/objectids", sharedWithJMAP=True)
factory: ServerFactory = extendFactory(
    ServerFactory(),
    StaffPolicy(),
    objectIDs=index,
    limits=Limits(exempt=["127.0.0.0/8"]),
    capabilityProviders=[Quota()],
    requireTLS=True,
    debugging=True,
)
'''

#: Lines to be added, each with a word of what mypy says to it.
WRONG = [
    ('Known(URL, "no reason")', "Reason"),
    ("SharedCredentials(URL, password=True)", "password"),
    ("SharedCredentials(5)", "incompatible type"),
    ("ObjectIDIndex(5)", "incompatible type"),
    ("extendFactory(ServerFactory(), URL)", "incompatible type"),
    ("extendFactory(ServerFactory(), EvidencePolicy)", "incompatible type"),
    ("extendFactory(StaffPolicy(), ServerFactory())", "incompatible type"),
    (
        'class Wrong1(JMAPAccessMixin, IMAP4Server):\n    jmapAccessPolicy = "shared"',
        "Policy | None",
    ),
    (
        "class Wrong2(JMAPAccessMixin, IMAP4Server):\n    jmapAccessPolicy = Quota()",
        "Policy | None",
    ),
    ("Evidence()", "username"),
]

#: What mypy finds with the plugin for zope interfaces only.
WRONG_IMPLEMENTERS = """

@implementer(IJMAPAccessPolicy)
class NoPolicy:
    def decide(self, authentication: Authentication) -> str:
        return URL


@implementer(IObjectIDAccount)
class NoAccount:
    def getAccountID(self) -> bytes:
        return b"A1"
"""


@functools.lru_cache(maxsize=1)
def directory() -> Path:
    """
    @return: a place outside of the checkout, for all tests because of mypy's cache, that is removed
        at the end of the process.
    """
    made = tempfile.mkdtemp(prefix="txjmapaccess-typing-")
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return Path(made)


@skipIf(_MISSING, skipWithoutMypy)
class TypingTests(SynchronousTestCase):
    """
    mypy, on a module of a user.
    """

    def errors(self, text: str, settings: str = "[mypy]\nstrict = True\n") -> list[str]:
        """
        @return: what mypy says about a module.
        """
        for name, content in (("user.py", text), ("mypy.ini", settings)):
            (directory() / name).write_text(content)
        done = subprocess.run(
            [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "user.py"],
            cwd=directory(),
            env={**os.environ, "MYPYPATH": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(done.stderr, "")
        return [line for line in done.stdout.splitlines() if ": error: " in line]

    def test_right(self) -> None:
        """
        A subclass with the mixin, also of a server that overrides much with types of its own; each
        of our interfaces implemented; the factory, the checkers, the index: no error.
        """
        self.assertEqual(self.errors(USER), [])
        self.assertNotIn("ignore", USER)

    def test_wrong(self) -> None:
        """
        What cannot work is an error.
        """
        start = USER.count("\n") + 1
        text, expected = USER, {}
        for number, (lines, word) in enumerate(WRONG):
            text += f"{lines}\n"
            expected[start + lines.count("\n")] = (number, word)
            start += lines.count("\n") + 1
        found = self.errors(text)
        for line, (number, word) in expected.items():
            said = [each for each in found if each.startswith(f"user.py:{line}:")]
            self.assertTrue(any(word in each for each in said), (WRONG[number], said))
        self.assertEqual(len({each.split(":")[1] for each in found}), len(WRONG), found)

    def test_plugin(self) -> None:
        """
        With mypy-zope implementers of our interfaces are checked.
        """
        settings = "[mypy]\nstrict = True\nplugins = mypy_zope:plugin\n"
        found = self.errors(USER + WRONG_IMPLEMENTERS, settings)
        first = USER.count("\n")
        self.assertEqual([each for each in found if int(each.split(":")[1]) <= first], [])
        for word in ("decide", "getAccountID"):
            self.assertTrue(any(f'"{word}"' in each for each in found), (word, found))

    def test_marker(self) -> None:
        """
        The package says that it has types (PEP 561), and its interfaces ignore nothing.
        """
        self.assertTrue((ROOT / "txjmapaccess" / "py.typed").exists())
        self.assertNotIn("ignore", (ROOT / "txjmapaccess" / "interfaces.py").read_text())
