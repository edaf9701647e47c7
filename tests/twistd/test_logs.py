# -*- test-case-name: tests.twistd.test_logs -*-
"""
Log events as lines.
"""

from __future__ import annotations

import io
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import Logger, LogLevel, textFileLogObserver
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.credentials import LoginRecord
from txjmapaccess.errors import Refused
from txjmapaccess.imap import loginlog
from txjmapaccess.twistd.logs import FIELDS, jsonLine, textLine
from txjmapaccess.verdict import Known, Reason

#: Text as it is in a log: lines of what can be printed.
PRINTABLE = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]) | st.sampled_from("\n\t{}"))
#: Of the clock, which has microseconds.
TIMES = st.none() | st.integers(0, 4 * 10**15).map(lambda microseconds: microseconds / 1e6)
LEVELS = st.none() | st.sampled_from(list(LogLevel.iterconstants()))


class Secretive:
    """
    What may be in a field of an event.
    """

    def __repr__(self) -> str:
        return "hunter2"


def failure() -> Failure:
    """
    @return: one with a traceback.
    """
    try:
        raise ValueError("it went wrong")
    except ValueError:
        return Failure()


def twistedsLine(event: dict[str, Any]) -> str:
    """
    @return: what Twisted writes of an event.
    """
    written = io.StringIO()
    textFileLogObserver(written)(event)
    return written.getvalue()


def parsed(event: dict[str, Any]) -> Any:
    """
    @return: the object in the line of an event, which must be one line.
    """
    line = jsonLine(event)
    assert line is not None
    assert line.isascii() and line.index("\n") == len(line) - 1, line
    return json.loads(line, parse_constant=refuse)


def refuse(name: str) -> None:
    """
    There is no NaN and no Infinity in JSON.
    """
    raise AssertionError(name)


def whole(text: str) -> str:
    """
    @return: C{text} with U+FFFD for every half of a character.
    """
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def ours(**fields: Any) -> dict[str, Any]:
    """
    @return: an event of this package with C{fields}.
    """
    return {
        "log_format": "text",
        "log_namespace": "txjmapaccess.x",
        "log_time": 1700000000.25,
        "log_level": LogLevel.info,
        **fields,
    }


class Unreadable:
    """
    What cannot be shown.
    """

    def __str__(self) -> str:
        raise ValueError("no")

    __repr__ = __str__


class TextTests(SynchronousTestCase):
    """
    L{textLine}.
    """

    @given(PRINTABLE, PRINTABLE, TIMES, LEVELS, st.none() | st.sampled_from(["a", "b-c"]))
    def test_asTwisted(
        self, pattern: str, value: str, when: float | None, level: Any, system: str | None
    ) -> None:
        """
        The line of an event that can be formatted is Twisted's.
        """
        event = {"log_format": "{value}" + pattern.replace("{", "{{").replace("}", "}}")}
        event |= {"value": value, "log_namespace": "some.where", "log_time": when}
        event |= {"log_level": level, "log_system": system}
        self.assertEqual(textLine(event) or "", twistedsLine(event))
        event["log_format"] = value.replace("{", "").replace("}", "")
        self.assertEqual(textLine(event) or "", twistedsLine(event))

    def test_empty(self) -> None:
        """
        Of an event without text there is no line.
        """
        for event in ({}, {"log_format": ""}, {"log_format": None}):
            self.assertIsNone(textLine(event))
            self.assertEqual(twistedsLine(event), "")

    def test_traceback(self) -> None:
        """
        A failure has its traceback, as Twisted has it, with or without a text.
        """
        for pattern in ("A {what} failed", "", None):
            event = ours(log_format=pattern, what="command", log_failure=failure())
            self.assertIn("it went wrong", textLine(event) or "")
            self.assertEqual(textLine(event), twistedsLine(event))

    def test_noTraceback(self) -> None:
        """
        What is called a failure and is none does no harm.
        """
        line = textLine(ours(log_failure=Secretive())) or ""
        self.assertIn("\tThere is no traceback of Secretive: AttributeError\n", line)
        self.assertNotIn("hunter2", line)

    def test_bytes(self) -> None:
        """
        A format of octets is taken as Twisted takes it.
        """
        event = ours(log_format=b"a {b}", b=1)
        self.assertEqual(textLine(event), twistedsLine(event))
        self.assertIn(" a 1\n", textLine(event) or "")

    def test_unformattable(self) -> None:
        """
        An event that cannot be formatted is one line without its fields, unlike Twisted's.
        """
        for pattern in ("{missing} of {", "{password.nothing}", 17, b"\xff", "{bad}"):
            event = ours(log_format=pattern, password="hunter2", other=Secretive())
            event["bad"] = Unreadable()
            line = textLine(event) or ""
            self.assertIn(" An event cannot be formatted: ", line)
            self.assertNotIn("hunter2", line)
            self.assertEqual(line.count("\n"), 1)

    def test_controls(self) -> None:
        """
        Nothing in an event ends its line, steers a terminal, or cannot be written as UTF-8.
        """
        text = "a\x1b[2Jb\rc\x85d\u2028e\x7ff\udc80g\ud800h\ti\nj\0"
        line = textLine(ours(log_format="{text}", text=text)) or ""
        self.assertIn(r" a\x1b[2Jb\rc\x85d\u2028e\x7ff\udc80g\ud800h", line)
        self.assertTrue(line.endswith("h\ti\n\tj\\x00\n"))
        self.assertEqual(len(line.splitlines()), 2)
        line.encode("utf-8")

    def test_system(self) -> None:
        """
        No system can end the line or spoil it.
        """
        self.assertIn(r"['a\nb']", textLine(ours(log_system="a\nb")) or "")
        self.assertIn("[UNFORMATTABLE]", textLine(ours(log_system=Unreadable())) or "")


class JSONTests(SynchronousTestCase):
    """
    L{jsonLine}.
    """

    def test_login(self) -> None:
        """
        The line of a login has every field of its event.
        """
        events: list[Any] = []
        self.patch(loginlog, "_log", Logger("txjmapaccess.imap.loginlog", observer=events.append))
        verdict = Known("https://mail.example.com/", Reason.SCOPE)
        record = LoginRecord("ada", "PLAIN", verdict, 0.0)
        loginlog.logAccepted(7, "192.0.2.1", record, 0.5, 0.25)
        loginlog.logRefused(8, "192.0.2.2", "LOGIN", Failure(Refused("no entry")), 0.5)
        accepted, refused = (parsed(event) for event in events)
        del accepted["time"], refused["time"]
        self.assertEqual(
            accepted,
            {
                "level": "info",
                "system": "txjmapaccess.imap.loginlog",
                "text": "ada logged in with PLAIN from 192.0.2.1, JMAP is known: The access token"
                " does not cover the JMAP server (connection 7, 0.500 s)",
                "event": "login",
                "result": "accepted",
                "connection": 7,
                "address": "192.0.2.1",
                "mechanism": "PLAIN",
                "username": "ada",
                "verdict": "known",
                "reason": "The access token does not cover the JMAP server",
                "seconds": 0.5,
                "checking": 0.25,
            },
        )
        self.assertEqual(
            refused["text"],
            "A login from 192.0.2.2 was refused: no entry (LOGIN, connection 8, 0.500 s)",
        )
        self.assertEqual((refused["result"], refused["reason"]), ("refused", "no entry"))

    @given(st.text(), st.text(), TIMES)
    def test_anyText(self, text: str, name: str, when: float | None) -> None:
        """
        Whatever the text is, it is one line of JSON in ASCII. Half a character is U+FFFD; all
        others arrive.
        """
        found = parsed(ours(log_format="{t} ", t=text, event="x", username=name, log_time=when))
        self.assertEqual(found["username"], whole(name))
        self.assertEqual(found["text"], whole(f"{text} "))

    def test_surrogates(self) -> None:
        """
        Octets of a name that are no UTF-8 come as U+FFFD; characters beyond 16 bits stay.
        """
        found = parsed(ours(event="login", username="\udcffa\U0001f600"))
        self.assertEqual(found["username"], "\ufffda\U0001f600")

    def test_time(self) -> None:
        """
        The time is that of RFC 3339, in UTC, with milliseconds.
        """
        self.assertEqual(parsed(ours())["time"], "2023-11-14T22:13:20.250Z")
        self.assertIsNone(parsed(ours(log_time=None))["time"])

    def test_traceback(self) -> None:
        """
        A traceback is a field of its own.
        """
        found = parsed(ours(log_format="A command failed", log_failure=failure()))
        self.assertEqual(found["text"], "A command failed")
        self.assertIn("ValueError: it went wrong", found["traceback"])
        self.assertEqual(parsed(ours(log_format="", log_failure=failure()))["text"], "")

    def test_empty(self) -> None:
        """
        Of an event without text there is no line.
        """
        self.assertIsNone(jsonLine({}))
        self.assertIsNone(jsonLine(ours(log_format=None, event="login")))

    def test_foreignFields(self) -> None:
        """
        Only the fields of our own events get through, and only those that are described.
        """
        secret = {"password": "hunter2", "token": "hunter2", "secret": Secretive()}
        for event in (
            ours(event="login", **secret),
            ours(username="hunter2"),
            ours(log_namespace="other", event="login", username="hunter2"),
            ours(log_namespace="txjmapaccessories", event="login", username="hunter2"),
            ours(log_namespace=None, event="login", username="hunter2"),
            ours(event="login", username=Secretive(), reason=[Secretive()], **secret),
            ours(log_format="{nothing.of.it}", event="login", **secret),
        ):
            line = jsonLine(event) or ""
            self.assertNotIn("hunter2", line)
            self.assertLessEqual(set(parsed(event)), {"time", "level", "system", "text", *FIELDS})

    def test_numbers(self) -> None:
        """
        Numbers that JSON has not, and other objects, are named by their class.
        """
        event = ours(event="x", seconds=float("nan"), checking=float("-inf"), reason=Secretive())
        event |= {"connection": 1 << 70, "result": True, "username": None}
        found = parsed(event)
        self.assertEqual((found["seconds"], found["checking"]), ("float", "float"))
        self.assertEqual((found["reason"], found["connection"]), ("Secretive", 1 << 70))
        self.assertIs(found["result"], True)
        self.assertIsNone(found["username"])
