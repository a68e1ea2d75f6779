"""Is a training going wrong? Said early, in words: NaN, a flat loss, a rising validation."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

LOST_IN_A_ROW = 20
FLAT_AFTER = 400
"""Steps after which the loss must have fallen."""
WINDOW = 100
RISES = 3
"""Validations in a row above the best, by more than a tenth, that are said."""


class TrainingError(ArithmeticError):
    """A training that cannot go on; the message says why and what to do."""


class Watch:
    """Looks at each loss and each validation; says each trouble once.

    ``fresh``: whether the training began from chance; from a model's weights its loss need not fall
    any further.
    """

    def __init__(self, rate: float, scans: int, *, fresh: bool = True) -> None:
        self._rate, self._scans, self._fresh = rate, scans, fresh
        self._lost = 0
        self._said: set[str] = set()

    def step(self, step: int, *, taken: bool) -> None:
        """Note whether the weights were changed.

        Raises
        ------
        TrainingError
            If they could not be changed for many steps in a row.
        """
        self._lost = 0 if taken else self._lost + 1
        if self._lost > LOST_IN_A_ROW:
            raise TrainingError(
                f"the gradient was not finite for {self._lost} steps in a row up to step {step}: "
                f"begin anew (--no-resume) with a lower --rate than {self._rate:g}, or with "
                "--precision float32."
            )

    def losses(self, losses: Sequence[float]) -> str | None:
        """A sentence if the losses so far do not fall.

        Raises
        ------
        TrainingError
            If one is not finite.
        """
        for step, loss in enumerate(losses[-WINDOW:], max(0, len(losses) - WINDOW) + 1):
            if not math.isfinite(loss):
                raise TrainingError(
                    f"the loss of step {step} is {loss:g}: begin anew (--no-resume) with a lower "
                    f"--rate than {self._rate:g}."
                )
        if len(losses) < FLAT_AFTER or not self._fresh:
            return None
        early, late = float(np.mean(losses[:WINDOW])), float(np.mean(losses[-WINDOW:]))
        if late < 0.95 * early:
            return None
        return self._once(
            "flat",
            f"the loss has not fallen in {len(losses)} steps ({early:.3f} at first, {late:.3f} "
            "now): look at the repaints in training/, check that the scans are healthy brains of "
            f"one modality, stripped, or try another --rate than {self._rate:g}.",
        )

    def validations(self, errors: Sequence[float]) -> str | None:
        """A sentence if the error on the scans held out goes up again."""
        if len(errors) <= RISES or min(errors[-RISES:]) < 1.1 * min(errors):
            return None
        return self._once(
            "rising",
            f"the repaint error of the scans held out has been above its best for {RISES} "
            f"validations ({min(errors):.3f} then, {errors[-1]:.3f} now): {self._scans} scans may "
            "be learnt by heart; the best weights are kept, more scans would help.",
        )

    def _once(self, kind: str, sentence: str) -> str | None:
        if kind in self._said:
            return None
        self._said.add(kind)
        return sentence
