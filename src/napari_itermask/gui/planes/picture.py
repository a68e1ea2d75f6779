"""What does a plane draw? A slice and its looks, and the outline of a slice of a mask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Picture:
    """A slice and how it is drawn.

    Attributes
    ----------
    key
        Equal where the pixels are the same.
    pixels
        ``(n, m)``: along the plane, and upward.
    rect
        Where it lies in the plane, in mm: left, bottom, width, height.
    limits
        What the first and the last colour stand for.
    colours
        ``(256, 4)`` uint8.
    """

    key: tuple[Any, ...]
    pixels: NDArray[Any]
    rect: tuple[float, float, float, float]
    limits: tuple[float, float] = (0.0, 1.0)
    colours: NDArray[np.uint8] | None = None
    opacity: float = 1.0
    adds: bool = False


def edges(
    mask: NDArray[np.bool_], rect: tuple[float, float, float, float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The edges between what is in a mask and what is not, as pairs of ends ``(2 k,)`` in mm.

    Parameters
    ----------
    mask
        ``(n, m)`` bool: along and upward.
    rect
        Left, bottom, width and height of it.
    """
    framed = np.zeros((mask.shape[0] + 2, mask.shape[1] + 2), bool)
    framed[1:-1, 1:-1] = mask
    i, j = np.nonzero(framed[1:, 1:-1] != framed[:-1, 1:-1])  # edges that run upward
    k, m = np.nonzero(framed[1:-1, 1:] != framed[1:-1, :-1])  # and along
    x = np.concatenate([np.column_stack([i, i]).ravel(), np.column_stack([k, k + 1]).ravel()])
    y = np.concatenate([np.column_stack([j, j + 1]).ravel(), np.column_stack([m, m]).ravel()])
    left, bottom, width, height = rect
    return left + x * width / mask.shape[0], bottom + y * height / mask.shape[1]
