"""What is a run held against, and with which mask? Read off the window's thread."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_itermask.gui.placed.space import from_layer, volume_of
from napari_itermask.gui.trouble import explain

if TYPE_CHECKING:
    from napari_itermask.gui.layers import Shown
    from napari_itermask.gui.opening import Opened
    from napari_itermask.inspection.truth import Truth
    from napari_itermask.result import Run

KNOWN = "known"
"""The source of a truth that came with the scan: of a corrupted one, or of the sample patient."""
Source = Any
"""Of a truth: None, :data:`KNOWN`, the Path of a file, or a Labels layer."""


@dataclass(frozen=True, eq=False)
class Looked:
    """What the pages are about.

    Attributes
    ----------
    run
        The finished run; its mask is the painted one, where it was painted.
    own
        The run as it finished.
    opened
        Its scan, and how it lies in the viewer.
    truth
        None: none was chosen, or it cannot be used.
    problem
        Why it cannot be used, in a sentence.
    """

    run: Run
    own: Run
    opened: Opened
    truth: Truth | None = None
    problem: str = ""

    @property
    def painted(self) -> bool:
        """Whether the mask is no longer the run's own."""
        return self.run is not self.own

    @property
    def mask_of_truth(self) -> Any:
        """``(X, Y, Z)`` bool in the scan's voxels; None without a truth."""
        return self.truth.mask if self.truth is not None else None


def is_of(shown: Shown, run: Run) -> bool:
    """Whether a mask layer was given the result of ``run``, so that other voxels were painted."""
    return shown.final and shown.make() is run.mask


def look(
    run: Run,
    opened: Opened,
    drawn: tuple[Any, Shown] | None,
    read: Callable[[], Truth | None],
    before: Looked | None,
) -> Looked:
    """In the thread: the same object as ``before`` where nothing changed."""
    now = run
    if drawn is not None:
        data, shown = drawn
        mask = np.ascontiguousarray(from_layer(np.asarray(data) > 0, shown.affine, shown.shape))
        if not np.array_equal(mask, run.mask):
            now = replace(run, mask=mask)
            if before is not None and before.own is run:
                now = before.run if np.array_equal(mask, before.run.mask) else now
    truth, problem = None, ""
    try:
        truth = read()
    except (ValueError, OSError) as error:
        problem = explain(error).sentence
    if before is not None:
        if truth is not None and _same(truth, before.truth):
            truth = before.truth
        known = (before.run, before.own, before.opened, before.truth, before.problem)
        if known == (now, run, opened, truth, problem):
            return before
    return Looked(now, run, opened, truth, problem)


def _same(one: Truth, other: Truth | None) -> bool:
    alike = other is not None and (one.name, one.notes) == (other.name, other.notes)
    return alike and other is not None and np.array_equal(one.mask, other.mask)


def truth_reader(
    source: Source, known: Any, opened: Opened, layers: Iterable[Any]
) -> Callable[[], Truth | None]:
    """What reads the truth, off the window's thread."""
    from napari_itermask.inspection.truth import load_truth, truth_from_array

    scan = opened.scan
    if source is None or (source is KNOWN and known is None):
        return lambda: None
    if source is KNOWN:
        return lambda: truth_from_array(known, scan, name=f"the truth of {scan.name}")
    if isinstance(source, Path):
        return partial(load_truth, source, scan)
    return lambda: _of_layer(source, opened, layers)


def _of_layer(layer: Any, opened: Opened, beside: Iterable[Any]) -> Truth:
    """The truth that a Labels layer shows, where it is seen: an oblique scan is shown straight."""
    from napari_itermask.inspection.truth import truth_from_array

    volume = volume_of(layer, beside=[other for other in beside if other is not layer])
    place = np.linalg.inv(opened.view.matrix) @ volume.view.matrix @ volume.affine
    return truth_from_array(
        volume.voxels, opened.scan, affine=place, name=f"the layer {layer.name!r}"
    )
