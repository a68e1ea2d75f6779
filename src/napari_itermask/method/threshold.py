"""Which error is too large for this scan: the search's curve, its fit, and the choice on it.

Method section "threshold search" of the paper. Pure: nothing here needs a pass of the network.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator
from scipy import optimize

from napari_itermask.method.error import ErrorMap, Mask, Sign, Volume

POINTS = 100
Side = Literal["own", "mirror", "both", "image"]
BLOCK = 32.0
"""Side in mm of the blocks that a statistic may be taken in."""
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


class Statistic(BaseModel):
    """One number of a scan's first pass that a lesion hardly moves, and the power it enters with.

    ``side`` names the squared differences that are looked at: of the sign that is looked for
    (``own``), of the other one (``mirror``), of ``both``, or ``image``: the squared half
    interquartile range of the scan's own intensities, which a threshold may lean on as well.
    ``percentile`` is taken over the brain's voxels where that error is above 0. With ``regions``
    it is taken in each block of 32 mm, and of these values that percentile: a low one is a quiet
    part of the brain, which a lesion does not reach however large the rest of it is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    side: Side = "mirror"
    percentile: float = Field(50.0, ge=0, le=100)
    regions: float | None = Field(None, ge=0, le=100)
    exponent: float = 1.0

    def value(self, error_map: ErrorMap, reconstruction: Volume) -> float:
        """The number itself, without its exponent, in squared units of the normalisation."""
        sign = side_sign(self.side, error_map.sign)
        error = error_map(reconstruction, sign) if sign else None
        return self.taken(error, error_map.image, error_map.brain, error_map.spacing)

    def taken(
        self, error: Volume | None, image: Volume, brain: Mask, spacing: Sequence[float]
    ) -> float:
        """The number, read from the ``error`` map of its side; ``image`` needs none."""
        if error is None:
            low, high = np.percentile(image[brain], [25, 75])
            return float(high - low) ** 2 / 4
        if self.regions is None:
            inside = error[brain]
            inside = inside[inside > 0]
            return float(np.percentile(inside, self.percentile)) if inside.size else 0.0
        found = [
            np.percentile(error[block][brain[block]], self.percentile)
            for block in _blocks(brain, spacing)
        ]
        return float(np.percentile(found, self.regions))


class Calibration(BaseModel):
    """A threshold rule that healthy and synthetic scans taught; it stands in the model's card.

    The threshold is ``factor`` times a scale of this scan's own first pass (whole brain masked):
    the product of ``statistics``, each to its exponent. Their exponents sum to 1, so that the rule
    does not depend on the unit of the intensities. Without ``statistics`` the scale is the
    ``percentile`` of the error map of the other sign if ``mirror``, i.e. of what is darker than
    repainted where brighter is looked for, else of its own. ``floor`` and ``ceiling`` bound it.

    This says whether there is anything. Where its border lies depends on how bright it is: with
    ``height`` the threshold is raised to that share of the ``height_percentile`` of the errors
    above it, if that is more. A quarter is half the height of the difference that was squared.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    factor: float = Field(gt=0)
    percentile: float = Field(50.0, ge=0, le=100)
    mirror: bool = True
    floor: float = Field(0.0, ge=0)
    ceiling: float = Field(1e6, gt=0)
    statistics: tuple[Statistic, ...] = ()
    height: float = Field(0.0, ge=0, lt=1)
    height_percentile: float = Field(50.0, ge=0, le=100)

    @model_validator(mode="after")
    def _free_of_units(self) -> Self:
        total = sum(s.exponent for s in self.statistics)
        if self.statistics and abs(total - 1) > 1e-6:
            raise ValueError(
                f"the exponents of a calibration's statistics must sum to 1, got {total:g}."
            )
        return self

    def threshold(self, error_map: ErrorMap, reconstruction: Volume) -> float:
        """The threshold for a scan, from the repaint of its fully masked brain."""
        base = self.from_scale(self.scale(error_map, reconstruction))
        if not self.height:
            return base
        error = error_map(reconstruction)
        above = error[error > base]
        if not above.size:
            return base
        return max(base, self.height * float(np.percentile(above, self.height_percentile)))

    def scale(self, error_map: ErrorMap, reconstruction: Volume) -> float:
        """The scan's own scale of error, of the quantity that is thresholded."""
        if not self.statistics:
            side: Side = "mirror" if self.mirror else "own"
            return Statistic(side=side, percentile=self.percentile).value(error_map, reconstruction)
        values = [s.value(error_map, reconstruction) for s in self.statistics]
        if min(values) <= 0:
            return 0.0
        logs = [s.exponent * np.log(v) for s, v in zip(self.statistics, values, strict=True)]
        return float(np.exp(sum(logs)))

    def from_scale(self, scale: float) -> float:
        """``factor * scale``, within floor and ceiling."""
        return float(np.clip(self.factor * scale, self.floor, self.ceiling))


def side_sign(side: Side, sign: Sign) -> Sign | None:
    """The sign of the differences that ``side`` means where ``sign`` is looked for, if any."""
    if side == "image":
        return None
    if side == "both" or sign == "both":
        return "both"
    other: dict[Sign, Sign] = {"brighter": "darker", "darker": "brighter"}
    return other[sign] if side == "mirror" else sign


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


def _blocks(brain: Mask, spacing: Sequence[float]) -> list[tuple[slice, ...]]:
    """Blocks of 32 mm that are brain for a quarter at least; the whole volume if none is."""
    sides = [max(1, round(BLOCK / s)) for s in spacing]
    ranges = [range(0, n, side) for n, side in zip(brain.shape, sides, strict=True)]
    blocks = [
        tuple(slice(start, start + side) for start, side in zip(corner, sides, strict=True))
        for corner in product(*ranges)
    ]
    full = float(np.prod(sides)) / 4
    found = [block for block in blocks if np.count_nonzero(brain[block]) >= full]
    return found or [(slice(None),) * brain.ndim]


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
