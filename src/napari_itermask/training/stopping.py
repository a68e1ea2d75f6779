"""How is a training asked to stop? A signal sets a flag, the step ends, the state is saved."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any, Self

RESUMABLE = 75
"""Exit code (EX_TEMPFAIL) of a training that was asked to stop and will resume."""
INTERRUPTED = 130
NAMES = ("SIGTERM", "SIGUSR1", "SIGINT")


class StopFlag:
    """``with StopFlag() as stop:`` takes SIGTERM, SIGUSR1 and the first Ctrl-C as a wish."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self._before: dict[int, Any] = {}

    def __bool__(self) -> bool:
        return self.signal is not None

    @property
    def exit_code(self) -> int:
        """What the command ends with."""
        return INTERRUPTED if self.signal == signal.SIGINT else RESUMABLE

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for name in NAMES:
                number = getattr(signal, name, None)
                if number is not None:
                    self._before[number] = signal.signal(number, self._set)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _set(self, number: int, _: FrameType | None) -> None:
        if number == signal.SIGINT and self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number
