# -*- test-case-name: tests.message.test_html -*-
"""
What a person reads of HTML.
"""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txjmapaccess.message.html import textOfHTML


class HTMLTests(SynchronousTestCase):
    """
    L{textOfHTML}.
    """

    def test_text(self) -> None:
        """
        Tags, comments, styles and scripts are not there; entities are characters.
        """
        for html, text in (
            ("<p>fish<b>ing</b> &amp; caf&eacute;</p>", " fishing & caf\xe9"),
            ("a<br>b", "a b"),
            ("a<!-- <b> -->b", "ab"),
            ("a<STYLE>p { x }</style >b", "a b"),
            ("a<script>if (a < b) {}</script>b", "a b"),
            ("1 < 2", "1 < 2"),
            ("a<p", "a "),
            ("a<!-- b", "a"),
        ):
            self.assertEqual(textOfHTML(html), text, html)

    @given(st.text(alphabet="<>/!-&;ab\"' "))
    def test_anything(self, html: str) -> None:
        """
        No text makes it fail.
        """
        textOfHTML(html)

    def test_linear(self) -> None:
        """
        None takes time without end.
        """
        started = time.process_time()
        for piece in ("<", "<!--", "<a ", "<style>", "<style></style>", "&#", '<a "', "</"):
            textOfHTML(piece * 100_000)
        self.assertLess(time.process_time() - started, 10)
