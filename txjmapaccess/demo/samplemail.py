# -*- test-case-name: tests.demo.test_samplemail -*-
"""
The sample mail of the demonstration, put into Maildirs as a delivery agent would.
"""

from __future__ import annotations

import os
from base64 import encodebytes
from calendar import timegm
from collections.abc import Sequence
from email.utils import parsedate
from typing import NamedTuple

from txjmapaccess.maildir.directorynames import directoryOf, userDirectory


class Sample(NamedTuple):
    """
    A message.

    @ivar mailbox: the name of its mailbox.
    @ivar flags: the letters of its flags in Maildir; C{None} for a message that is new.
    @ivar octets: the message, with CRLF line ends.
    """

    mailbox: str
    flags: str | None
    octets: bytes


def _message(text: str) -> bytes:
    return text.lstrip().replace("\n", "\r\n").encode("ascii")


_CSV = b"From,To,Departs\nTrondheim,Oslo,08:23\nOslo,Trondheim,16:02\n"

_QUESTION = _message("""
From: Bron <bron@example.com>
To: Arnt <arnt@example.com>
Subject: Lunch on Friday?
Date: Mon, 02 Mar 2026 09:12:44 +1100
Message-ID: <lunch-1@example.com>
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii

Shall we meet at the fish market at noon?

Bron
""")

_ANSWER = _message("""
From: Bron <bron@example.com>
To: Arnt <arnt@example.com>
Subject: Re: Lunch on Friday?
Date: Tue, 03 Mar 2026 08:01:05 +1100
Message-ID: <lunch-3@example.com>
In-Reply-To: <lunch-2@example.com>
References: <lunch-1@example.com> <lunch-2@example.com>
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii

> One o'clock is better.

One o'clock it is.

Bron
""")

_GREETINGS = _message("""
From: =?utf-8?Q?J=C3=BCrgen_M=C3=BCller?= <juergen@example.com>
To: Arnt <arnt@example.com>
Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe_aus_K=C3=B6ln_?= =?utf-8?B?4piA?=
Date: Wed, 04 Mar 2026 18:30:00 +0100
Message-ID: <koeln@example.com>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Sch=C3=B6ne Gr=C3=BC=C3=9Fe vom Rhein!

J=C3=BCrgen
""")

_TIMETABLE = _message(f"""
From: Railway <noreply@rail.example.net>
To: Arnt <arnt@example.com>
Subject: Your timetable
Date: Thu, 05 Mar 2026 06:00:00 +0000
Message-ID: <timetable@rail.example.net>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="=-demo"

--=-demo
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Here is the timetable. The caf=C3=A9 in the train is closed.

--=-demo
Content-Type: text/csv; name=timetable.csv
Content-Disposition: attachment; filename=timetable.csv
Content-Transfer-Encoding: base64

{encodebytes(_CSV).decode("ascii")}
--=-demo--
""")

_SUGGESTION = _message("""
From: Arnt <arnt@example.com>
To: Bron <bron@example.com>
Subject: Re: Lunch on Friday?
Date: Mon, 02 Mar 2026 10:40:12 +0100
Message-ID: <lunch-2@example.com>
In-Reply-To: <lunch-1@example.com>
References: <lunch-1@example.com>
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii

One o'clock is better.

Arnt
""")

_LIST = _message("""
From: Postmaster <postmaster@example.com>
To: imap@lists.example.com
Subject: [imap] Identifiers that survive RENAME
Date: Fri, 06 Mar 2026 12:00:00 +0000
Message-ID: <rename@example.com>
List-Id: IMAP <imap.lists.example.com>
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="=-demo"

--=-demo
Content-Type: text/plain; charset=us-ascii

Mailboxes keep their identifiers when they are renamed.

--=-demo
Content-Type: text/html; charset=us-ascii

<p>Mailboxes keep their <b>identifiers</b> when they are renamed.</p>

--=-demo--
""")

_RESERVATION = _message("""
From: Hotel <hotel@example.org>
To: Arnt <arnt@example.com>
Subject: Your reservation
Date: Sat, 07 Mar 2026 15:45:00 +0000
Message-ID: <reservation@example.org>

A room for one night is reserved for you.
""")

ARNT: Sequence[Sample] = (
    Sample("INBOX", "S", _QUESTION),
    Sample("INBOX", None, _ANSWER),
    Sample("INBOX", None, _GREETINGS),
    Sample("INBOX", "FS", _TIMETABLE),
    Sample("Sent", "S", _SUGGESTION),
    Sample("Lists/IMAP", "S", _LIST),
    Sample("R\xe9serv\xe9", None, _RESERVATION),
)

BRON: Sequence[Sample] = (
    Sample("INBOX", None, _SUGGESTION),
    Sample("Sent", "S", _QUESTION),
)

MAIL = {"arnt": ARNT, "bron": BRON}


def deliver(path: str) -> None:
    """
    Put the sample mail into Maildirs.

    @param path: the directory of the users' directories, which exists.
    """
    for username, samples in MAIL.items():
        root = os.path.join(path, userDirectory(username))
        os.mkdir(root, 0o700)
        for number, sample in enumerate(samples, 1):
            _deliver(os.path.join(root, directoryOf(sample.mailbox)), number, sample)
        names = sorted({directoryOf(s.mailbox)[1:] or s.mailbox for s in samples})
        with open(os.path.join(root, "subscriptions"), "w", encoding="ascii") as file:
            file.writelines(f"{name}\n" for name in names)


def _deliver(maildir: str, number: int, sample: Sample) -> None:
    for directory in ("tmp", "new", "cur"):
        os.makedirs(os.path.join(maildir, directory), 0o700, exist_ok=True)
    date = _date(sample.octets)
    name = f"{date}.M{number}.demo"
    if sample.flags is None:
        path = os.path.join(maildir, "new", name)
    else:
        path = os.path.join(maildir, "cur", f"{name}:2,{sample.flags}")
    with open(path, "wb") as file:
        file.write(sample.octets)
    os.utime(path, (date, date))


def _date(octets: bytes) -> int:
    """
    @return: the time of receipt: the date of the message, taken as UTC.
    """
    line = next(line for line in octets.split(b"\r\n") if line.startswith(b"Date: "))
    parsed = parsedate(line[len(b"Date: ") :].decode("ascii"))
    assert parsed is not None
    return timegm((*parsed, 0))
