"""The loop of the paper: mask the brain, repaint, unmask where the repaint agrees, repeat.

Sections "threshold search" and "iterative mask refinement" of Liang et al. (2026).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence

import numpy as np
from scipy import ndimage

from napari_itermask.method.error import ErrorMap, Mask, Volume
from napari_itermask.method.settings import RefineSettings
from napari_itermask.method.start import Start, check_rule, inside, needs_search
from napari_itermask.method.steps import Phase, Search, Step, pack
from napari_itermask.method.threshold import POINTS, Calibration, Choice, kth_error
from napari_itermask.notes import Tell

Reconstruct = Callable[[Volume, Volume], Volume]
Noise = Callable[[int], Volume]
Steps = Generator[Step, RefineSettings | None, None]


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
    start: Mask | None = None,
    within: Mask | None = None,
    tell: Tell | None = None,
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
        :class:`Search` is taken instead of a new one. Passes are then counted on from it, so that
        noise and result are those of a run that made this search itself.
    start
        ``(X, Y, Z)`` bool: what the refinement hides first instead of the whole brain ("what if
        this were unmasked?"), whatever ``settings.start_mask`` says. Where the calibrated rule has
        no search to read its scale from, one pass over the whole brain comes before.
    within
        ``(X, Y, Z)`` bool: nothing outside it is ever masked in the refinement. The search is made
        in the whole brain.
    tell
        Called with each sentence that a person should know; None: a UserWarning.

    Raises
    ------
    ValueError
        If the arrays do not fit together, the brain is empty, the rule is "calibrated" and
        there is no calibration, or ``search`` is not finished.
    """
    settings = settings or RefineSettings()
    image, guide = np.asarray(image, np.float32), np.asarray(guide, np.float32)
    _check(image, brain, guide)
    brain = brain.copy()  # it becomes the first Step's mask, which is read-only
    noise = noise or seeded_noise(settings.seed, image.shape)
    start, within = inside("start", start, brain), inside("within", within, brain)
    found = search if isinstance(search, Search) else None
    if found is not None and not np.array_equal(found.brain, brain):
        raise ValueError("this search was made in another brain, so it cannot be taken over.")
    run_pass = _Passes(image, guide, reconstruct, noise, index=POINTS if found else 0)
    while True:
        check_rule(settings, calibration, found)
        errors = ErrorMap(image, brain, spacing, settings, expected)
        if found is None and (search or needs_search(settings)):
            found = Search(brain)
            settings = yield from _search(run_pass, errors, found, settings, calibration)
            if not settings.same_score(errors.settings):
                found = None
                continue
        begin = Start(found, calibration, start, within, tell)
        sent = yield from _refinement(run_pass, errors, settings, begin, spacing)
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
        self, image: Volume, guide: Volume, reconstruct: Reconstruct, noise: Noise, index: int
    ) -> None:
        self.index = index
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
    run_pass: _Passes,
    errors: ErrorMap,
    found: Search,
    settings: RefineSettings,
    calibration: Calibration | None,
) -> Generator[Step, RefineSettings | None, RefineSettings]:
    """Fill ``found`` in a hundred passes; returns early once sent settings spoil its curve."""
    mask = errors.brain
    for percent in range(1, POINTS + 1):
        index, repaint = run_pass(mask)
        error = errors(repaint)
        threshold = kth_error(error, errors.brain, percent)
        masked, mask = mask, error > threshold
        found.thresholds.append(threshold)
        found.packed.append(pack(mask, errors.brain))
        if percent == 1 and calibration is not None:
            found.calibrated = calibration.threshold(errors, repaint)
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
    settings: RefineSettings,
    begin: Start,
    spacing: Sequence[float],
) -> Generator[Step, RefineSettings | None, RefineSettings | None]:
    """Pass after pass until the mask settles; returns sent settings that ask for a new start."""
    choice = begin.choice(settings)
    first = begin.mask(errors.brain, settings, choice)
    # The calibrated rule reads its scale where the whole brain is masked, whatever comes first.
    mask = first if choice else errors.brain
    number = 0
    while True:
        number += 1
        index, repaint = run_pass(mask)
        error = errors(repaint)
        prelude = choice is None and first is not errors.brain
        if choice is None:
            assert begin.calibration is not None  # see check_rule()
            choice = Choice(begin.calibration.threshold(errors, repaint), None)
        new = first if prelude else begin.bound(error > choice.threshold)
        if settings.only_shrink:
            new = new & mask
        last = not prelude and (_settled(mask, new, settings) or number >= settings.max_passes)
        if last:
            new = drop_small(new, settings.min_volume, spacing)
        threshold, found = choice.threshold, begin.found
        sent = yield _step("refine", index, number, threshold, mask, new, repaint, error, found)
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


def _step(
    phase: Phase,
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
