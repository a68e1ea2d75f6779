"""How is a volume turned into k-space along some axes, changed there, and turned back?

k-space is centred: along an axis of n voxels the frequency of index k is (k - n // 2) / n cycles a
voxel. Of the changed image the real part is kept, as TorchIO does, so that an image that was not
changed comes back as it was. float32 in, float32 out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from napari_itermask.synthetic.draws import Volume

Spectrum = NDArray[np.complex64]


def to_kspace(image: Volume, axes: Sequence[int]) -> Spectrum:
    """The centred spectrum of ``image`` along ``axes``."""
    out: Spectrum = fft.fftshift(fft.fftn(image, axes=axes), axes=axes)
    return out


def to_image(spectrum: Spectrum, axes: Sequence[int]) -> Volume:
    """The real part of the image whose centred spectrum along ``axes`` this is."""
    image = fft.ifftn(fft.ifftshift(spectrum, axes=axes), axes=axes, overwrite_x=True)
    return np.ascontiguousarray(image.real, np.float32)


def planes(axis: int, of: slice | NDArray[np.intp]) -> tuple[slice | NDArray[np.intp], ...]:
    """The index of whole planes of a volume: ``of`` along ``axis``, all of the others."""
    return (slice(None),) * axis + (of,)
