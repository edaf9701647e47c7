# -*- test-case-name: tests.twistd.test_options -*-
"""
The command line of C{twistd jmapaccess}, together with the configuration file.

Bad input ends the process with one sentence on stderr and exit status 1. Twisted's own handling of
L{usage.UsageError} prints the whole help on stdout, and exits with 0 in older versions.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NoReturn

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.strcred import AuthOptionMixin, InvalidAuthType, makeChecker
from twisted.python import usage

from txjmapaccess.checkers import EvidentChecker
from txjmapaccess.errors import ConfigurationError
from txjmapaccess.interfaces import IBearerToken, ICheckerLifecycle
from txjmapaccess.twistd.config import Settings, load

#: Options that override a key of the file: option, section, key.
_OVERRIDES = (
    ("listen", "imap", "listen"),
    ("realm", "imap", "realm"),
    ("session-url", "jmap", "session_url"),
    ("same-identifiers", "jmap", "same_identifiers"),
)


def fail(sentence: object) -> NoReturn:
    """
    End the process after bad input.
    """
    raise SystemExit(f"twistd jmapaccess: {sentence}")


class SettingsOptions(usage.Options, AuthOptionMixin):
    """
    The options that override the configuration file, and its path. C{self["credCheckers"]} has the
    checkers of C{--auth}.
    """

    supportedInterfaces = (IUsernamePassword, IBearerToken)

    optFlags = [
        ["same-identifiers", None, "The JMAP server has the same identifiers as the realm."],
    ]

    optParameters = [
        ["config", None, None, "The configuration file (TOML)."],
        ["realm", None, None, "Where the mail is: maildir:PATH or python:package.module.name."],
        ["session-url", None, None, "The URL of the JMAP session resource."],
    ]

    def __init__(self) -> None:
        super().__init__()
        self["listen"] = []
        self["credCheckers"] = []

    def opt_listen(self, endpoint: str) -> None:
        """
        An endpoint to listen on, such as tcp:143 or ssl:993. Can be repeated.
        """
        self["listen"].append(endpoint)

    def opt_auth(self, description: str) -> None:
        """
        A way to check passwords or tokens, see --help-auth; can be repeated, in order.
        """
        authType, _, arguments = description.partition(":")
        try:
            checker = _makeChecker(description, authType, arguments)
        except InvalidAuthType:
            sentence = f"--auth {authType}: unknown type, see --help-auth"
            raise usage.UsageError(sentence) from None
        except Exception as e:
            # Not the whole description: it may hold a password.
            raise usage.UsageError(f"--auth {authType}: {e}") from None
        if not any(self.supportsInterface(i) for i in checker.credentialInterfaces):
            raise usage.UsageError(f"--auth {authType} checks neither passwords nor tokens")
        # Ours leave evidence of their own.
        ours = ICheckerLifecycle.providedBy(checker)
        self["credCheckers"].append(checker if ours else EvidentChecker(checker, authType))

    def parseArgs(self, *arguments: str) -> None:
        """
        There are none.
        """
        if arguments:
            raise usage.UsageError(f"{arguments[0]}: unexpected argument, see --help")

    def given(self) -> list[str]:
        """
        @return: the names of those of these options that are set.
        """
        given = [option for option, _, _ in _OVERRIDES if self[option]]
        given += ["config"] if self["config"] is not None else []
        return given + (["auth"] if self["credCheckers"] else [])

    def postOptions(self) -> None:
        """
        Make the path of the file absolute.
        """
        if self["config"] is not None:
            # A reload reads the file again, and twistd may have changed the working directory.
            self["config"] = os.path.abspath(self["config"])

    def settings(self) -> Settings:
        """
        Read the configuration file.

        @return: the settings, with the other options applied, and complete.

        @raise ConfigurationError: with a sentence.
        """
        settings = Settings() if self["config"] is None else load(self["config"])
        for option, section, key in _OVERRIDES:
            if self[option]:
                settings = _override(settings, option, section, key, self[option])
        if self["credCheckers"]:
            settings = replace(settings, ldap=None, introspection=None)
        self._checkComplete(settings)
        return settings

    def _checkComplete(self, settings: Settings) -> None:
        where = "" if self["config"] is None else f"{self['config']}: "
        if not settings.imap.listen:
            raise ConfigurationError(f"{where}set [imap] listen, or use --listen")
        if settings.imap.realm is None:
            raise ConfigurationError(f"{where}set [imap] realm, or use --realm")
        if not (settings.ldap or settings.introspection or self["credCheckers"]):
            raise ConfigurationError(
                f"{where}set [ldap] or [introspection], or use --auth: otherwise nobody can log in"
            )
        if settings.jmap.passwords_may_be_tokens and not self._takesTokensAsPasswords(settings):
            raise ConfigurationError(
                f"{where}[jmap] passwords_may_be_tokens requires [introspection] as_password = true"
            )

    def _takesTokensAsPasswords(self, settings: Settings) -> bool:
        if settings.introspection is not None:
            return settings.introspection.as_password
        # Third-party checkers may accept tokens as passwords.
        return any(
            not ICheckerLifecycle.providedBy(checker)
            or {IBearerToken, IUsernamePassword}.issubset(checker.credentialInterfaces)  # type: ignore[attr-defined]
            for checker in self["credCheckers"]
        )


class Options(SettingsOptions):
    """
    The options of C{twistd jmapaccess}.
    """

    optFlags = [
        ["demo", None, "Run a demonstration on loopback: a directory, JMAP, mail and accounts."],
    ]

    longdesc = (
        "An IMAP server that tells its clients about JMAP (JMAPACCESS, RFC 9698) when their"
        " credentials work there. Options override the configuration file; any --auth"
        " replaces its [ldap] and [introspection]."
    )

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """
        @raise SystemExit: with a sentence, instead of
            L{twisted.python.usage.UsageError}.
        """
        try:
            super().parseOptions(options)
        except usage.UsageError as e:
            fail(e)

    def postOptions(self) -> None:
        """
        Check that the options go together.
        """
        given = self.given()
        if self["demo"] and given:
            raise usage.UsageError(f"--demo and --{given[0]} do not go together")
        if not self["demo"] and not given:
            raise usage.UsageError("either --demo or --config FILE is required, see --help")
        super().postOptions()


def _makeChecker(description: str, authType: str, arguments: str) -> Any:
    """
    @return: the checker of a plugin, with what Twisted's own two plugins leave to be done.
    """
    isReadable = os.path.isfile(arguments) and os.access(arguments, os.R_OK)
    if authType == "file" and not isReadable:
        # Twisted warns on stderr, and then refuses every login.
        raise ConfigurationError(f"{arguments} is not a readable file")
    checker = makeChecker(description)
    if type(checker) is InMemoryUsernamePasswordDatabaseDontUse:
        # Twisted puts str there and compares it with the octets of the client.
        if not checker.users:
            raise ConfigurationError("no users: use name:password")
        checker.users = {_octets(name): _octets(word) for name, word in checker.users.items()}
    return checker


def _octets(text: str | bytes) -> bytes:
    return text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text


def _override(settings: Settings, option: str, section: str, key: str, value: Any) -> Settings:
    value = tuple(value) if isinstance(value, list) else value
    value = bool(value) if key == "same_identifiers" else value
    try:
        changed = replace(getattr(settings, section), **{key: value})
    except ConfigurationError as e:
        raise ConfigurationError(str(e).replace(key, f"--{option}", 1)) from None
    return replace(settings, **{section: changed})
