# -*- test-case-name: tests.test_redaction -*-
"""
What the log says about exceptions of other people's code.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import quopri
import time
from urllib.parse import quote, quote_plus

from twisted.cred.error import LoginDenied, UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.credentials import BearerToken, UsernamePassword
from txjmapaccess.errors import Refused, TemporaryFailure
from txjmapaccess.redaction import presented, redactedReason, safeText, traced

PASSWORD = 'Tr0nd"h€im & <é>/\\ñ'
_OCTETS = PASSWORD.encode("utf-8")


class SafeTextTests(SynchronousTestCase):
    """
    L{safeText}.
    """

    secrets = presented(UsernamePassword(b"arnt@example.com", _OCTETS))

    def assertHidden(self, text, secrets=None):
        """
        C{text} may not be shown.
        """
        for shown in (text, f"no login: {text}, sorry", f"x={text}"):
            found = safeText(RuntimeError(shown), secrets or self.secrets)
            self.assertIsNone(found, shown)

    def test_shown(self):
        """
        A text that has nothing of it is shown, on one line.
        """
        for text in (
            "not on Sundays",
            "connection to server at 10.1.2.3, port 5432 failed",
            "the account is locked\nuntil 12:30",
            "[Errno 111] Connection refused",
            "",
        ):
            shown = safeText(RuntimeError(text), self.secrets)
            self.assertEqual(shown, text.replace("\n", " "))

    def test_shortSecrets(self):
        """
        A secret of a few letters is found, but not where there is none.
        """
        for password in (b"u", b"pw", b"xyz"):
            secrets = presented(UsernamePassword(b"", password))
            composite = base64.b64encode(b"\0\0" + password).decode("ascii")
            for text in (password.decode("ascii"), password.hex(), composite):
                self.assertHidden(text, secrets)
            self.assertEqual(safeText(RuntimeError("not on a Friday"), secrets), "not on a Friday")

    def test_encodings(self):
        """
        The password is found in whichever way it is written.
        """
        composite = b"\0arnt@example.com\0" + _OCTETS
        for text in (
            PASSWORD,
            PASSWORD.upper(),
            PASSWORD.replace(" ", ""),
            _OCTETS.decode("latin-1"),
            repr(PASSWORD),
            repr(_OCTETS),
            ascii(PASSWORD),
            json.dumps({"password": PASSWORD}),
            json.dumps(json.dumps({"password": PASSWORD})),
            quote(PASSWORD),
            quote_plus(PASSWORD),
            quote(quote(PASSWORD, safe="")),
            html.escape(PASSWORD),
            _OCTETS.hex(),
            _OCTETS.hex(":"),
            _OCTETS.hex(" ").upper(),
            str(list(_OCTETS)),
            quopri.encodestring(_OCTETS).decode("ascii"),
            PASSWORD.encode("utf-16-le").hex(),
            *(
                encode(data).decode("ascii")
                for data in (_OCTETS, composite)
                for encode in (base64.b64encode, base64.urlsafe_b64encode)
            ),
            base64.b64encode(composite).decode("ascii").rstrip("="),
            base64.b64encode(base64.b64encode(composite)).decode("ascii"),
            hashlib.md5(_OCTETS).hexdigest(),
            base64.b64encode(hashlib.sha256(_OCTETS).digest()).decode("ascii"),
        ):
            self.assertHidden(text)

    def test_part(self):
        """
        So is a part of it, of some length; and one letter, if that is all of it.
        """
        self.assertHidden(PASSWORD[2:9])
        self.assertHidden("eyJhbGciOiJI...", presented(BearerToken("eyJhbGciOiJIUzI1NiJ9.x.y")))
        self.assertHidden("a", presented(UsernamePassword(b"", b"a")))

    def test_name(self):
        """
        The name that was typed is left out: it may be a password that went into the wrong field.
        Where it is written in another way, the text is not shown.
        """
        shown = safeText(RuntimeError("there is no arnt@example.com here"), self.secrets)
        self.assertEqual(shown, "there is no (user) here")
        self.assertHidden("ARNT@EXAMPLE.COM")
        self.assertHidden("a", presented(UsernamePassword(b"a", b"")))

    def test_unknown(self):
        """
        Without knowing what was presented, no text is shown; nor is a very long one, nor one with
        control characters.
        """
        self.assertIsNone(safeText(RuntimeError("x"), None))
        self.assertIsNone(safeText(RuntimeError("x" * 1000), self.secrets))
        self.assertIsNone(safeText(RuntimeError("\x1b[2J"), self.secrets))
        self.assertIsNone(safeText(RuntimeError("x"), presented(BearerToken("x1" * 9000))))

    def test_cannotBeText(self):
        """
        An exception that cannot be made a text is not shown.
        """

        class Odd(Exception):
            def __str__(self):
                raise ValueError

        self.assertIsNone(safeText(Odd(), self.secrets))

    def test_refusalsOnly(self):
        """
        Of an exception that is no refusal, no text is shown at all: it may hold any secret of the
        server. Our own say why themselves.
        """
        for error, reason in (
            (UnauthorizedLogin("not on Sundays"), "UnauthorizedLogin: not on Sundays"),
            (UnauthorizedLogin(f"not with {PASSWORD}"), "UnauthorizedLogin"),
            (UnauthorizedLogin(), "UnauthorizedLogin"),
            (LoginDenied("locked"), "LoginDenied: locked"),
            (OSError("not on Sundays"), "OSError"),
            (Refused("locked"), "locked"),
            (TemporaryFailure("down"), "down"),
        ):
            self.assertEqual(redactedReason(Failure(error), self.secrets), reason)

    def test_otherCredentials(self):
        """
        Of credentials that somebody else made, all that they hold is a secret.
        """

        class Challenger:
            def __init__(self):
                self.response = b"0123456789abcdef"

        self.assertHidden("0123456789ABCDEF", presented(Challenger()))

    def test_quick(self):
        """
        Looking for the largest secret takes no longer than a turn of the reactor may.
        """
        secrets = presented(BearerToken("".join(map(str, range(1100)))))
        text = "".join(chr(97 + n % 26) + "%41" for n in range(75))
        self.assertEqual(len(text), 300)
        started = time.process_time()
        safeText(RuntimeError(text), secrets)
        self.assertLess(time.process_time() - started, 0.25)


class TracedTests(SynchronousTestCase):
    """
    L{traced}.
    """

    def fail(self):
        """
        Fail, with a local variable.
        """
        hidden = "hunter2"
        raise KeyError(hidden and "trondheim")

    def test_places(self):
        """
        It names the files, the lines and the functions, and shows neither source nor variables.
        """
        try:
            try:
                self.fail()
            except KeyError as e:
                raise RuntimeError("no such table") from e
        except RuntimeError:
            text = traced(Failure())
        self.assertEqual(text.splitlines()[0], "builtins.RuntimeError")
        self.assertIn("\nbuiltins.KeyError\n", text)
        self.assertIn(f'  File "{__file__}", line ', text)
        self.assertIn(", in fail\n", text + "\n")
        for hidden in ("trondheim", "no such table", "hunter2", "raise", "hidden"):
            self.assertNotIn(hidden, text)

    def test_deferred(self):
        """
        The places are there after Deferreds as well.
        """
        deferred = Deferred()
        deferred.addCallback(lambda _: self.fail())
        deferred.addErrback(lambda failure: failure)

        async def wait():
            await deferred

        waiting = Deferred.fromCoroutine(wait())
        deferred.callback(None)
        text = traced(self.failureResultOf(waiting))
        self.assertIn(", in fail\n", text + "\n")

    def test_circle(self):
        """
        Exceptions that are each other's cause are named once.
        """
        one, other = ValueError("one"), ValueError("other")
        one.__cause__, other.__cause__ = other, one
        self.assertEqual(traced(Failure(one)), "builtins.ValueError\nbuiltins.ValueError")
