# -*- test-case-name: tests.integration.test_clients_tls -*-
"""
Clients for people at a terminal.
"""

from __future__ import annotations

import os
from urllib.parse import quote

from tests.interop.attempt import (
    LOGIN,
    OAUTHBEARER,
    PLAIN,
    SASL_LOGIN,
    TOKENS,
    XOAUTH2,
    Attempt,
    Client,
    firstLine,
)


class Mutt(Client):
    """
    mutt. What it calls "login" is the mechanism, wherever that is offered.
    """

    name = program = "mutt"
    mechanisms = (SASL_LOGIN, PLAIN, OAUTHBEARER, XOAUTH2)
    remark = "uses the LOGIN command only if AUTH=LOGIN is not offered"

    def version(self) -> str:
        return firstLine(self.program, "-v").split()[1]

    def read(self, attempt: Attempt) -> bytes:
        secret = attempt.write("secret", attempt.secret)
        scheme = "imap" if attempt.startTLS else "imaps"
        login = [f"set imap_pass='{attempt.secret}'"]
        if attempt.mechanism in TOKENS:
            login = [f"set imap_oauth_refresh_command='cat {secret}'"]
        configuration = attempt.write(
            "muttrc",
            f'set folder="{scheme}://localhost:{attempt.port}/" spoolfile="+INBOX"',
            f'set imap_user="{attempt.user}"',
            f"set imap_authenticators='{attempt.mechanism.split()[-1].lower()}'",
            *login,
            f'set ssl_starttls=yes ssl_force_tls=yes certificate_file="{attempt.authority}"',
            "set header_cache='' message_cachedir='' record='' move=no",
            "set pipe_decode=yes wait_key=no quit=yes sleep_time=0",
            f"push '<pipe-message>cat > {attempt.path('saved')}<enter><exit>'",
        )
        # What it asks about an unknown certificate is answered with "reject".
        shown = attempt.runOnTerminal([self.program, "-n", "-F", configuration], [b"r"])
        return attempt.read("saved") or shown


class Neomutt(Mutt):
    """
    neomutt, which has most of its configuration in common with mutt.
    """

    name = program = "neomutt"
    longestToken = 400
    remark = (
        "uses the LOGIN command only if AUTH=LOGIN is not offered; this version's OAUTHBEARER"
        " cannot send a token of 650 octets (the other clients sent one of 974)"
    )


class Alpine(Client):
    """
    alpine. It takes the best mechanism that it has and that it was not told to leave alone.
    """

    name = program = "alpine"
    mechanisms = (LOGIN, SASL_LOGIN, PLAIN)
    remark = (
        "obtains tokens by itself, from providers that it knows: OAUTHBEARER and XOAUTH2 were not"
        " tried"
    )

    def version(self) -> str:
        return firstLine("alpine", "-v").split()[1]

    def read(self, attempt: Attempt) -> bytes:
        disabled = {LOGIN: "PLAIN,LOGIN", SASL_LOGIN: "PLAIN", PLAIN: "LOGIN"}[attempt.mechanism]
        kind = "tls" if attempt.startTLS else "ssl"
        configuration = attempt.write(
            "pinerc",
            "personal-name=Arnt",
            "user-domain=example.com",
            f"inbox-path={{localhost:{attempt.port}/{kind}/user={attempt.user}}}INBOX",
            f"disable-these-authenticators=CRAM-MD5,XOAUTH2,OAUTHBEARER,{disabled}",
            "feature-list=quit-without-confirm,enable-full-header-cmd",
            "last-version-used=9.99",
        )
        typed = [
            *(attempt.secret.encode("ascii") + b"\r", b"n"),  # Not to be remembered.
            *(b"i", b"\r", b"e", attempt.path("saved").encode("ascii") + b"\r", b"q", b"y"),
        ]
        shown = attempt.runOnTerminal(["alpine", "-p", configuration, "-i"], typed)
        return attempt.read("saved") or shown


class Aerc(Client):
    """
    aerc.
    """

    name = program = "aerc"
    mechanisms = (LOGIN, OAUTHBEARER, XOAUTH2)

    def version(self) -> str:
        return firstLine("aerc", "-v").split()[1]

    def read(self, attempt: Attempt) -> bytes:
        scheme = "imap" if attempt.startTLS else "imaps"
        if attempt.mechanism in TOKENS:
            scheme += "+" + attempt.mechanism.split()[-1].lower()
        secret = quote(attempt.secret, safe="")
        os.makedirs(attempt.path(".config/aerc"))
        attempt.write(
            ".config/aerc/accounts.conf",
            "[test]",
            f"source = {scheme}://{attempt.user}:{secret}@localhost:{attempt.port}",
            "from = Arnt <arnt@example.com>",
            "default = INBOX",
        )
        keys = [f":pipe -bm tee {attempt.path('saved')}\r".encode("ascii"), b":quit\r"]
        shown = attempt.runOnTerminal(["aerc"], keys, seconds=15)
        return attempt.read("saved") or shown
