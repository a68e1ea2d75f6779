"""How far a training is, in lines of text: step, loss, pace, time left."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

EVERY = 10.0
"""Seconds between two lines."""


@dataclass
class Progress:
    """Say a line now and then; ``say`` gets the text."""

    say: Callable[[str], None]
    steps: int
    every: float = EVERY
    _next: float = 0.0
    _pace: list[float] = field(default_factory=list)

    def due(self) -> bool:
        """Whether it is time for a line."""
        return time.monotonic() >= self._next

    def line(self, step: int, loss: float, share: float, seconds: float, pace: float) -> None:
        """Say where the training stands.

        Parameters
        ----------
        share
            How much of it lies behind, 0 to 1.
        seconds
            What it has taken so far, over all calls.
        pace
            Seconds that a step took lately.
        """
        self._next = time.monotonic() + self.every
        by_steps = pace * (self.steps - step)
        left = min(by_steps, seconds / share - seconds) if share > step / self.steps else by_steps
        self.say(
            f"step {step}/{self.steps}  loss {loss:.4f}  {pace:.2f} s a step  {duration(left)} left"
        )


def duration(seconds: float) -> str:
    """Seconds in words: ``40 s``, ``12 min``, ``3 h 20 min``."""
    whole = max(0, round(seconds))
    if whole < 90:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"
