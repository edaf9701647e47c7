"""
An account after its login, as the modules for identifiers need it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from txjmapaccess.credentials import LoginRecord
from txjmapaccess.pacing import Turns


@dataclass(frozen=True)
class OpenAccount:
    """
    An account after its login.

    @ivar account: the L{twisted.mail.interfaces.IAccountIMAP}.
    @ivar loginRecord: what is known about the user.
    @ivar turns: makes L{Turns} for long work.
    """

    account: Any
    loginRecord: LoginRecord | None
    turns: Callable[[], Turns]

    @property
    def username(self) -> str | None:
        """
        The name of the user, or L{None} when that is not known.
        """
        return None if self.loginRecord is None else self.loginRecord.username
