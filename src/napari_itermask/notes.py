"""Who hears what a person should know about a run: a listener, or else Python's warnings."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable

Tell = Callable[[str], None]
"""Takes one plain sentence; called on the thread that does the work."""


def say(note: str, tell: Tell | None = None) -> None:
    """Give ``note`` to ``tell``; without one, as a UserWarning at the line that called us.

    A window listens, because Python's warnings are one state for all threads.
    """
    if tell is not None:
        tell(note)
    else:
        warnings.warn(note, stacklevel=_level_of_the_caller())


def _level_of_the_caller() -> int:
    """How many frames above :func:`say` the first one outside this package lies."""
    package = __name__.partition(".")[0]
    frame, level = sys._getframe(1), 1
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == package:
        frame, level = frame.f_back, level + 1
    return level
