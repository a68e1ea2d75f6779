"""How is a corrupted scan shown beside the clean one? As two layers of its own, gone when unused.

No layer of the user's is touched: the corrupted scan lies over the clean one, in the same place and
with the same limits, and the truth over both as an outline.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_itermask.figures.panel import TRUTH_COLOUR, grey_limits
from napari_itermask.gui.opening import Opened
from napari_itermask.gui.outline import outline
from napari_itermask.gui.placed.space import KEY, View, metadata, placing
from napari_itermask.gui.stream import show_fullest_slice

if TYPE_CHECKING:
    from napari_itermask.gui.corrupt.maker import Made

NAMES = ("corrupted (preview)", "truth (preview)")
KINDS = ("corrupted", "corrupted truth")


class Preview:
    """The two layers of one dock: made when first needed, changed in place, removed at the end."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._image: Any = None
        self._truth: Any = None

    @property
    def layers(self) -> list[Any]:
        """Those of the two that are in the viewer."""
        mine = (self._image, self._truth)
        return [layer for layer in mine if layer is not None and layer in self._viewer.layers]

    def show(self, made: Made, clean: Opened, like: Any = None) -> None:
        """Show a corrupted scan where the clean one lies, drawn as the layer ``like`` of that."""
        if len(self.layers) < 2:  # the user may have deleted one
            self.remove()
            with _selection_kept(self._viewer):
                self._make(made, clean, like)
            return
        for layer, data, kind in zip(self.layers, (made.image, made.truth), KINDS, strict=True):
            layer.data = data
            layer.metadata = _about(made, clean.view, kind=kind)
            if not layer.visible:
                layer.visible = True

    def go_to_truth(self) -> None:
        """Turn to where the truth is largest, if none of it is in the slice that is shown."""
        dims, layer = self._viewer.dims, self._truth
        if layer not in self.layers or dims.ndisplay == 3:
            return
        truth = np.asarray(layer.data) > 0
        axis = int(dims.not_displayed[-1]) - (dims.ndim - 3)
        here = round(float(layer.world_to_data(dims.point[-3:])[axis]))
        if not (0 <= here < truth.shape[axis] and truth.take(here, axis).any()):
            show_fullest_slice(self._viewer, truth, layer)

    def go_to_fullest(self) -> None:
        """Turn to where the truth is largest."""
        if self._truth in self.layers:
            show_fullest_slice(self._viewer, np.asarray(self._truth.data) > 0, self._truth)

    def hide(self) -> None:
        """Let the scan below be seen."""
        for layer in self.layers:
            layer.visible = False

    def remove(self) -> None:
        """Take the layers out of the viewer."""
        for layer in self.layers:
            self._viewer.layers.remove(layer)
        self._image = self._truth = None

    def hand_over(self, made: Made, clean: Opened) -> Opened:
        """Keep the layers as a scan and its truth; the next preview gets new ones.

        ``clean`` is what :func:`clean_of` then gives. What is in the viewer must be ``made``.
        """
        image, truth = self._image, self._truth
        self._image = self._truth = None
        name = f"{clean.name}, {made.wanted.words}"
        corrupted = made.corrupted
        more = {"scan": corrupted.scan, "truth": corrupted.truth, "clean": clean}
        image.metadata = _about(made, clean.view, **more, shows=truth)
        truth.metadata = _about(made, clean.view)
        image.name, truth.name = name, f"truth of {name}"  # the last: it makes lists look again
        return Opened(corrupted.scan, clean.view, image, corrupted.truth)

    def _make(self, made: Made, clean: Opened, like: Any) -> None:
        scan = made.corrupted.scan
        place = placing(scan.affine, scan.image.shape, clean.view)
        # With their kind from the start, or else they are offered as scans to refine.
        image, truth = (
            {"name": name, "metadata": _about(made, clean.view, kind=kind), **place}
            for name, kind in zip(NAMES, KINDS, strict=True)
        )
        self._image = self._viewer.add_image(made.image, **_looks(clean, like), **image)
        self._truth = self._viewer.add_labels(made.truth, opacity=0.9, **truth)
        self._truth.colormap = {0: "transparent", 1: TRUTH_COLOUR, None: TRUTH_COLOUR}
        self._truth.editable = False
        outline(self._truth)


def clean_of(opened: Opened | None) -> Opened | None:
    """The clean scan that the open one was made of here; None if it was not."""
    own = _own(opened.layer) if opened is not None else {}
    clean = own.get("clean")
    return clean if isinstance(clean, Opened) else None


def back_to(clean: Opened, viewer: Any) -> Opened:
    """The clean scan once more, with its layer if that is still there."""
    return clean if clean.layer in viewer.layers else replace(clean, layer=None)


def show_only(viewer: Any, opened: Opened | None) -> None:
    """Of all corrupted scans that were used, let only the open one be seen: no other covers it."""
    for layer in list(viewer.layers):
        own = _own(layer)
        if isinstance(own.get("clean"), Opened):
            seen = opened is not None and opened.layer is layer
            for one in (layer, own.get("shows")):
                if one is not None and one in viewer.layers and one.visible != seen:
                    one.visible = seen


def _looks(clean: Opened, like: Any) -> dict[str, Any]:
    if like is None:
        return {"contrast_limits": grey_limits(clean.scan)}
    return {
        "contrast_limits": tuple(like.contrast_limits),
        "colormap": like.colormap,
        "gamma": like.gamma,
    }


def _about(made: Made, view: View, /, **more: Any) -> dict[str, Any]:
    """Where it lies, and all that makes it again."""
    corrupted = made.corrupted
    scan, source = corrupted.scan, corrupted.source
    return metadata(
        scan.affine,
        scan.image.shape,
        scan.header,
        view=view,
        effect=corrupted.effect,
        severity=corrupted.severity,
        seed=corrupted.seed,
        draw=corrupted.draw,
        source=None if source is None else str(source),
        **more,
    )


def _own(layer: Any) -> dict[str, Any]:
    own = (getattr(layer, "metadata", None) or {}).get(KEY)
    return own if isinstance(own, dict) else {}


@contextmanager
def _selection_kept(viewer: Any) -> Iterator[None]:
    """napari selects what is new: the user's own selection comes back."""
    chosen, active = set(viewer.layers.selection), viewer.layers.selection.active
    yield
    viewer.layers.selection = {layer for layer in chosen if layer in viewer.layers}
    if active in viewer.layers:
        viewer.layers.selection.active = active
