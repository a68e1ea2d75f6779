"""Which error is too large for this scan: the search's curve, its fit, and the choice on it.

Method section "threshold search" of the paper. Pure: nothing here needs a pass of the network.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy import optimize

from napari_itermask.method.error import ErrorMap, Mask, Volume

POINTS = 100
FIT_QUALITY = 0.85
"""R^2 under which the published code refuses the fit and takes differences."""


@dataclass(frozen=True)
class Fit:
    """The tangent ``a tan(b p)`` fitted to a curve, and the derivative compared with gamma.

    ``points`` counts the thresholds fitted, ``r2`` is taken over the first 80, ``derivative`` is
    ``(100,)``; where the fit was not ``accepted`` it holds smoothed differences, and ``reason``
    says why.
    """

    a: float
    b: float
    points: int
    r2: float
    accepted: bool
    reason: str
    derivative: NDArray[np.float64]


@dataclass(frozen=True)
class Choice:
    """A threshold and where it came from; ``index`` is 0-based on the curve, None if off it."""

    threshold: float
    index: int | None
    note: str = ""


@dataclass(frozen=True, eq=False)
class ThresholdCurve:
    """What the search found: below ``thresholds[i]`` lie ``i + 1`` % of the brain's errors.

    Parameters
    ----------
    thresholds
        ``(100,)`` float32.
    """

    thresholds: NDArray[np.float32]

    def fit(self, y_limit: float = 10.0) -> Fit:
        """Fit the tangent to the points before the first threshold above ``y_limit``."""
        return _fit(self.thresholds.tobytes(), y_limit)

    def choose(self, gamma: float = 0.05, y_limit: float = 10.0) -> Choice:
        """Choose the threshold at the first point whose derivative exceeds ``gamma``.

        Where none does, the first point is taken, as the published code does, and the note says so.
        """
        fit = self.fit(y_limit)
        above = np.flatnonzero(fit.derivative > gamma)
        if len(above):
            index = int(above[0])
            return Choice(float(self.thresholds[index]), index)
        note = (
            f"the curve's slope never exceeds gamma = {gamma:g} (its largest is "
            f"{fit.derivative.max():.3g}), so the first threshold is taken, as the published code "
            "does, and nearly the whole brain stays masked: lower gamma."
        )
        return Choice(float(self.thresholds[0]), 0, note)


class Calibration(BaseModel):
    """A threshold rule that healthy and synthetic scans taught; it stands in the model's card.

    The threshold is ``factor`` times a scale of this scan's own first pass (whole brain masked):
    the ``percentile`` of the error map of the other sign if ``mirror``, i.e. of what is darker than
    repainted where brighter is looked for. A bright lesion, however large, hardly moves that side,
    whereas it moves the quantiles of its own. A multiple of a scale, and no other function of it,
    does not depend on the unit of the intensities. ``floor`` and ``ceiling`` bound the result.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    factor: float = Field(gt=0)
    percentile: float = Field(ge=0, le=100)
    mirror: bool = True
    floor: float = Field(0.0, ge=0)
    ceiling: float = Field(1e6, gt=0)

    def threshold(self, error_map: ErrorMap, reconstruction: Volume) -> float:
        """The threshold for a scan, from the repaint of its fully masked brain."""
        return self.from_scale(self.scale(error_map, reconstruction))

    def scale(self, error_map: ErrorMap, reconstruction: Volume) -> float:
        """The scan's own scale of error, of the quantity that is thresholded."""
        opposite = {"brighter": "darker", "darker": "brighter", "both": "both"}
        sign = opposite[error_map.sign] if self.mirror else error_map.sign
        error = error_map(reconstruction, sign)  # type: ignore[arg-type]
        inside = error[error_map.brain]
        inside = inside[inside > 0]
        return float(np.percentile(inside, self.percentile)) if inside.size else 0.0

    def from_scale(self, scale: float) -> float:
        """``factor * scale``, within floor and ceiling."""
        return float(np.clip(self.factor * scale, self.floor, self.ceiling))


def kth_error(error: Volume, brain: Mask, percent: int) -> float:
    """The error below which ``percent`` % of the brain's voxels lie.

    The published code takes the k-th smallest over the whole grid, k = N - |B|(1 - 0.01 i)
    truncated and at least 1; the background's zeros come first there, so that only the brain's own
    errors matter, and only they are looked at here.
    """
    inside = error[brain]
    k = max(1, int(error.size - inside.size * (1 - 0.01 * percent)))
    own = k - (error.size - inside.size)
    if own < 1:
        return 0.0
    return float(np.partition(inside, own - 1)[own - 1])


@lru_cache(maxsize=256)
def _fit(raw: bytes, y_limit: float) -> Fit:
    thresholds = np.frombuffer(raw, np.float32).astype(np.float64)
    position = np.arange(1, len(thresholds) + 1, dtype=np.float64)
    above = np.flatnonzero(thresholds > y_limit)
    points = int(above[0]) if len(above) else len(thresholds)
    a, b, r2, reason = np.nan, np.nan, -np.inf, ""
    if points < 2:
        reason = f"fewer than two thresholds lie under y_limit = {y_limit:g}"
    else:
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore", optimize.OptimizeWarning)
                (a, b), _ = optimize.curve_fit(
                    _tangent, position[:points], thresholds[:points], p0=(1.0, 0.01)
                )
            first = slice(80)
            rest = thresholds[first] - _tangent(position[first], a, b)
            total = thresholds[first] - thresholds[first].mean()
            spread = float(total @ total)
            r2 = 1 - float(rest @ rest) / spread if spread > 0 else -np.inf
            if not r2 >= FIT_QUALITY:
                reason = f"R^2 = {r2:.3f} is under {FIT_QUALITY}"
        except RuntimeError:
            reason = "the fit did not converge"
    tangent = a * b / np.cos(b * position) ** 2
    derivative = _smoothed_differences(thresholds) if reason else tangent
    derivative.flags.writeable = False
    return Fit(float(a), float(b), points, r2, not reason, reason, derivative)


def _tangent(position: NDArray[np.float64], a: float, b: float) -> NDArray[np.float64]:
    out: NDArray[np.float64] = a * np.tan(b * position)
    return out


def _smoothed_differences(thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    steps = np.diff(thresholds, prepend=0.0)
    window = np.ones(5)
    out: NDArray[np.float64] = np.convolve(steps, window, "same") / np.convolve(
        np.ones_like(steps), window, "same"
    )
    return out
