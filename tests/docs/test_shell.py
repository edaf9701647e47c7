# -*- test-case-name: tests.docs.test_shell -*-
"""
Shell commands in the documentation.
"""

from __future__ import annotations

import os
import re
import subprocess

from tests.support.docs import Block, BlockTestCase, blocks
from tests.support.shell import checkShell
from txjmapaccess.twistd.certificate import readContext


class ShellTests(BlockTestCase):
    """
    Shell commands. Transcripts, with prompts and output, are run by tests/integration/test_docs.py.
    """

    languages = ("sh", "console")

    def test_blocks(self) -> None:
        """
        Every block is a script; programs of ours take the options, and modules and files are there.
        """
        self.assertGreater(self.check("sh", "console"), 10)

    def checkBlock(self, block: Block) -> None:
        text = block.text
        if block.language == "console":
            text = "".join(re.findall(r"^\$ .*\n", text, re.MULTILINE)).replace("$ ", "")
        checkShell(self.files().anything(text) if "--auth file:" in text else text)

    def test_transcripts(self) -> None:
        """
        Transcripts have commands that the integration tests run.
        """
        for block in blocks("console"):
            known = r"^\$ (python3 examples/compare.py|txjmapaccess check .*)\n"
            self.assertRegex(block.text, known, block.where)

    def test_certificate(self) -> None:
        """
        The command that makes a certificate makes one that can be used.
        """
        (block,) = (block for block in blocks("sh") if block.text.startswith("openssl req"))
        directory = self.mktemp()
        os.mkdir(directory)
        subprocess.run(
            ["bash", "-e", "-c", block.text], cwd=directory, check=True, capture_output=True
        )
        readContext(
            os.path.join(directory, "certificate.pem"), os.path.join(directory, "certificate.key")
        )
