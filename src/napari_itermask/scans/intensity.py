"""How a scan's intensities are scaled before a model sees them: named rules, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Volume = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Scaled:
    """A scaled volume, and what is needed to return to the scan's own intensities.

    ``image = (original - offset) / scale`` inside the brain, before clipping; ``background``
    outside it.
    """

    image: Volume
    background: float
    scale: float
    offset: Volume | float

    def original(self, image: Volume) -> Volume:
        """Intensities of the scan for ``image``, a volume in the model's units."""
        return np.asarray(image * self.scale + self.offset, np.float32)


def minmax90(image: Volume, brain: Mask) -> Scaled:
    """[0, the brain's 90th percentile] becomes [-3, 3], background -3, no clipping.

    The rule of the authors' 2D predecessor (IterMask2); what their 3D code expects was never
    published.
    """
    top = float(np.percentile(image[brain], 90))
    return _scaled(image, brain, scale=top / 6, offset=top / 2, background=-3.0)


def zscore(image: Volume, brain: Mask) -> Scaled:
    """The brain's mean becomes 0 and its standard deviation 1; the background its minimum."""
    inside = image[brain]
    scale, offset = float(inside.std()), float(inside.mean())
    background = (float(inside.min()) - offset) / (scale or 1.0)  # a scale of 0 is refused below
    return _scaled(image, brain, scale, offset, background)


def flat_iqr(image: Volume, brain: Mask) -> Scaled:
    """A smooth bias is taken off; then median 0, interquartile range 2, clipped to [-6, 12].

    The bias is an additive quadratic polynomial, fitted robustly inside the brain (Tukey's
    biweight), so that a lesion hardly moves it. Background -6.
    """
    return _by_quartiles(image, brain, quadratic_bias(image, brain))


def iqr(image: Volume, brain: Mask) -> Scaled:
    """Median 0, interquartile range 2, clipped to [-6, 12], background -6; any bias stays.

    For models that should see a bias field as an anomaly, which ``flat-iqr`` would take off.
    """
    return _by_quartiles(image, brain, 0.0)


RULES: dict[str, Callable[[Volume, Mask], Scaled]] = {
    "minmax90": minmax90,
    "zscore": zscore,
    "flat-iqr": flat_iqr,
    "iqr": iqr,
}


def normalise(image: Volume, brain: Mask, rule: str) -> Scaled:
    """Scale ``image`` ``(X, Y, Z)`` by the rule of that name, within ``brain``.

    Raises
    ------
    ValueError
        If there is no such rule, or if the brain shows a single intensity.
    """
    if rule not in RULES:
        raise ValueError(
            f"there is no normalisation named {rule!r}: choose one of {', '.join(RULES)}."
        )
    return RULES[rule](np.asarray(image, np.float32), brain)


def quadratic_bias(image: Volume, brain: Mask, rounds: int = 12, stride: int = 3) -> Volume:
    """The smooth additive bias of ``image`` inside ``brain``: ``(X, Y, Z)``, mean 0 in the brain.

    Ten monomials up to order 2, fitted by iteratively reweighted least squares with Tukey's
    biweight on every ``stride``-th voxel along each axis.
    """
    axes = np.meshgrid(
        *(np.linspace(-1, 1, n, dtype=np.float32) for n in image.shape), indexing="ij"
    )
    x, y, z = axes
    terms = [np.ones_like(x), x, y, z, x * x, y * y, z * z, x * y, x * z, y * z]
    thin = (slice(None, None, stride),) * 3
    some = brain[thin]
    if np.count_nonzero(some) < 100:
        thin, some = (slice(None),) * 3, brain
    design = np.stack([t[thin][some] for t in terms], axis=1).astype(np.float64)
    values = image[thin][some].astype(np.float64)
    weights = np.ones_like(values)
    for _ in range(rounds):
        weighted = design * weights[:, None]
        # lstsq on the normal equations survives a brain so thin that terms coincide.
        fit = np.linalg.lstsq(weighted.T @ design, weighted.T @ values, rcond=None)[0]
        residual = values - design @ fit
        spread = 1.4826 * np.median(np.abs(residual - np.median(residual)))
        if spread == 0:
            break
        weights = np.clip(1 - (residual / (4.685 * spread)) ** 2, 0, None) ** 2
    field = np.zeros(image.shape, np.float32)
    for factor, term in zip(fit, terms, strict=True):
        field += np.float32(factor) * term
    return field - np.float32(field[brain].mean())


def _by_quartiles(image: Volume, brain: Mask, bias: Volume | float) -> Scaled:
    low, middle, high = np.percentile((image - bias)[brain], [25, 50, 75])
    scale = float(high - low) / 2
    return _scaled(image, brain, scale, bias + float(middle), -6.0, clip=(-6.0, 12.0))


def _scaled(
    image: Volume,
    brain: Mask,
    scale: float,
    offset: Volume | float,
    background: float,
    clip: tuple[float, float] | None = None,
) -> Scaled:
    if not np.isfinite(scale) or scale <= 0:
        raise ValueError(
            "the brain shows (almost) a single intensity, so it cannot be scaled: "
            "check that the scan is an MR image and the brain mask lies on the brain."
        )
    out = ((image - offset) / np.float32(scale)).astype(np.float32)
    if clip:
        np.clip(out, *clip, out=out)
    out[~brain] = background
    return Scaled(out, background, scale, offset)
