"""What the scanner does to a healthy brain of any contrast: blur, bias field, noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from napari_itermask.scans.intensity import Mask, Volume


@dataclass(frozen=True)
class AcquireDraw:
    """Every number that chance decides for one acquisition.

    ``sharpness`` and ``blur`` are the standard deviations in voxels of a blur along all axes and
    of one more along ``blur_axis`` (thick slices); ``bias`` the factors of twelve monomials in the
    logarithm of the bias field; ``noise`` relative to white matter.
    """

    blur: float
    blur_axis: int
    sharpness: float
    bias: tuple[float, ...]
    noise: float
    noise_seed: int


def draw_acquire(rng: np.random.Generator, bias: float = 0.06, noise: float = 0.05) -> AcquireDraw:
    """Draw one acquisition; ``bias`` is the spread of its monomials, ``noise`` the largest."""
    return AcquireDraw(
        blur=float(rng.uniform(0.3, 1.1)) if rng.random() < 0.5 else 0.0,
        blur_axis=int(rng.integers(3)),
        sharpness=float(rng.uniform(0.0, 0.45)),
        bias=tuple(float(v) for v in rng.normal(0, bias, 12)),
        noise=float(rng.uniform(0.0, noise)),
        noise_seed=int(rng.integers(2**31)),
    )


def acquire(image: Volume, brain: Mask, draw: AcquireDraw) -> Volume:
    """The image as scanned: ``(X, Y, Z)`` float32, 0 outside ``brain``."""
    clean = without_noise(image, brain, draw)
    return with_noise(clean, brain, draw.noise, draw.noise_seed)


def without_noise(image: Volume, brain: Mask, draw: AcquireDraw) -> Volume:
    """What the scanner would show if it were free of noise: blur and bias, 0 outside ``brain``."""
    sigma = np.full(3, draw.sharpness)
    sigma[draw.blur_axis] = np.hypot(draw.sharpness, draw.blur)
    if sigma.max() > 0.1:
        image = _blurred(image, brain, sigma.tolist())
    x, y, z = np.meshgrid(
        *(np.linspace(-1, 1, n, dtype=np.float32) for n in image.shape), indexing="ij", sparse=True
    )
    a, b, c, aa, bb, cc, ab, ac, bc, aaa, bbb, ccc = (np.float32(v) for v in draw.bias)
    power = (a * x + aa * x**2 + aaa * x**3) + (b * y + bb * y**2 + bbb * y**3)
    power = power + (c * z + cc * z**2 + ccc * z**3) + (ab * x * y) + (ac * x + bc * y) * z
    return np.where(brain, image * np.exp(power), 0).astype(np.float32)


def with_noise(image: Volume, brain: Mask, spread: float, seed: int) -> Volume:
    """``image`` with Gaussian noise of that standard deviation in the brain, 0 outside."""
    noise = np.random.default_rng(seed).standard_normal(image.shape, np.float32)
    return np.where(brain, image + np.float32(spread) * noise, 0).astype(np.float32)


def _blurred(image: Volume, brain: Mask, sigma: list[float]) -> Volume:
    """Blur within the brain: dividing by the blurred mask keeps the background out of its rim."""
    weight = ndimage.gaussian_filter(brain.astype(np.float32), sigma, truncate=3)
    out: Volume = ndimage.gaussian_filter(image, sigma, truncate=3) / np.maximum(weight, 1e-3)
    return out
