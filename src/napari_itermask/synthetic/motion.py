"""The head moved while k-space was filled: some of its lines come from a turned, shifted head.

The middle of k-space was measured while the head lay still, so the anatomy stays in its place.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_itermask.synthetic.draws import Draw, Mask, Spacing, Volume
from napari_itermask.synthetic.kspace import planes, to_image, to_kspace
from napari_itermask.synthetic.visible import changed

AXIS = 1
"""Phase encoding: one plane of k-space after the other was measured along it."""
STILL = 0.03
"""The share of the lines on each side of the middle that no movement reaches."""
LATEST = 0.2
DEGREES = 2.0
MM = 2.0
TURNING = 2.0
"""The severity from which the moves come earlier rather than being larger."""


def draw(rng: np.random.Generator, severity: float, **_: Any) -> dict[str, Any]:
    """When the head moved, and how; severity multiplies angles and shifts.

    Beyond 2 a larger move changes no more, since the copies hardly overlap with the head any
    longer: from there on the moves come nearer to the middle of k-space instead.

    A move is [from, to, three angles in degrees, three shifts in mm]; from and to as shares of
    centred k-space. Two follow the middle, one precedes it.
    """
    far, near = min(severity, TURNING), min(1.0, TURNING / max(severity, TURNING))
    after = near * np.sort(rng.uniform(STILL, LATEST, 2))
    before = near * rng.uniform(STILL, LATEST)
    spans = [(0.5 + after[0], 0.5 + after[1]), (0.5 + after[1], 1.0), (0.0, 0.5 - before)]
    moves = []
    for start, end in spans:
        pose = rng.uniform(0.4, 1.0, 6) * rng.choice([-1.0, 1.0], 6)
        pose *= far * np.repeat([DEGREES, MM], 3)
        moves.append([float(v) for v in (start, end, *pose)])
    return {"axis": AXIS, "moves": moves}


def apply(
    image: Volume, brain: Mask, spacing: Spacing, draw: Draw, **_: Any
) -> tuple[Volume, Mask]:
    """Take each span of lines from the k-space of a moved copy."""
    axis, n = draw["axis"], image.shape[draw["axis"]]
    spectrum = to_kspace(image, [axis])
    centre = [float(np.mean(np.flatnonzero(brain.any(axis=others(a))))) for a in range(3)]
    for start, end, *pose in draw["moves"]:
        low, high = round(start * n), round(end * n)
        # The middle itself, the brightness of it all, was measured at rest.
        span = slice(max(low, n // 2 + 1), high) if start >= 0.5 else slice(low, min(high, n // 2))
        copy = moved(image, np.array(pose), np.array(centre), np.array(spacing))
        spectrum[planes(axis, span)] = to_kspace(copy, [axis])[planes(axis, span)]
    after = to_image(spectrum, [axis])
    return after, changed(image, after, brain)


def others(axis: int) -> tuple[int, ...]:
    """The two other axes of a volume."""
    return tuple(a for a in range(3) if a != axis)


def moved(
    image: Volume,
    pose: NDArray[np.float64],
    centre: NDArray[np.float64],
    spacing: NDArray[np.float64],
) -> Volume:
    """``image``, turned around ``centre`` (voxels) and shifted: three degrees, then three mm."""
    from scipy import ndimage
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_euler("xyz", pose[:3], degrees=True).as_matrix()
    matrix = np.diag(1 / spacing) @ turn.T @ np.diag(spacing)
    offset = centre - matrix @ (centre + pose[3:] / spacing)
    # Only the part that holds anything is resampled: a head is half of its volume.
    box = box_of_signal(image, margin=int(np.abs(pose[3:] / spacing).max()) + 8)
    start = np.array([b.start for b in box])
    out = np.zeros_like(image)
    out[box] = ndimage.affine_transform(
        image, matrix, matrix @ start + offset, out[box].shape, order=1
    )
    return out


def box_of_signal(image: Volume, margin: int) -> tuple[slice, ...]:
    """The smallest box around all that is not 0, and ``margin`` voxels more where there are."""
    box = []
    for axis in range(3):
        inside = np.flatnonzero(image.any(axis=others(axis)))
        low, high = (int(inside[0]), int(inside[-1])) if inside.size else (0, 0)
        box.append(slice(max(0, low - margin), min(image.shape[axis], high + margin + 1)))
    return tuple(box)
