"""
What a client of TLS offers.
"""

from __future__ import annotations

import functools
import operator
from typing import Any

from OpenSSL import SSL
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import StringTransport
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.trial.unittest import SynchronousTestCase

#: Versions before 1.2 (RFC 8996), and those that are good.
OLD = SSL.OP_NO_SSLv3 | SSL.OP_NO_TLSv1 | SSL.OP_NO_TLSv1_1
GOOD = SSL.OP_NO_TLSv1_2 | SSL.OP_NO_TLSv1_3


def assertNothingOld(test: SynchronousTestCase, make: Any) -> None:
    """
    @param make: makes what TLS is begun with, with which no version before 1.2 must be offered.
    """
    given: list[int] = []
    setOptions = SSL.Context.set_options

    def noted(context: SSL.Context, options: int) -> int:
        given.append(options)
        return setOptions(context, options)

    patch = test.patch(SSL.Context, "set_options", noted)
    factory = TLSMemoryBIOFactory(make(), True, Factory.forProtocol(Protocol))
    factory.buildProtocol(None).makeConnection(StringTransport())
    patch.restore()
    options = functools.reduce(operator.or_, given)
    test.assertEqual(options & OLD, OLD)
    test.assertFalse(options & GOOD)
