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
    return Spectrum(image, spacing).guide(cutoff)


class Spectrum:
    """The spectrum of an image, made once, so that guides of many cutoffs can be cut from it.

    Parameters
    ----------
    image
        ``(X, Y, Z)``, any float type.
    spacing
        Voxel size along each axis, in mm.
    """

    def __init__(
        self, image: NDArray[np.floating], spacing: Sequence[float] = (1.0, 1.0, 1.0)
    ) -> None:
        self.shape = image.shape
        self.spacing = tuple(float(s) for s in spacing)
        self._values = fft.rfftn(np.asarray(image, np.float64), workers=-1)
        last = image.ndim - 1
        squares: NDArray[np.float64] = np.zeros((1,) * image.ndim)
        for axis, (size, step) in enumerate(zip(image.shape, spacing, strict=True)):
            along = fft.rfftfreq(size, step) if axis == last else fft.fftfreq(size, step)
            squares = squares + (along**2).reshape(
                [-1 if a == axis else 1 for a in range(image.ndim)]
            )
        self._squares = squares

    @property
    def lowest(self) -> float:
        """The lowest frequency above 0, in cycles/mm: one wave along the longest side."""
        longest = max(n * s for n, s in zip(self.shape, self.spacing, strict=True))
        return float(1 / longest)

    @property
    def highest(self) -> float:
        """The highest frequency that the finest axis holds (Nyquist), in cycles/mm."""
        return 0.5 / min(self.spacing)

    def guide(self, cutoff: float = PUBLISHED_CUTOFF) -> NDArray[np.float32]:
        """What :func:`high_frequency` gives for ``cutoff`` in cycles/mm."""
        spectrum = self._values.copy()
        # Lattice points that lie on the edge belong to the high frequencies, whatever the rounding.
        low = self._squares < cutoff**2 * (1 - 1e-9)
        inside = spectrum[low]
        amplitude = np.abs(inside)
        silent = amplitude == 0
        inside[silent] = 1
        amplitude[silent] = 1
        spectrum[low] = inside / amplitude
        guide: NDArray[np.float64] = fft.irfftn(spectrum, s=self.shape, workers=-1)
        return guide.astype(np.float32)

    def radial(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean power against frequency, whatever the direction.

        Returns
        -------
        Frequency in cycles/mm, from :attr:`lowest` to :attr:`highest`, and the mean of
        ``|F|^2 / N`` over the shell around each, in squared units of the image; both ``(n,)``.
        """
        shell = np.rint(np.sqrt(self._squares) / self.lowest).astype(np.intp).ravel()
        # Half a spectrum is kept: all but the first (and, of an even side, the last) plane of the
        # last axis stand for two.
        twice = np.full(self._values.shape[-1], 2.0)
        twice[0] = 1
        if self.shape[-1] % 2 == 0:
            twice[-1] = 1
        weight = np.broadcast_to(twice, self._values.shape).ravel()
        power = (np.abs(self._values) ** 2).ravel() / np.prod(self.shape)
        last = int(self.highest / self.lowest * (1 + 1e-9))
        counts = np.bincount(shell, weight)[1 : last + 1]
        sums = np.bincount(shell, weight * power)[1 : last + 1]
        filled = counts > 0
        frequency = np.arange(1, len(counts) + 1, dtype=np.float64)[filled] * self.lowest
        return frequency, sums[filled] / counts[filled]
