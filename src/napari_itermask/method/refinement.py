"""The loop of the paper: mask the brain, repaint, unmask where the repaint agrees, repeat.

Sections "threshold search" and "iterative mask refinement" of Liang et al. (2026).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_itermask.method.error import ErrorMap, Mask, Volume
from napari_itermask.method.settings import RefineSettings
from napari_itermask.method.threshold import (
    POINTS,
    Calibration,
    Choice,
    ThresholdCurve,
    kth_error,
)

Reconstruct = Callable[[Volume, Volume], Volume]
Noise = Callable[[int], Volume]
Steps = Generator["Step", RefineSettings | None, None]


@dataclass(frozen=True, eq=False)
class Step:
    """What one pass gave. Its arrays are its own, ``(X, Y, Z)``, and read-only.

    ``index`` counts passes from 0 over search and refinement, ``number`` from 1 within the phase.
    ``masked`` is the mask before the pass, ``mask`` the one set after it by ``threshold``.
    ``search`` is the finished search, from the hundredth pass on.
    """

    phase: Literal["search", "refine"]
    index: int
    number: int
    threshold: float
    masked: Mask
    mask: Mask
    reconstruction: Volume
    error: Volume
    search: Search | None = None

    @property
    def mask_voxels(self) -> int:
        """Voxels in ``mask``."""
        return int(np.count_nonzero(self.mask))


@dataclass(eq=False)
class Search:
    """A finished threshold search: its curve, its masks as packed bits, its first repaint."""

    shape: tuple[int, ...]
    thresholds: list[float] = field(default_factory=list)
    packed: list[NDArray[np.uint8]] = field(default_factory=list)
    first: Volume | None = None

    @property
    def curve(self) -> ThresholdCurve:
        """The thresholds as a curve that can be fitted and chosen from."""
        return ThresholdCurve(np.asarray(self.thresholds, np.float32))

    def mask(self, index: int) -> Mask:
        """The mask that the search set at curve point ``index`` (0-based), ``(X, Y, Z)`` bool."""
        flat = np.unpackbits(self.packed[index], count=int(np.prod(self.shape)))
        return flat.reshape(self.shape).astype(bool)


def refine(
    image: Volume,
    brain: Mask,
    guide: Volume,
    reconstruct: Reconstruct,
    settings: RefineSettings | None = None,
    noise: Noise | None = None,
    *,
    spacing: Sequence[float] = (1.0, 1.0, 1.0),
    expected: Volume | None = None,
    calibration: Calibration | None = None,
    search: bool | Search = True,
) -> Steps:
    """Refine the mask of one scan: a generator that yields one :class:`Step` per pass.

    Stop it between any two passes by closing it. Send it a whole new ``RefineSettings`` and the
    next pass takes it: what no longer holds is done again (a new error map needs a new search, a
    new threshold a new refinement), the rest goes on.

    Parameters
    ----------
    image, brain, guide
        ``(X, Y, Z)`` float32, bool, float32, on one grid, in the model's units.
    reconstruct
        ``reconstruct(masked, guide) -> repaint``, all ``(X, Y, Z)`` float32.
    settings
        None: as published.
    noise
        ``noise(k)`` gives what hides the masked voxels in pass k; None: drawn from
        ``settings.seed``.
    spacing
        Voxel size in mm, for the settings in mm and ml.
    expected, calibration
        What the model's card taught: see :class:`ErrorMap` and :class:`Calibration`.
    search
        False leaves the search out where the threshold rule and the start do without it; a finished
        :class:`Search` is taken instead of a new one.

    Raises
    ------
    ValueError
        If the arrays do not fit together, the brain is empty, or the rule is "calibrated" and
        there is no calibration.
    """
    settings = settings or RefineSettings()
    image, guide = np.asarray(image, np.float32), np.asarray(guide, np.float32)
    _check(image, brain, guide)
    brain = brain.copy()  # it becomes the first Step's mask, which is read-only
    noise = noise or seeded_noise(settings.seed, image.shape)
    run_pass = _Passes(image, guide, reconstruct, noise)
    found = search if isinstance(search, Search) else None
    while True:
        if settings.threshold_rule == "calibrated" and calibration is None:
            raise ValueError(
                'threshold_rule is "calibrated", but the model\'s card holds no calibration: '
                'choose "tangent" or "manual", or a model that was calibrated.'
            )
        errors = ErrorMap(image, brain, spacing, settings, expected)
        if found is None and (search or _needs_search(settings)):
            found = Search(image.shape)
            settings = yield from _search(run_pass, errors, found, settings)
            if not settings.same_score(errors.settings):
                found = None
                continue
        sent = yield from _refinement(run_pass, errors, found, settings, calibration, spacing)
        if sent is None:
            return
        if not sent.same_score(settings):
            found = None
        settings = sent


def seeded_noise(seed: int, shape: tuple[int, ...]) -> Noise:
    """Standard normal noise for each pass k that depends on ``seed`` and k alone, float32."""
    return lambda k: np.random.default_rng([seed, k]).standard_normal(shape, np.float32)


def drop_small(mask: Mask, min_volume: float, spacing: Sequence[float]) -> Mask:
    """Drop pieces (26-connected) of ``mask`` smaller than ``min_volume`` ml."""
    if min_volume <= 0:
        return mask
    labels, count = ndimage.label(mask, np.ones((3, 3, 3)))
    volumes = np.bincount(labels.ravel(), minlength=count + 1) * float(np.prod(spacing)) / 1000
    keep = volumes >= min_volume
    keep[0] = False
    kept: Mask = keep[labels]
    return kept


class _Passes:
    """One pass after another: hide the masked voxels behind noise and let the network repaint."""

    def __init__(
        self, image: Volume, guide: Volume, reconstruct: Reconstruct, noise: Noise
    ) -> None:
        self.index = 0
        self._image, self._guide = image, guide
        self._reconstruct, self._noise = reconstruct, noise

    def __call__(self, mask: Mask) -> tuple[int, Volume]:
        index = self.index
        masked = np.where(mask, self._noise(index), self._image).astype(np.float32, copy=False)
        repaint = np.array(self._reconstruct(masked, self._guide), np.float32)
        if repaint.shape != self._image.shape:
            raise ValueError(
                f"the reconstructor gave back {repaint.shape} for an image of {self._image.shape}."
            )
        self.index += 1
        return index, repaint


def _search(
    run_pass: _Passes, errors: ErrorMap, found: Search, settings: RefineSettings
) -> Generator[Step, RefineSettings | None, RefineSettings]:
    """Fill ``found`` in a hundred passes; returns early once sent settings spoil its curve."""
    mask = errors.brain
    for percent in range(1, POINTS + 1):
        index, repaint = run_pass(mask)
        error = errors(repaint)
        threshold = kth_error(error, errors.brain, percent)
        masked, mask = mask, error > threshold
        found.thresholds.append(threshold)
        found.packed.append(np.packbits(mask))
        if percent == 1:
            found.first = repaint
        done = found if percent == POINTS else None
        sent = yield _step("search", index, percent, threshold, masked, mask, repaint, error, done)
        if sent is not None:
            settings = sent
            if not settings.same_score(errors.settings):
                break
    return settings


def _refinement(
    run_pass: _Passes,
    errors: ErrorMap,
    found: Search | None,
    settings: RefineSettings,
    calibration: Calibration | None,
    spacing: Sequence[float],
) -> Generator[Step, RefineSettings | None, RefineSettings | None]:
    """Pass after pass until the mask settles; returns sent settings that ask for a new start."""
    choice = _choose(errors, found, settings, calibration)
    mask = errors.brain
    if settings.start_mask == "best_threshold_mask":
        assert found is not None  # this start asks for a search, see _needs_search()
        assert choice is not None
        assert choice.index is not None
        mask = found.mask(choice.index)
    number = 0
    while True:
        number += 1
        index, repaint = run_pass(mask)
        error = errors(repaint)
        if choice is None:  # calibrated, without a search: this first pass sets the scale
            choice = _calibrated(errors, repaint, calibration)
        new = error > choice.threshold
        if settings.only_shrink:
            new &= mask
        last = _settled(mask, new, settings) or number >= settings.max_passes
        if last:
            new = drop_small(new, settings.min_volume, spacing)
        sent = yield _step(
            "refine", index, number, choice.threshold, mask, new, repaint, error, found
        )
        if sent is not None and not sent.same_path(settings):
            return sent
        if last:
            return None
        settings = sent or settings
        mask = new


def _settled(mask: Mask, new: Mask, settings: RefineSettings) -> bool:
    before, after = int(np.count_nonzero(mask)), int(np.count_nonzero(new))
    shrink = (before - after) / before if before else -1.0
    if settings.stop_rule == "figure":
        return abs(shrink) < settings.min_change if before else after == 0
    return shrink < settings.min_change


def _choose(
    errors: ErrorMap,
    found: Search | None,
    settings: RefineSettings,
    calibration: Calibration | None,
) -> Choice | None:
    if settings.threshold_rule == "calibrated":
        if found is None or found.first is None:
            return None
        choice = _calibrated(errors, found.first, calibration)
    elif settings.threshold_rule == "manual":
        choice = Choice(settings.manual_threshold, None)
    else:
        assert found is not None
        choice = found.curve.choose(settings.gamma, settings.y_limit)
        fit = found.curve.fit(settings.y_limit)
        for note in (choice.note, "" if fit.accepted else _refused(fit.reason)):
            if note:
                warnings.warn(note, stacklevel=2)
    if found is None or choice.index is not None:
        return choice
    # Off the curve: the search's mask whose threshold lies nearest is the start, if one is asked.
    nearest = int(np.argmin(np.abs(np.asarray(found.thresholds) - choice.threshold)))
    return Choice(choice.threshold, nearest)


def _calibrated(errors: ErrorMap, repaint: Volume, calibration: Calibration | None) -> Choice:
    assert calibration is not None  # refine() has refused that
    return Choice(calibration.threshold(errors, repaint), None)


def _refused(reason: str) -> str:
    return f"the tangent's fit was refused ({reason}); differences of neighbours decide instead."


def _needs_search(settings: RefineSettings) -> bool:
    return settings.threshold_rule == "tangent" or settings.start_mask == "best_threshold_mask"


def _step(
    phase: Literal["search", "refine"],
    index: int,
    number: int,
    threshold: float,
    masked: Mask,
    mask: Mask,
    repaint: Volume,
    error: Volume,
    search: Search | None,
) -> Step:
    for array in (masked, mask, repaint, error):
        array.flags.writeable = False
    return Step(phase, index, number, threshold, masked, mask, repaint, error, search)


def _check(image: Volume, brain: Mask, guide: Volume) -> None:
    if image.ndim != 3 or brain.shape != image.shape or guide.shape != image.shape:
        raise ValueError(
            f"image, brain and guide must be 3-D and of one shape, got {image.shape}, "
            f"{brain.shape} and {guide.shape}."
        )
    if brain.dtype != bool:
        raise ValueError(f"brain must be bool, got {brain.dtype}.")
    if not brain.any():
        raise ValueError("the brain mask is empty, so there is nothing to refine.")
    if not (np.isfinite(image).all() and np.isfinite(guide).all()):
        raise ValueError("image and guide must be finite: set NaN and inf to the background first.")
