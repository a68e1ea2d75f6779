"""What does a scan look like with one anomaly in it, and which voxels are it?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.orientations import apply_orientation, io_orientation, ornt_transform
from numpy.typing import NDArray

from napari_itermask.scans.grid import canonical_spacing
from napari_itermask.scans.modality import modality_of_intensities, modality_of_name
from napari_itermask.scans.scan import Scan
from napari_itermask.synthetic.draws import Mask, Spacing, Volume
from napari_itermask.synthetic.effects import Effect, check_severity, effect_named


@dataclass(frozen=True, eq=False)
class Corrupted:
    """A scan with one synthetic anomaly or artefact.

    Attributes
    ----------
    scan
        The corrupted scan, in the clean one's voxels and space, with the brain mask of the clean
        one.
    truth
        ``(X, Y, Z)`` bool, in the scan's voxels: what changed visibly, within the brain.
    effect, severity, seed
        What was asked for.
    draw
        What chance decided: with it the same is made again.
    source
        The clean scan's file, if it came from one.
    """

    scan: Scan
    truth: Mask
    effect: str
    severity: float
    seed: int
    draw: dict[str, Any]
    source: Path | None = None


def corrupt(
    scan: Scan,
    effect: str,
    severity: float = 1.0,
    seed: int = 0,
    brain: Mask | None = None,
    *,
    draw: Mapping[str, Any] | None = None,
) -> Corrupted:
    """Put one anomaly or artefact into a scan; the scan itself is left as it is.

    Effects work on the canonical view (RAS) of the scan, so that the same anatomy is changed
    whatever the file's axes; the result is in the scan's own voxels. What the effect does not
    reach keeps its values to the last bit.

    Parameters
    ----------
    scan
        From :func:`load_scan`, or made in memory.
    effect
        A name of ``napari_itermask.synthetic.effects.EFFECTS``: "spike", "focal_lesion", ...
    severity
        0 (nothing) to 10; 1 is the default strength, for the paper's effects the published one.
    seed
        Of chance: the same seed, the same result.
    brain
        ``(X, Y, Z)`` bool; None: the scan's own.
    draw
        The draw of an earlier result, to make the same again; its own severity counts then, and
        the seed is only noted.

    Returns
    -------
    Corrupted

    Raises
    ------
    ValueError
        If there is no such effect, a number is out of range, or the draw does not fit.

    Notes
    -----
    Section 9 of the method. No signal is the background, or the brain's lowest value where that
    lies below (z-scored scans).

    Examples
    --------
    >>> import napari_itermask as itm
    >>> from napari_itermask.synthetic.patient import sample_files
    >>> made = itm.corrupt(itm.load_scan(sample_files().flair), "spike", severity=0.5)
    >>> made.effect, made.draw["intensity"]
    ('spike', 2.0)
    """
    kind = effect_named(effect)
    severity = check_severity(severity)
    seed = _check_seed(seed)
    if brain is not None:
        scan = _with_brain(scan, brain)
    orientation = io_orientation(scan.affine)
    inside: Mask = np.ascontiguousarray(apply_orientation(scan.brain, orientation))
    spacing = canonical_spacing(scan.affine)
    sizes: Spacing = (float(spacing[0]), float(spacing[1]), float(spacing[2]))
    drawn = kind.draw(np.random.default_rng(seed), severity, inside, sizes)
    if draw is None:
        if drawn.get("contrast") == "":
            seen = modality_of_name(scan.path) or modality_of_intensities(scan.image, scan.brain)
            drawn["contrast"] = seen or "flair"
    else:
        _check_draw(kind, draw, drawn)
        drawn = dict(draw)
        severity = drawn["severity"]
    zero = _no_signal(scan)
    before: Volume = np.ascontiguousarray(
        apply_orientation(scan.image - zero, orientation), np.float32
    )
    try:
        after, truth = kind.apply(before, inside, sizes, drawn)
    except (IndexError, KeyError, OverflowError, TypeError, ValueError, MemoryError) as error:
        if draw is None:
            raise
        raise ValueError(
            f"this draw of {effect!r} does not fit {scan.name} ({error}): give one that was made "
            "on this scan, unchanged."
        ) from None
    back = ornt_transform(np.column_stack([np.arange(3), np.ones(3)]), orientation)
    own: Mask = np.ascontiguousarray(apply_orientation(after != before, back))
    moved = np.asarray(apply_orientation(after, back) + zero, np.float32)
    note = f"synthetic: {kind.name}, severity {severity:g}, seed {seed}."
    made = replace(
        scan,
        image=np.where(own, moved, scan.image),
        path=None,
        brain_path=None,
        notes=(*scan.notes, note),
    )
    return Corrupted(
        scan=made,
        truth=np.ascontiguousarray(apply_orientation(truth, back)),
        effect=kind.name,
        severity=severity,
        seed=seed,
        draw=drawn,
        source=scan.path,
    )


def _no_signal(scan: Scan) -> NDArray[np.float32] | np.float32:
    """What each voxel would show without signal: the background, or the brain's lowest value."""
    lowest = min(float(scan.image[scan.brain].min()), scan.background)
    if lowest == scan.background:
        return np.float32(lowest)
    outside = ~scan.brain & (scan.image == np.float32(scan.background))
    return np.where(outside, np.float32(scan.background), np.float32(lowest))


def _with_brain(scan: Scan, brain: Mask) -> Scan:
    if not np.issubdtype(getattr(brain, "dtype", object), np.bool_):
        raise ValueError("the brain mask must be bool, True in the brain: compare it with 0 first.")
    return replace(scan, brain=brain, brain_path=None, brain_source="given")


def _check_seed(seed: int) -> int:
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**63:
        raise ValueError(f"seed {seed!r} cannot be used: give a whole number from 0 on.")
    return int(seed)


def _check_draw(kind: Effect, draw: Mapping[str, Any], like: Mapping[str, Any]) -> None:
    """A draw must look like one that was just made: its names, and numbers where those are."""
    lacks, more = sorted(set(like) - set(draw)), sorted(set(draw) - set(like))
    wrong = [name for name in like if name in draw and not _alike(draw[name], like[name])]
    for words, names in (("lacks", lacks), ("has an unknown", more), ("has a wrong", wrong)):
        if names:
            raise ValueError(
                f"this draw of {kind.name!r} {words} {names[0]!r}: give the draw of an earlier "
                "result, unchanged."
            )
    check_severity(draw["severity"])


def _alike(value: Any, like: Any) -> bool:
    if isinstance(like, list):
        return isinstance(value, list) and all(_alike(v, like[0]) for v in value)
    if isinstance(like, str):
        return isinstance(value, str)
    whole = isinstance(like, int) and not isinstance(value, int)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and not whole and bool(np.isfinite(value))
