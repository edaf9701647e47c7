"""
Programs that fetch mail and put it into a file: offlineimap3, fetchmail, getmail6.
"""

from __future__ import annotations

from tests.interop.attempt import LOGIN, PLAIN, XOAUTH2, Attempt, Client, firstLine
from tests.interop.programs import deliveredTo


class OfflineIMAP(Client):
    """
    offlineimap3.
    """

    name = "offlineimap3"
    program = "offlineimap"
    mechanisms = (LOGIN, PLAIN, XOAUTH2)
    remark = "does not verify the certificate with STARTTLS"

    def version(self) -> str:
        return firstLine("offlineimap", "--version")

    def read(self, attempt: Attempt) -> bytes:
        login = f"remotepassfile = {attempt.write('secret', attempt.secret)}"
        if attempt.mechanism == XOAUTH2:
            login = f"oauth2_access_token = {attempt.secret}"
        configuration = attempt.write(
            "offlineimaprc",
            "[general]",
            "accounts = test",
            f"metadata = {attempt.path('metadata')}",
            "[Account test]",
            "localrepository = near",
            "remoterepository = far",
            "[Repository near]",
            "type = Maildir",
            f"localfolders = {attempt.path('mail')}",
            "[Repository far]",
            "type = IMAP",
            "remotehost = localhost",
            f"remoteport = {attempt.port}",
            f"remoteuser = {attempt.user}",
            login,
            f"ssl = {'no' if attempt.startTLS else 'yes'}",
            f"starttls = {'yes' if attempt.startTLS else 'no'}",
            f"sslcacertfile = {attempt.authority}",
            f"auth_mechanisms = {attempt.mechanism.split()[-1]}",
            "readonly = yes",
        )
        attempt.run("offlineimap", "-c", configuration, "-o", "-u", "basic")
        return deliveredTo(attempt.path("mail/INBOX"))


class Fetchmail(Client):
    """
    fetchmail.
    """

    name = program = "fetchmail"
    mechanisms = (LOGIN,)
    remark = "supports neither PLAIN nor tokens in this version"

    def version(self) -> str:
        # "This is fetchmail release 6.4.37+GSS+NTLM."
        return firstLine("fetchmail", "--version").split()[4].partition("+")[0]

    def read(self, attempt: Attempt) -> bytes:
        password = attempt.secret.replace("\\", "\\\\")
        configuration = attempt.write(
            "fetchmailrc",
            f"poll localhost protocol imap port {attempt.port} auth password",
            f"user '{attempt.user}' password '{password}'",
            "sslproto 'TLS1.2+' sslcertck" + ("" if attempt.startTLS else " ssl"),
            f"sslcertfile {attempt.authority}",
            f'fetchall keep mda "cat >> {attempt.path("saved")}"',
        )
        files = ["--pidfile", attempt.path("pid"), "--idfile", attempt.path("ids")]
        attempt.run("fetchmail", "--fetchmailrc", configuration, "--verbose", *files)
        return attempt.read("saved")


class Getmail(Client):
    """
    getmail6.
    """

    name = "getmail6"
    program = "getmail"
    mechanisms = (LOGIN, XOAUTH2)
    startTLS = False
    remark = "does not support STARTTLS in this version"

    def version(self) -> str:
        return firstLine("getmail", "--version").split()[-1]

    def read(self, attempt: Attempt) -> bytes:
        configuration = attempt.write(
            "getmailrc",
            "[retriever]",
            "type = SimpleIMAPSSLRetriever",
            "server = localhost",
            f"port = {attempt.port}",
            f"username = {attempt.user}",
            f'password_command = ("cat", "{attempt.write("secret", attempt.secret)}")',
            f"ca_certs = {attempt.authority}",
            f"use_xoauth2 = {attempt.mechanism == XOAUTH2}",
            "[destination]",
            "type = MDA_external",
            "path = /usr/bin/tee",
            f'arguments = ("-a", "{attempt.path("saved")}")',
            "allow_root_commands = true",
        )
        attempt.run("getmail", "--getmaildir", attempt.directory, "--rcfile", configuration)
        return attempt.read("saved")
