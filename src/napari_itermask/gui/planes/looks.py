"""How is a slice drawn? As napari draws the layer of it: the same limits, colours and opacity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

EARS = ("contrast_limits", "colormap", "gamma", "opacity", "blending")
"""Events of a layer after which it looks otherwise."""


@dataclass(frozen=True, eq=False)
class Look:
    """Limits, 256 colours ``(256, 4)`` uint8, and how they lie on what is below."""

    limits: tuple[float, float]
    colours: NDArray[np.uint8]
    opacity: float = 1.0
    adds: bool = False


class Looks:
    """The looks of layers; a table of colours is made when it changes, and only then."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[Any, float, NDArray[np.uint8]]] = {}
        self._plain: dict[str, tuple[str, NDArray[np.uint8]]] = {}

    def of(self, kind: str, layer: Any) -> Look:
        """The look of an Image layer."""
        low, high = (float(limit) for limit in layer.contrast_limits)
        colours = self._table(kind, layer.colormap, float(layer.gamma))
        adds = str(layer.blending) == "additive"
        return Look((low, high), colours, float(layer.opacity), adds)

    def plain(self, kind: str, colormap: str, limits: tuple[float, float]) -> Look:
        """The look of what has no layer; the colours begin with glass unless they are grey."""
        from napari.utils.colormaps import ensure_colormap

        if self._plain.get(kind, (None,))[0] != colormap:
            colours = _table(ensure_colormap(colormap), 1.0)
            colours[0, 3] = 255 if colormap == "gray" else 0
            self._plain[kind] = colormap, colours
        return Look(limits, self._plain[kind][1])

    def _table(self, kind: str, colormap: Any, gamma: float) -> NDArray[np.uint8]:
        made = self._made.get(kind)
        if made is None or made[0] is not colormap or made[1] != gamma:
            made = self._made[kind] = colormap, gamma, _table(colormap, gamma)
        return made[2]


def _table(colormap: Any, gamma: float) -> NDArray[np.uint8]:
    mapped = np.asarray(colormap.map(np.linspace(0, 1, 256) ** gamma))
    out: NDArray[np.uint8] = np.rint(255 * mapped).astype(np.uint8)
    return out
