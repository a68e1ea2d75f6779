"""What would each rule read off a search, and how large is the search's mask there?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from napari_itermask.method.settings import RefineSettings
from napari_itermask.method.threshold import POINTS, Fit, ThresholdCurve

if TYPE_CHECKING:
    from napari_itermask.gui.session import Session

Rule = Literal["tangent", "calibrated", "manual"]
RULES: tuple[Rule, ...] = ("tangent", "calibrated", "manual")


@dataclass(frozen=True)
class Reading:
    """A rule's threshold; the point of the curve nearest to it, from 0, and its mask's ml.

    ``note`` is what a person should know of it.
    """

    threshold: float
    index: int
    millilitres: float
    note: str = ""


@dataclass(frozen=True, eq=False)
class Searched:
    """What of a search is there so far.

    Attributes
    ----------
    thresholds, millilitres
        Of each of its passes, in order.
    calibrated
        The threshold that the model's card gives for this scan, or None.
    """

    thresholds: tuple[float, ...] = ()
    millilitres: tuple[float, ...] = ()
    calibrated: float | None = None

    @classmethod
    def of(cls, session: Session) -> Searched:
        """The search of the session's run."""
        passes = [p for p in session.records if p.phase == "search"][:POINTS]
        return cls(
            tuple(p.threshold for p in passes),
            tuple(p.mask_ml for p in passes),
            session.search.calibrated if session.search else None,
        )

    @property
    def curve(self) -> ThresholdCurve | None:
        """The curve, once all its points are there."""
        if len(self.thresholds) < POINTS:
            return None
        return ThresholdCurve(np.asarray(self.thresholds, np.float32))

    def fit(self, settings: RefineSettings) -> Fit | None:
        """The tangent that is fitted under ``settings``."""
        return self.curve.fit(settings.y_limit) if self.curve else None

    def read(self, settings: RefineSettings) -> dict[Rule, Reading]:
        """What each rule reads off it under ``settings``; a rule that cannot is left out."""
        curve = self.curve
        if curve is None:
            return {}
        choice = curve.choose(settings.gamma, settings.y_limit)
        assert choice.index is not None  # the tangent's choice lies on the curve
        readings: dict[Rule, Reading] = {
            "tangent": Reading(
                choice.threshold, choice.index, self.millilitres[choice.index], choice.note
            ),
            "manual": self._at(settings.manual_threshold),
        }
        if self.calibrated is not None:
            readings["calibrated"] = self._at(self.calibrated)
        return readings

    def _at(self, threshold: float) -> Reading:
        index = int(np.argmin(np.abs(np.asarray(self.thresholds) - threshold)))
        return Reading(threshold, index, self.millilitres[index])


def sweep_ends(fit: Fit, gamma: float) -> tuple[float, float]:
    """From which gamma to which a sweep is worth making: where the choice lies inside the curve."""
    slopes: NDArray[np.float64] = fit.derivative[fit.derivative > 0]
    if not len(slopes):
        return gamma / 10, gamma * 10
    low, high = np.quantile(slopes, [0.4, 0.98])
    return round_4(min(low, gamma)), round_4(max(high, gamma, 1.1 * low))


def round_4(value: float) -> float:
    """Four digits: finer than a mouse can drag a line."""
    return float(f"{value:.4g}")
