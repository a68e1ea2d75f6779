"""What is left behind when a part of the dock ends, whichever way it ends?"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject

from napari_itermask.gui.parts.ties import at_the_end


def when_gone(part: QObject, do: Callable[[], Any]) -> None:
    """Call ``do``, which must not hold ``part``, once, when Qt deletes it or Python's collector.

    Where the collector takes a whole dock it may cut the slots of ``destroyed`` first, so that Qt's
    word alone is not enough.
    """
    end = weakref.finalize(part, do)
    end.atexit = False
    at_the_end(part, end)
