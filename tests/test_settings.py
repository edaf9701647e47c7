# -*- test-case-name: tests.test_settings -*-
"""
Tests for L{txjmapaccess.settings}.
"""

from __future__ import annotations

from dataclasses import dataclass

from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.errors import ConfigurationError
from txjmapaccess.settings import fromArguments, fromMapping, problem


@dataclass(frozen=True)
class Sample:
    """
    Settings of every type.
    """

    uris: tuple[str, ...]
    connections: int = 4
    seconds: float = 1.0
    starttls: bool = False
    name: str | None = None

    def __post_init__(self) -> None:
        if self.connections < 1:
            raise problem("connections", "must be at least 1")


class MappingTests(SynchronousTestCase):
    """
    Values that have their types already.
    """

    def test_values(self):
        """
        Lists become tuples, whole numbers numbers, defaults stay.
        """
        self.assertEqual(fromMapping(Sample, {"uris": [], "name": None}), Sample(()))
        made = fromMapping(Sample, {"uris": ["a", "b"], "seconds": 2, "name": "n"})
        self.assertEqual(made, Sample(("a", "b"), 4, 2.0, False, "n"))

    def test_problems(self):
        """
        One sentence that names the table and the key.
        """
        for values, sentence in (
            ({}, "[x] uris is missing"),
            ({"uris": "a"}, "[x] uris must be a list of strings"),
            ({"uris": [1]}, "[x] uris must be a list of strings"),
            ({"uris": [], "connections": "4"}, "[x] connections must be a whole number"),
            ({"uris": [], "connections": True}, "[x] connections must be a whole number"),
            ({"uris": [], "seconds": "1"}, "[x] seconds must be a number"),
            ({"uris": [], "seconds": 10**400}, "[x] seconds must be a number"),
            ({"uris": [], "starttls": 1}, "[x] starttls must be true or false"),
            ({"uris": [], "name": []}, "[x] name must be a string"),
            ({"uris": None}, "[x] uris must be a list of strings"),
            ({"uris": [], "connections": None}, "[x] connections must be a whole number"),
            ({"uris": [], "connections": 0}, "[x] connections must be at least 1"),
            (
                {"uris": [], "startls": True},
                "[x] startls: unknown key; did you mean starttls?",
            ),
            ({"uris": [], "xyz": True}, "[x] xyz: unknown key"),
        ):
            error = self.assertRaises(ConfigurationError, fromMapping, Sample, values, "[x] ")
            self.assertEqual(str(error), sentence)


class ArgumentTests(SynchronousTestCase):
    """
    The argument string of a plugin.
    """

    def test_values(self):
        """
        C{key=value}, with C{:} and C{\\} escaped, as in endpoint strings.
        """
        made = fromArguments(
            Sample, r"uris=ldap\://a,ldap\://b:connections=7:seconds=0.5:starttls=true:name=a\\b=c"
        )
        self.assertEqual(made, Sample(("ldap://a", "ldap://b"), 7, 0.5, True, "a\\b=c"))

    def test_problems(self):
        """
        One sentence that names the key.
        """
        for arguments, sentence in (
            ("", "uris is missing"),
            ("uris", "an argument does not have the form key=value"),
            ("uris=a:uris=b", "uris is set twice"),
            ("uris=a:connections=x", "connections must be a whole number"),
            ("uris=a:seconds=x", "seconds must be a number"),
            ("uris=a:starttls=yes", "starttls must be true or false"),
            ("uris=a:connection=1", "connection: unknown key; did you mean connections?"),
        ):
            error = self.assertRaises(ConfigurationError, fromArguments, Sample, arguments)
            self.assertEqual(str(error), sentence)
