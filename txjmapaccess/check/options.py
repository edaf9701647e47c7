# -*- test-case-name: tests.check.test_command -*-
"""
The command line of C{txjmapaccess}.
"""

from __future__ import annotations

import re

from twisted.python import usage

from txjmapaccess._version import __version__
from txjmapaccess.errors import ConfigurationError
from txjmapaccess.twistd.options import SettingsOptions


class _VersionOption:
    def opt_version(self) -> None:
        """
        Display the version and exit.
        """
        print(f"txjmapaccess {__version__}")
        raise SystemExit(0)


class CheckOptions(_VersionOption, SettingsOptions):
    """
    The options of C{txjmapaccess check}: those of C{twistd jmapaccess} that override the
    configuration, and its own.

    @ivar directories: the arguments of each C{--auth ldap:}.
    @ivar providers: the arguments of each C{--auth introspection:}.
    """

    synopsis = "--config FILE [--user NAME] [--token] [options]"

    optFlags = [
        ["token", None, "Ask for an access token instead of a password."],
        ["strict", None, "Exit with status 1 on warnings too."],
    ]

    optParameters = [
        ["user", None, None, "Check the login of this user; asks for the password."],
        ["days", None, "14", "Warn this many days before a certificate expires."],
    ]

    longdesc = (
        "Check everything that the configuration names: certificates, directory"
        " servers, introspection endpoint, mail directory, JMAP session URL. Exit status: 0 no"
        " problems, 1 something is wrong, 2 the options or the configuration are unusable."
    )

    def __init__(self) -> None:
        super().__init__()
        self.directories: list[str] = []
        self.providers: list[str] = []

    def opt_auth(self, description: str) -> None:
        """
        A way to check passwords or tokens, see --help-auth; can be repeated, in order.
        """
        super().opt_auth(description)
        authType, _, arguments = description.partition(":")
        found = {"ldap": self.directories, "introspection": self.providers}.get(authType)
        if found is not None:
            found.append(arguments)

    def postOptions(self) -> None:
        """
        Check that there is something to check.
        """
        super().postOptions()
        if not self.given():
            raise usage.UsageError("--config FILE is required, see --help")
        if self["user"] == "":
            raise usage.UsageError("--user needs a name")
        if not re.match(r"[0-9]{1,5}\Z", self["days"]):
            raise usage.UsageError("--days must be a whole number of days")


class CommandLine(_VersionOption, usage.Options):
    """
    The options of C{txjmapaccess}: a command and its options.
    """

    synopsis = "Usage: txjmapaccess"

    longdesc = "Tools for operators of an IMAP server with JMAPACCESS (RFC 9698)."

    subCommands = [["check", None, CheckOptions, "Check a configuration."]]

    def postOptions(self) -> None:
        """
        Check that there is a command.
        """
        if self.subCommand is None:
            raise usage.UsageError("missing command, for example: txjmapaccess check --config FILE")


def parse(arguments: list[str]) -> CheckOptions:
    """
    @raise ConfigurationError: for invalid options, with a sentence.
    """
    options = CommandLine()
    try:
        options.parseOptions(arguments)
    except usage.UsageError as e:
        raise ConfigurationError(str(e)) from None
    checkOptions: CheckOptions = options.subOptions
    return checkOptions
