"""How do two compared results lie in the viewer: where they differ, and one over the other?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray

from napari_itermask.figures.panel import MASK_COLOUR
from napari_itermask.gui.outline import outline
from napari_itermask.gui.placed.space import KEY, Affine, View, metadata, placing, to_layer
from napari_itermask.gui.runs.compare import COLOURS, ONLY_A, ONLY_B, Difference, Side

if TYPE_CHECKING:
    from napari_itermask.gui.session import Session

What = Literal["masks", "reconstructions", "error maps"]
WHAT: tuple[What, ...] = ("masks", "reconstructions", "error maps")

DIFFERENCE = "difference"


def show_difference(viewer: Any, layer: Any | None, found: Difference, view: View | None) -> Any:
    """Show where two masks differ, in ``layer`` if it is still there, else in a new one."""
    affine, shape = found.a.affine, found.labels.shape
    data = to_layer(found.labels, affine)
    placed = placing(affine, shape, view)
    own = metadata(affine, shape, view=view, kind=DIFFERENCE, of=(found.a.name, found.b.name))
    features = {
        "index": list(found.names),
        "name": list(found.names.values()),
        "ml": [round(found.ml[label], 3) for label in found.names],
    }
    if layer is None or layer not in viewer.layers or layer.data.shape != data.shape:
        remove(viewer, [layer])
        layer = viewer.add_labels(data, name=DIFFERENCE, opacity=0.8, **placed)
        layer.colormap = {0: "transparent", None: "transparent", **COLOURS}
        layer.editable = False
    else:
        layer.data = data
        viewer.layers.move(viewer.layers.index(layer), len(viewer.layers))  # to the top
    layer.features = features
    layer.metadata = own
    return layer


def go_where_it_differs(viewer: Any, layer: Any) -> None:
    """Turn to the slice that differs most, if nothing differs in the one that is shown."""
    if viewer.dims.ndisplay != 2:
        return
    data = np.asarray(layer.data)
    axis = viewer.dims.order[0] - (viewer.dims.ndim - data.ndim)
    differs = ((data == ONLY_A) | (data == ONLY_B)).sum(axis=tuple({0, 1, 2} - {axis}))
    point = np.asarray(viewer.dims.point)[-3:]
    here = round(float(layer.world_to_data(point)[axis]))
    if differs.any() and not (0 <= here < len(differs) and differs[here]):
        middle = [(n - 1) / 2 for n in data.shape]
        middle[axis] = float(differs.argmax())
        viewer.dims.set_point(viewer.dims.order[0], float(layer.data_to_world(middle)[axis]))


def flicker_layers(
    viewer: Any, sides: tuple[Side, Side], what: What, view: View | None
) -> tuple[Any, Any]:
    """A hidden layer for each side, one over the other, under the masks that are there.

    Both have the same colours and limits where they measure the same, so that only what differs
    is seen to change.
    """
    a, b = sides
    if what == "masks":
        return _mask(viewer, "A", a, view), _mask(viewer, "B", b, view)
    if what == "reconstructions":
        assert a.reconstruction is not None
        assert b.reconstruction is not None
        limits = _limits(a.reconstruction, 1.0)
        first, second = (
            _image(viewer, f"{letter} {what[:-1]}: {side.name}", volume, side.affine, limits, view)
            for letter, side, volume in (("A", a, a.reconstruction), ("B", b, b.reconstruction))
        )
        return first, second
    first, second = (
        _image(
            viewer,
            f"{letter} {what[:-1]}: {side.name}",
            side.error,
            side.affine,
            _limits(side.error, 0.0),
            view,
            colormap="inferno",
        )
        for letter, side in (("A", a), ("B", b))
    )
    return first, second


def view_on(session: Session, side: Side) -> View | None:
    """The view of the open scan, for what lies on the same voxels."""
    opened = session.opened
    if opened is None or opened.scan.image.shape != side.mask.shape:
        return None
    return opened.view if np.allclose(opened.scan.affine, side.affine, atol=1e-4) else None


def lies_over(layer: Any) -> bool:
    """Whether a layer shows a comparison, which would lie over two masks that are swapped."""
    own = layer.metadata.get(KEY)
    return isinstance(own, dict) and own.get("kind") == DIFFERENCE


def remove(viewer: Any, layers: Iterable[Any]) -> None:
    """Remove layers that are still there."""
    for layer in layers:
        if layer is not None and layer in viewer.layers:
            viewer.layers.remove(layer)


def _mask(viewer: Any, letter: str, side: Side, view: View | None) -> Any:
    layer = viewer.add_labels(
        to_layer(side.mask, side.affine).astype(np.uint8),
        name=f"{letter} mask: {side.name}",
        visible=False,
        opacity=0.9,
        metadata=metadata(side.affine, side.mask.shape, view=view, kind="compared"),
        **placing(side.affine, side.mask.shape, view),
    )
    layer.colormap = {0: "transparent", 1: MASK_COLOUR, None: MASK_COLOUR}
    outline(layer)
    layer.editable = False
    return layer


def _image(
    viewer: Any,
    name: str,
    volume: NDArray[Any],
    affine: Affine,
    limits: tuple[float, float],
    view: View | None,
    colormap: str = "gray",
) -> Any:
    layer = viewer.add_image(
        to_layer(volume, affine).astype(np.float32, copy=False),
        name=name,
        visible=False,
        contrast_limits=limits,
        colormap=colormap,
        metadata=metadata(affine, volume.shape, view=view, kind="compared"),
        **placing(affine, volume.shape, view),
    )
    labels = [at for at, other in enumerate(viewer.layers) if isinstance(other, Labels)]
    if labels:
        viewer.layers.move(viewer.layers.index(layer), labels[0])
    return layer


def _limits(volume: NDArray[Any], low: float) -> tuple[float, float]:
    """From the lower percentile to nearly the top of what is not background."""
    inside = volume[volume != volume.flat[0]]
    if inside.size == 0:
        return 0.0, 1.0
    bottom, top = np.percentile(inside, [low, 99.5]) if low else (0.0, np.percentile(inside, 99.5))
    return float(bottom), float(max(top, bottom + 1e-6))
