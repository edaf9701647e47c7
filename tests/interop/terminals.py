# -*- test-case-name: tests.integration.test_clients_tls -*-
"""
Clients for people at a terminal.
"""

from __future__ import annotations

from tests.interop.attempt import (
    LOGIN,
    OAUTHBEARER,
    PLAIN,
    TOKENS,
    XOAUTH2,
    Attempt,
    Client,
    firstLine,
)


class Mutt(Client):
    """
    mutt.
    """

    name = program = "mutt"
    mechanisms = (LOGIN, PLAIN, OAUTHBEARER, XOAUTH2)

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
