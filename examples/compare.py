#!/usr/bin/env python3
"""
Verify JMAPACCESS (RFC 9698): log in over IMAP, ask where the JMAP server is, log in there with the
same credentials, and compare the identifiers of every mailbox (MAILBOXID) and every message
(EMAILID, THREADID) over both protocols.

Without arguments, it uses the demo (twistd -n jmapaccess --demo). Exit status: 0 if both sides
agree, 1 if they do not, 2 if they could not be compared.
"""

from __future__ import annotations

import argparse
import base64
import getpass
import imaplib
import json
import re
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import urljoin, urlsplit

CORE = "urn:ietf:params:jmap:core"
MAIL = "urn:ietf:params:jmap:mail"

DEMO_SERVER = "imap://127.0.0.1:1143"
DEMO_USER = "arnt"
DEMO_PASSWORD = "trondheim"


class CannotCompare(Exception):
    """
    The comparison is not possible. The text is a sentence.
    """


# What is compared


@dataclass
class Mailbox:
    """
    @ivar name: what people call it; the two protocols need not agree.
    @ivar emails: the THREADID of each EMAILID; C{None} where the server has no threads.
    """

    name: str
    emails: dict[str, str | None] = field(default_factory=dict)


#: An account as one protocol shows it: mailboxes by MAILBOXID.
View = dict[str, Mailbox]


def differences(imap: View, jmap: View) -> list[str]:
    """
    @return: a sentence for each identifier that is not the same on both sides.
    """
    found = []
    for mailboxID in sorted(imap.keys() | jmap.keys()):
        if mailboxID not in jmap:
            found.append(f"mailbox {imap[mailboxID].name} ({mailboxID}) is not in JMAP")
        elif mailboxID not in imap:
            found.append(f"mailbox {jmap[mailboxID].name} ({mailboxID}) is not in IMAP")
        else:
            found.extend(_inMailbox(imap[mailboxID], jmap[mailboxID]))
    return found


def _inMailbox(imap: Mailbox, jmap: Mailbox) -> Iterator[str]:
    for emailID in sorted(imap.emails.keys() | jmap.emails.keys()):
        if emailID not in jmap.emails:
            yield f"{imap.name}: message {emailID} is not in JMAP"
        elif emailID not in imap.emails:
            yield f"{imap.name}: message {emailID} is not in IMAP"
        else:
            inIMAP, inJMAP = imap.emails[emailID], jmap.emails[emailID]
            # NIL promises nothing (RFC 8474, section 5.2).
            if inIMAP is not None and inIMAP != inJMAP:
                yield f"{imap.name}: message {emailID} is in thread {inIMAP} or {inJMAP}"


# IMAP


_LIST = re.compile(rb'\(([^)]*)\) (?:"(?:[^"\\]|\\.)*"|NIL) (.*)', re.DOTALL)
_MAILBOXID = re.compile(rb"\bMAILBOXID \(([^)\s]+)\)", re.IGNORECASE)
_EMAILID = re.compile(rb"\bEMAILID \(([^)\s]+)\)", re.IGNORECASE)
_THREADID = re.compile(rb"\bTHREADID (?:\(([^)\s]+)\)|NIL)", re.IGNORECASE)


def _succeeded(result: tuple[str, list[Any]], command: str) -> list[Any]:
    status, data = result
    if status != "OK":
        text = (data[0] or b"").decode("utf-8", "replace") if data else ""
        raise CannotCompare(f"IMAP answered {status} to {command}: {text}")
    return data


def readIMAP(connection: imaplib.IMAP4) -> View:
    """
    @param connection: logged in.

    @return: what IMAP shows. Deleted messages are left out: JMAP does not have them (RFC 8621,
        section 4.1.1).
    """
    view: View = {}
    for name in mailboxNames(connection):
        status = _succeeded(connection.status(name, "(MAILBOXID)"), f"STATUS {name}")
        match = _MAILBOXID.search(status[0])
        if match is None:
            raise CannotCompare(f"IMAP gave no MAILBOXID for {name}")
        mailbox = Mailbox(name.strip('"'))
        _readMessages(connection, name, mailbox)
        view[match.group(1).decode("ascii")] = mailbox
    return view


def mailboxNames(connection: imaplib.IMAP4) -> list[str]:
    """
    @return: the names of the mailboxes that can be selected, as they stand in LIST, in quotes.
    """
    names = []
    for line in _succeeded(connection.list(), "LIST"):
        # A name with odd characters in it may come as a literal.
        attributes, name = _listed(line)
        if b"\\noselect" not in attributes.lower() and b"\\nonexistent" not in attributes.lower():
            names.append(name)
    return names


def _listed(line: Any) -> tuple[bytes, str]:
    head, literal = line if isinstance(line, tuple) else (line or b"", None)
    match = _LIST.match(head)
    if match is None:
        raise CannotCompare(f"IMAP sent an invalid LIST response: {line!r}")
    if literal is None:
        name = match.group(2).decode("ascii")
        return match.group(1), name if name.startswith('"') else f'"{name}"'
    escaped = literal.decode("ascii").replace("\\", "\\\\").replace('"', '\\"')
    return match.group(1), f'"{escaped}"'


def _readMessages(connection: imaplib.IMAP4, name: str, mailbox: Mailbox) -> None:
    count = _succeeded(connection.select(name, readonly=True), f"EXAMINE {name}")
    if int(count[0]) == 0:
        return
    fetched = connection.uid("FETCH", "1:*", "(FLAGS EMAILID THREADID)")
    for line in _succeeded(fetched, "UID FETCH"):
        email, thread = _EMAILID.search(line), _THREADID.search(line)
        if email is None or thread is None:
            raise CannotCompare(f"IMAP gave no EMAILID or THREADID in {name}: {line!r}")
        if b"\\deleted" not in line.lower():
            threadID = thread.group(1)
            mailbox.emails[email.group(1).decode("ascii")] = (
                None if threadID is None else threadID.decode("ascii")
            )


def askJMAPAccess(connection: imaplib.IMAP4) -> tuple[bool, str | None]:
    """
    @return: whether JMAPACCESS is advertised, and the URL that GETJMAPACCESS gives, if any.
    """
    capabilities = _succeeded(connection.capability(), "CAPABILITY")[0].upper().split()
    try:
        status, _ = connection.xatom("GETJMAPACCESS")
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error:
        # imaplib raises this for BAD.
        status = "BAD"
    if status != "OK":
        return b"JMAPACCESS" in capabilities, None
    _, urls = connection.response("JMAPACCESS")
    if len(urls) != 1 or not re.fullmatch(rb'"[!#-\[\]-~]+"', urls[0] or b""):
        raise CannotCompare(f"IMAP sent an invalid response to GETJMAPACCESS: {urls!r}")
    return b"JMAPACCESS" in capabilities, urls[0].decode("ascii").strip('"')


# JMAP


class _SameOrigin(urllib.request.HTTPRedirectHandler):
    """
    Follows redirections, and takes the credentials to the same origin only.
    """

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, url: str
    ) -> Any:
        redirected = super().redirect_request(req, fp, code, msg, headers, url)
        origin = urlsplit(req.full_url)[:2]
        if redirected is not None and urlsplit(redirected.full_url)[:2] == origin:
            authorization = req.unredirected_hdrs["Authorization"]
            redirected.add_unredirected_header("Authorization", authorization)
        return redirected


class JMAP:
    """
    A JMAP account.

    @param sessionURL: the URL of the session resource.
    @param authorization: the value of the Authorization field.
    @param context: how to do TLS.

    @ivar accountID: the user's mail account.
    """

    def __init__(
        self, sessionURL: str, authorization: str, context: ssl.SSLContext | None = None
    ) -> None:
        handler = urllib.request.HTTPSHandler(context=context)
        self._opener = urllib.request.build_opener(handler, _SameOrigin)
        self._authorization = authorization
        session = self._ask(sessionURL)
        self._apiURL = urljoin(sessionURL, session["apiUrl"])
        self._most = session["capabilities"][CORE]["maxObjectsInGet"]
        self.accountID = session["primaryAccounts"][MAIL]

    def _ask(self, url: str, body: Any = None) -> Any:
        checkURL(url)
        data = None if body is None else json.dumps(body).encode("ascii")
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
        request.add_unredirected_header("Authorization", self._authorization)
        with self._opener.open(request, timeout=30) as response:
            return json.load(response)

    def call(self, name: str, **arguments: Any) -> Any:
        """
        Call one method.

        @return: the arguments of the response.
        """
        call = [name, {"accountId": self.accountID, **arguments}, "0"]
        answer = self._ask(self._apiURL, {"using": [CORE, MAIL], "methodCalls": [call]})
        answered, result, _ = answer["methodResponses"][0]
        if answered != name:
            raise CannotCompare(f"JMAP answered {name} with {result.get('type')}")
        return result

    def emails(self, mailboxID: str) -> Iterator[Mapping[str, Any]]:
        """
        @return: id and threadId of each Email in a mailbox.
        """
        position = 0
        while True:
            # In the order of arrival, so that new mail does not shift the pages.
            ids = self.call(
                "Email/query",
                filter={"inMailbox": mailboxID},
                sort=[{"property": "receivedAt"}],
                position=position,
                limit=self._most,
            )["ids"]
            if not ids:
                return
            yield from self.call("Email/get", ids=ids, properties=["id", "threadId"])["list"]
            position += len(ids)


def readJMAP(jmap: JMAP) -> View:
    """
    @return: what JMAP shows.
    """
    view: View = {}
    for mailbox in jmap.call("Mailbox/get", ids=None, properties=["id", "name"])["list"]:
        emails = {email["id"]: email["threadId"] for email in jmap.emails(mailbox["id"])}
        view[mailbox["id"]] = Mailbox(mailbox["name"], emails)
    return view


def checkURL(url: str) -> None:
    """
    @raise CannotCompare: for a URL that must not get credentials.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and isLoopback(parts.hostname)):
        raise CannotCompare(f"{url} is neither https nor on this machine")


def isLoopback(host: str | None) -> bool:
    """
    @return: whether C{host} is this machine.
    """
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False


# Credentials


@dataclass(frozen=True)
class Credentials:
    """
    The same for both protocols: a user name and a password, or an access token.
    """

    user: str
    secret: str = field(repr=False)
    isToken: bool = False

    def logIn(self, connection: imaplib.IMAP4) -> None:
        """
        Log in over IMAP.

        @raise CannotCompare: if they are refused.
        """
        try:
            if self.isToken:
                # RFC 7628, section 3.1.
                message = f"n,,\x01auth=Bearer {self.secret}\x01\x01".encode()
                connection.authenticate("OAUTHBEARER", lambda _: message)
            else:
                plain = f"\0{self.user}\0{self.secret}".encode()
                connection.authenticate("PLAIN", lambda _: plain)
        except imaplib.IMAP4.error:
            raise CannotCompare("IMAP refused these credentials") from None

    def authorization(self) -> str:
        """
        @return: the value of the Authorization field of HTTP.
        """
        if self.isToken:
            return f"Bearer {self.secret}"
        return "Basic " + base64.b64encode(f"{self.user}:{self.secret}".encode()).decode("ascii")


def connect(url: str, context: ssl.SSLContext) -> imaplib.IMAP4:
    """
    @param url: C{imaps://HOST[:PORT]}, or C{imap://HOST[:PORT]}: with STARTTLS, unless it is this
        machine.
    """
    parts = urlsplit(url)
    if parts.scheme == "imaps" and parts.hostname:
        return imaplib.IMAP4_SSL(parts.hostname, parts.port or 993, ssl_context=context, timeout=30)
    if parts.scheme != "imap" or not parts.hostname:
        raise CannotCompare(
            f"{url} does not have the form imap://HOST[:PORT] or imaps://HOST[:PORT]"
        )
    connection = imaplib.IMAP4(parts.hostname, parts.port or 143, timeout=30)
    if not isLoopback(parts.hostname):
        connection.starttls(context)
    return connection


# The command


def main(arguments: list[str] | None = None) -> int:
    """
    @return: the exit status.
    """
    options = _options().parse_args(arguments)
    try:
        return _compare(options, _credentials(options))
    except (CannotCompare, OSError, imaplib.IMAP4.error) as problem:
        print(f"Cannot compare: {problem}", file=sys.stderr)
    except (KeyError, TypeError, ValueError) as problem:
        print(f"Cannot compare, invalid response: {problem!r}", file=sys.stderr)
    return 2


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().split("\n\n")[0])
    parser.add_argument(
        "--imap", metavar="URL", default=DEMO_SERVER, help="imaps:// or imap://HOST[:PORT]"
    )
    parser.add_argument("--user", metavar="NAME", help="asks for the password if there is no file")
    parser.add_argument("--password-file", metavar="FILE")
    parser.add_argument(
        "--token-file", metavar="FILE", help="an access token (OAUTHBEARER, Bearer)"
    )
    parser.add_argument("--session-url", metavar="URL", help="instead of that of GETJMAPACCESS")
    parser.add_argument("--ca-file", metavar="FILE", help="certificates to trust")
    return parser


def _credentials(options: argparse.Namespace) -> Credentials:
    if options.token_file is not None:
        return Credentials("the token's user", _firstLine(options.token_file), isToken=True)
    if options.user is None and options.password_file is None:
        return Credentials(DEMO_USER, DEMO_PASSWORD)
    user = options.user or getpass.getuser()
    if options.password_file is not None:
        return Credentials(user, _firstLine(options.password_file))
    return Credentials(user, getpass.getpass(f"Password of {user}: "))


def _firstLine(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.readline().rstrip("\r\n")


def _compare(options: argparse.Namespace, credentials: Credentials) -> int:
    context = ssl.create_default_context(cafile=options.ca_file)
    connection = connect(options.imap, context)
    try:
        credentials.logIn(connection)
        isAdvertised, url = askJMAPAccess(connection)
        print(f"IMAP: {credentials.user} at {options.imap}")
        print(f"      JMAPACCESS is {'' if isAdvertised else 'not '}advertised")
        print(f"      GETJMAPACCESS gives {url or 'nothing'}")
        url = options.session_url or url
        if url is None:
            print("There is no JMAP server to compare with.")
            return 1 if isAdvertised else 0
        try:
            jmap = JMAP(url, credentials.authorization(), context)
        except urllib.error.HTTPError as error:
            return _refused(error, isAdvertised)
        print(f"JMAP: 200, account {jmap.accountID}")
        return _report(readIMAP(connection), readJMAP(jmap))
    finally:
        connection.logout()


def _refused(error: urllib.error.HTTPError, isAdvertised: bool) -> int:
    print(f"JMAP: {error.code}")
    if error.code != 401:
        raise CannotCompare(f"JMAP answered {error.code}")
    if isAdvertised:
        print("IMAP promised that these credentials work for JMAP, and they do not.")
        return 1
    print("Both sides agree: these credentials do not work for JMAP.")
    return 0


def _report(imap: View, jmap: View) -> int:
    for mailboxID, mailbox in imap.items():
        print(f"      {mailboxID}  {len(mailbox.emails):6} messages  {mailbox.name}")
    found = differences(imap, jmap)
    for sentence in found:
        print(f"DIFFERENT: {sentence}")
    messages = sum(len(mailbox.emails) for mailbox in imap.values())
    if found:
        print(f"{len(found)} identifiers are not the same over IMAP and JMAP.")
        return 1
    print(f"All identifiers of {len(imap)} mailboxes and {messages} messages are the same.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
