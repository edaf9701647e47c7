# -*- test-case-name: tests.integration.test_check_command -*-
"""
C{txjmapaccess check} as a process of its own: exit statuses, output, and docs/checking.md.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time

from twisted.trial.unittest import SynchronousTestCase

from tests.support.check import directory, write
from tests.support.demo import PASSWORDS, DemoTestCase, run
from tests.support.paths import ROOT
from tests.support.ports import freePort
from tests.support.twistd import environment, heedSIGINT

#: What the console script runs, as somebody who is not root.
_RUN = "import os; os.geteuid = lambda: 1000; from txjmapaccess.check.command import main; main()"

_CONFIGURATION = """
[imap]
listen = ["tcp:1143:interface=127.0.0.1"]
realm = "maildir:mail"
"""


def command(*arguments: str) -> list[str]:
    """
    @return: the command line.
    """
    return [sys.executable, "-c", _RUN, "check", *arguments]


class StatusTests(SynchronousTestCase):
    """
    Without a network.
    """

    def check(self, text: str, *arguments: str, typed: str = "") -> tuple[int, str, str]:
        """
        @return: exit status, stdout and stderr.
        """
        place = directory(self)
        write(os.path.join(place, "check.toml"), text)
        done = subprocess.run(
            command("--config=check.toml", *arguments),
            cwd=place,
            env=environment(),
            input=typed,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def test_wrong(self) -> None:
        """
        1 when something is wrong; nothing is on stderr.
        """
        text = f"""
            {_CONFIGURATION}
            [ldap]
            uris = ["ldap://127.0.0.1:{freePort()}"]
            bind_dn_template = "uid={{user}},dc=example"
        """
        status, output, errors = self.check(text, "--user=arnt", typed="a-very-secret-word\n")
        self.assertEqual((status, errors), (1, ""))
        self.assertIn("\nWRONG    [ldap] ldap://127.0.0.1:", output)
        self.assertNotIn("a-very-secret-word", output)
        self.assertTrue(output.endswith("2 wrong, 1 warning.\n"), output)

    def test_unusable(self) -> None:
        """
        2 when the configuration or the options cannot be used: one sentence on stderr, nothing on
        stdout.
        """
        for text, arguments, words in (
            ("[imap", (), "invalid TOML"),
            ("[impa]\n", (), "unknown section"),
            (_CONFIGURATION, (), "otherwise nobody can log in"),
            (
                _CONFIGURATION,
                ("--auth=memory:a:b", "--user=arnt"),
                "no password or token was entered",
            ),
            (_CONFIGURATION, ("--nonsense",), "--nonsense not recognized"),
        ):
            status, output, errors = self.check(text, *arguments)
            self.assertEqual((status, output), (2, ""), words)
            self.assertIn(words, errors)
            self.assertEqual(errors.count("\n"), 1, errors)
            self.assertTrue(errors.startswith("txjmapaccess check: "), errors)

    def test_module(self) -> None:
        """
        C{python -m txjmapaccess} is the same program.
        """
        done = subprocess.run(
            [sys.executable, "-m", "txjmapaccess", "check"],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        self.assertEqual(done.returncode, 2)
        self.assertIn("--config FILE is required", done.stderr)

    def test_encoding(self) -> None:
        """
        A terminal that cannot show a letter shows something else.
        """
        for encoding in ("ascii", "latin-1"):
            self.patch(os, "environ", {**os.environ, "PYTHONIOENCODING": encoding})
            status, output, errors = self.check(
                _CONFIGURATION + '[jmap]\nsession_url = "https://127.0.0.1:1/"',
                "--auth=memory:a:b",
                "--realm=maildir:/nowhere/\u20ac/mail",
            )
            self.assertEqual((status, errors), (1, ""))
            self.assertIn("/nowhere/? does not exist", output)

    def test_interrupted(self) -> None:
        """
        A check that is interrupted has not found that all is well.
        """
        place = directory(self)
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            write(
                os.path.join(place, "check.toml"),
                f"""
                {_CONFIGURATION}
                [ldap]
                uris = ["ldap://127.0.0.1:{silent.getsockname()[1]}"]
                bind_dn_template = "uid={{user}},dc=example"
                timeout = 30
                """,
            )
            process = subprocess.Popen(
                command("--config=check.toml"),
                cwd=place,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                text=True,
                preexec_fn=heedSIGINT,
            )
            self.addCleanup(process.kill)
            assert process.stdout is not None
            # It waits for the directory when all before that is said.
            while not process.stdout.readline().startswith("ok       [imap] realm"):
                self.assertIsNone(process.poll())
            time.sleep(0.2)
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1)
        self.assertNotIn("No problems found", output)


class DocumentTests(DemoTestCase):
    """
    docs/checking.md.
    """

    async def test_examples(self) -> None:
        """
        What the example says is what the check says.
        """
        with open(os.path.join(ROOT, "docs", "checking.md"), encoding="utf-8") as file:
            document = file.read()
        [configuration] = re.findall(r"```toml\n(.*?)```", document, re.DOTALL)
        place = os.path.realpath(directory(self))
        write(os.path.join(place, "check.toml"), self.ported(configuration))
        examples = re.findall(r"```\n\$ txjmapaccess check (.*?)\n(.*?)```", document, re.DOTALL)
        self.assertEqual(len(examples), 2)
        for arguments, shown in examples:
            user = arguments.split()[-1]
            prompt, _, expected = self.ported(shown).partition("\n")
            self.assertEqual(prompt, f"Password of {user}:")
            done = await run(
                command(*arguments.split()),
                cwd=place,
                env=environment(),
                stdin=None,
                input=PASSWORDS[user] + "\n",
            )
            self.assertEqual(done.stdout, expected.replace("/home/arnt", place))
            self.assertEqual(done.stderr, "")
            self.assertEqual(done.returncode, 0 if "No problems found" in expected else 1)

    def ported(self, text: str) -> str:
        """
        @return: C{text} with the ports of this demonstration.
        """
        ports = self.ports
        return text.replace(":8080", f":{ports.http}").replace(":1389", f":{ports.ldap}")
