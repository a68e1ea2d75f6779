"""Brightness drifts from corner to corner: a polynomial in the exponent (published; method 9)."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_itermask.synthetic.draws import Draw, Mask, Volume
from napari_itermask.synthetic.visible import changed

COEFFICIENT = 0.1
ORDER = 3


def draw(severity: float, **_: Any) -> dict[str, Any]:
    """Nothing is left to chance; severity multiplies the exponent."""
    return {"coefficient": COEFFICIENT * severity, "order": ORDER}


def apply(image: Volume, brain: Mask, draw: Draw, **_: Any) -> tuple[Volume, Mask]:
    """Multiply by exp(coefficient x the sum of all monomials), axes running from -1 to 1."""
    after = image * np.exp(draw["coefficient"] * monomials(image.shape, draw["order"]))
    return after, changed(image, after, brain)


def monomials(shape: tuple[int, ...], order: int) -> Volume:
    """The sum of x^i y^j z^k over all i + j + k <= ``order``, on ``shape``."""
    x, y, z = (np.linspace(-1, 1, n).astype(np.float32) for n in shape)
    # Summed axis by axis: the inner sum is needed for each order that the outer one leaves over.
    along_z = np.cumsum([z**k for k in range(order + 1)], axis=0)
    along_y = [
        sum(y[:, None] ** j * along_z[left - j] for j in range(left + 1))
        for left in range(order + 1)
    ]
    out = np.zeros(shape, np.float32)
    for i in range(order + 1):
        out += x[:, None, None] ** i * along_y[order - i]
    return out
