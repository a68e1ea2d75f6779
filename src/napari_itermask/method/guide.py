"""What the network may always see: the image's high frequencies (the paper's guide)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import fft

PUBLISHED_CUTOFF = 15 / 192
"""Cutoff of the published code, in cycles/mm: 15 index units on a grid of 192 voxels of 1 mm."""


def high_frequency(
    image: NDArray[np.floating],
    cutoff: float = PUBLISHED_CUTOFF,
    spacing: Sequence[float] = (1.0, 1.0, 1.0),
) -> NDArray[np.float32]:
    """Keep the spectrum at and above ``cutoff``; below it, keep only the phase.

    Parameters
    ----------
    image
        ``(X, Y, Z)``, any float type.
    cutoff
        Spatial frequency in cycles/mm. A wavelength of ``1 / cutoff`` mm and longer loses its
        amplitude (it becomes 1).
    spacing
        Voxel size along each axis, in mm.

    Returns
    -------
    ``(X, Y, Z)`` float32, computed in float64.

    Notes
    -----
    Section "high-frequency guide" of the paper; frequencies are physical, so that grids that are
    not cubes are treated alike along every axis. On the published grid both readings agree.
    """
    spectrum = fft.rfftn(np.asarray(image, np.float64), workers=-1)
    last = image.ndim - 1
    squares: NDArray[np.float64] = np.zeros((1,) * image.ndim)
    for axis, (size, step) in enumerate(zip(image.shape, spacing, strict=True)):
        along = fft.rfftfreq(size, step) if axis == last else fft.fftfreq(size, step)
        squares = squares + (along**2).reshape([-1 if a == axis else 1 for a in range(image.ndim)])
    # Lattice points that lie on the edge belong to the high frequencies, whatever the rounding.
    low = squares < cutoff**2 * (1 - 1e-9)
    inside = spectrum[low]
    amplitude = np.abs(inside)
    silent = amplitude == 0
    inside[silent] = 1
    amplitude[silent] = 1
    spectrum[low] = inside / amplitude
    guide: NDArray[np.float64] = fft.irfftn(spectrum, s=image.shape, workers=-1)
    return guide.astype(np.float32)
