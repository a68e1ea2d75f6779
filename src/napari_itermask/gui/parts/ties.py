"""How long does a widget listen to what outlives it? As long as it lives, and not longer."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject
from qtpy.QtWidgets import QWidget


def listen(owner: QWidget, signal: Any, method: Callable[..., Any]) -> None:
    """Connect ``method``, bound to ``owner`` or to a part of it, to a signal that outlives it.

    ``signal`` is psygnal's or napari's. It holds no widget alive, and is left when Qt deletes
    ``owner``.
    """
    signal.connect(method)
    weak: Any = weakref.WeakMethod(method)

    def leave() -> None:
        connected = weak()
        if connected is not None:
            signal.disconnect(connected)

    at_the_end(owner, leave)


def at_the_end(owner: QObject, do: Callable[[], Any]) -> None:
    """Call ``do``, which must not hold ``owner``, when Qt deletes it.

    A bare function connected to ``destroyed`` may crash Python: where the collector deletes the
    owner it has emptied the function first, and Qt calls it all the same.
    """

    def once() -> None:
        _WAITING.discard(once)
        do()

    _WAITING.add(once)  # out of the collector's reach until it is called
    owner.destroyed.connect(once)


_WAITING: set[Callable[[], None]] = set()
