"""What should be shown of a session right now, and a small applier that touches what changed.

``resolve`` is pure: (opened scan, run, pass) -> one :class:`Shown` a layer. A layer's data are made
only when its content is new and it is visible.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_itermask.figures.panel import MASK_COLOUR
from napari_itermask.gui.outline import outline
from napari_itermask.gui.placed.axes import turned
from napari_itermask.gui.placed.space import KEY, Affine, View, metadata, placing
from napari_itermask.gui.preferences import ErrorStyle

if TYPE_CHECKING:
    from napari_itermask.gui.opening import Opened
    from napari_itermask.method.steps import Search, Step
    from napari_itermask.prepare import OnGrid
    from napari_itermask.run import Run
    from napari_itermask.scans.grid import Placement
    from napari_itermask.scans.intensity import Mask

Kind = Literal["masked input", "guide", "reconstruction", "error", "mask"]
KINDS: tuple[Kind, ...] = ("masked input", "guide", "reconstruction", "error", "mask")
"""The live layers, from the lowest to the topmost."""

Make = Callable[[], NDArray[Any]]
Range = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Shown:
    """One layer as it should be.

    Attributes
    ----------
    content
        Equal where the voxels are the same: data are made only when it changes.
    make
        Makes the voxels, ``(X, Y, Z)`` in the order of ``affine``.
    affine, shape
        Where they lie, RAS mm.
    limits
        What is drawn as black and as white; None for labels.
    final
        Whether it is a finished run's result, in the scan's own voxels.
    """

    content: tuple[Any, ...]
    make: Make
    affine: Affine
    shape: tuple[int, ...]
    limits: Range | None = None
    final: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)


def resolve(
    opened: Opened,
    grid: OnGrid,
    step: Step,
    *,
    serial: int,
    number: int,
    seed: int,
    limits: Limits,
    search: Search | None = None,
    preview: int | None = None,
    run: Run | None = None,
    exact: bool = True,
) -> dict[Kind, Shown]:
    """What should be shown of one pass.

    Parameters
    ----------
    opened, grid
        The scan, and how the network sees it.
    step
        The pass that is shown.
    serial, number
        Of the run: no two share a serial, so that none takes another's content for its own.
    limits
        Contrast limits, fixed for the whole run so that nothing flickers.
    search, preview
        With a point of the curve, the mask is the search's at that point.
    run
        The finished run, if its last pass is shown: then in the scan's own voxels.
    exact
        Whether reconstruction and error are those of this very pass (else of the nearest kept).
    """
    if preview is not None and search is not None:
        mask: Callable[[], Mask] = lambda: search.mask(preview)  # noqa: E731
        threshold = float(search.thresholds[preview])
    else:
        mask, threshold = (lambda: step.mask), step.threshold
    key = (serial, step.index)
    facts = {
        "run": number,
        "pass": step.index,
        "phase": step.phase,
        "threshold": threshold,
        "exact": exact,
    }
    affine, shape = grid.placement.affine, grid.placement.shape

    def on_grid(content: tuple[Any, ...], make: Make, limits: Range | None = None) -> Shown:
        return Shown(content, make, affine, shape, limits, facts=facts)

    def original() -> NDArray[Any]:
        return _in_brain(grid, grid.scaled.original(step.reconstruction), opened)

    shown: dict[Kind, Shown] = {
        "masked input": on_grid(
            (*key, "input"), lambda: _masked_input(grid, step, seed), limits.scaled
        ),
        "guide": on_grid((serial, "guide"), lambda: grid.guide, limits.guide),
        "reconstruction": on_grid((*key, "reconstruction"), original, limits.grey),
        "error": on_grid((*key, "error"), lambda: step.error, limits.error(threshold)),
        "mask": on_grid((*key, "mask", preview), mask),
    }
    if run is not None and preview is None:
        final: tuple[tuple[Kind, NDArray[Any]], ...] = (
            ("reconstruction", run.reconstruction),
            ("error", run.error),
            ("mask", run.mask),
        )
        for kind, volume in final:
            shown[kind] = Shown(
                (serial, "final", kind),
                _give(volume),
                run.affine,
                run.mask.shape,
                shown[kind].limits,
                final=True,
                facts=facts,
            )
    return shown


@dataclass(frozen=True)
class Limits:
    """Contrast limits of one run's layers: chosen once, from its scan and its first pass."""

    grey: tuple[float, float]
    scaled: tuple[float, float]
    guide: tuple[float, float]
    top: float
    style: ErrorStyle = "above threshold"

    def error(self, threshold: float) -> tuple[float, float]:
        """From the threshold, or from 0, to a top that stays unless the threshold exceeds it."""
        low = threshold if self.style == "above threshold" else 0.0
        return low, max(self.top, 2 * threshold, 1e-6)


def limits_of(opened: Opened, grid: OnGrid, step: Step, style: ErrorStyle) -> Limits:
    """Limits for a run, from what its first pass gave."""
    inside = grid.image[grid.brain]
    guide = float(np.percentile(np.abs(grid.guide[grid.brain]), 99)) or 1.0
    grey = np.percentile(opened.scan.image[opened.scan.brain], [1, 99.8])
    scaled = np.percentile(inside, [1, 99.8])
    top = float(np.percentile(step.error[grid.brain], 99.9))
    return Limits(
        grey=(float(grey[0]), float(max(grey[1], grey[0] + 1e-6))),
        scaled=(float(scaled[0]), float(max(scaled[1], scaled[0] + 1e-6))),
        guide=(-guide, guide),
        top=top,
        style=style,
    )


class Canvas:
    """The live layers of one viewer: made once, changed in place, left alone once deleted.

    A mask that a user painted is never lost: before another takes its place, a copy of it becomes a
    layer of its own.
    """

    def __init__(self, viewer: Any, style: ErrorStyle = "above threshold") -> None:
        self.viewer = viewer
        self._style = style
        self._layers: dict[Kind, Any] = {}
        self._content: dict[Kind, tuple[Any, ...]] = {}
        self._pristine: NDArray[Any] | None = None
        self._buffers: dict[Kind, NDArray[Any]] = {}  # of live layers, filled anew each time
        self._waiting: dict[Kind, tuple[Shown, View]] = {}
        self._affines: dict[Kind, Any] = {}
        self._guides = 0
        self.streams = False  # whether passes come by many a second
        self._locked = True

    @property
    def flows(self) -> bool:
        """Whether every layer that is seen takes new voxels in place, which costs little."""
        return self.streams and not any(
            layer.visible and layer.data is not self._buffers.get(kind)
            for kind, layer in self._layers.items()
            if kind != "guide"
        )

    def layer(self, kind: Kind) -> Any | None:
        """The layer of that kind, while it is in the viewer."""
        layer = self._layers.get(kind)
        return layer if layer is not None and layer in self.viewer.layers else None

    def restyle(self, style: ErrorStyle) -> None:
        """Draw the error in another style, from now on."""
        self._style = style
        layer = self.layer("error")
        if layer is not None:
            layer.colormap, layer.blending = _looks(style)

    def wants(self, kind: Kind) -> bool:
        """Whether a layer is to be made or kept up to date: not one that the user deleted."""
        return kind not in self._layers or self.layer(kind) is not None

    def begin(self) -> None:
        """A new run: layers that the user deleted come back."""
        self._layers = {k: v for k, v in self._layers.items() if v in self.viewer.layers}
        self._content = {k: v for k, v in self._content.items() if k in self._layers}

    def plan(self, shown: Mapping[Kind, Shown], view: View) -> None:
        """Note how the layers should be; :meth:`bring` then makes them so, one at a time."""
        for kind, one in shown.items():
            self._waiting[kind] = (one, view)

    def bring(self, kind: Kind) -> None:
        """Make one layer, or bring it up to date; a hidden one only once it is looked at."""
        waiting = self._waiting.get(kind)
        if waiting is None:
            return
        if kind not in self._layers:
            self._make(kind, *waiting)
        else:
            self._update(kind, *waiting)

    def clear(self) -> None:
        """Another scan: the live layers go; a mask that was painted stays as a layer of its own."""
        mask = self.layer("mask")
        if mask is not None:
            self._save_painted(mask)
        for kind in KINDS:
            layer = self.layer(kind)
            if layer is not None:
                self.viewer.layers.remove(layer)
        self._layers, self._content, self._pristine = {}, {}, None
        self._buffers, self._affines = {}, {}
        self.forget()

    def show_guide(self, guide: NDArray[Any], placement: Placement, view: View) -> None:
        """Show a guide ``(X, Y, Z)`` on the model's grid; the layer is made, or made visible."""
        top = float(np.percentile(np.abs(guide), 99.5)) or 1.0
        self._guides += 1
        shown = Shown(
            ("guide", self._guides), lambda: guide, placement.affine, placement.shape, (-top, top)
        )
        self._waiting["guide"] = (shown, view)
        if "guide" in self._layers and self.layer("guide") is None:
            del self._layers["guide"]
        self.bring("guide")
        layer = self.layer("guide")
        if layer is not None and not layer.visible:
            layer.visible = True

    def painted(self) -> NDArray[np.bool_] | None:
        """The mask layer's voxels ``(S, A, R)`` where a user changed them, else None."""
        layer = self.layer("mask")
        if layer is None or self._pristine is None or layer.data.shape != self._pristine.shape:
            return None
        now = np.asarray(layer.data) > 0
        return None if np.array_equal(now, self._pristine) else now

    def mask_shown(self) -> Shown | None:
        """What the mask layer was last given."""
        waiting = self._waiting.get("mask")
        return waiting[0] if waiting else None

    def lock(self, *, locked: bool) -> None:
        """Whether the mask may be painted: not while passes change it."""
        self._locked = locked
        layer = self.layer("mask")
        if layer is not None and layer.editable == locked:
            layer.editable = not locked

    def forget(self) -> None:
        """Let go of what was shown, so that no volume is kept alive; the layers stay."""
        self._waiting.clear()

    def _update(self, kind: Kind, shown: Shown, view: View) -> None:
        layer = self.layer(kind)
        if layer is None:  # the user deleted it: it stays so until the next run
            return
        if shown.limits is not None and tuple(layer.contrast_limits) != shown.limits:
            layer.contrast_limits = shown.limits
        if not layer.visible or self._content.get(kind) == shown.content:
            return
        if kind == "mask":
            self._save_painted(layer)
        data = turned(shown.make(), shown.affine)
        self._content[kind] = shown.content
        layer.metadata = _metadata(kind, shown, view)
        filled = not shown.final and layer.data is self._buffers.get(kind)
        if filled and data.shape == layer.data.shape:
            np.copyto(layer.data, data)
            if kind == "mask":
                self._pristine = np.array(data, bool)
            if shown.affine is not self._affines.get(kind):
                self._affines[kind] = shown.affine
                _place(layer, placing(shown.affine, shown.shape, view))
            # A tenth of what new data cost. The thumbnail follows when the passes have ended.
            layer.refresh(thumbnail=not self.streams, highlight=False, extent=False)
            return
        placed = placing(shown.affine, shown.shape, view)
        self._affines[kind] = shown.affine
        self._buffers.pop(kind, None)
        data = self._data(kind, data)
        if self.streams and not shown.final:
            data = self._buffers[kind] = np.array(data, order="C")
        if data.shape != layer.data.shape:
            _replace(layer, data, placed)
        else:
            layer.data = data
            _place(layer, placed)

    def _save_painted(self, layer: Any) -> None:
        if self.painted() is None:
            return
        was = layer.metadata.get(KEY, {})
        copy = self.viewer.add_labels(
            np.array(layer.data),
            name=f"mask painted at pass {was.get('pass', 0) + 1} of run {was.get('run', 0)}",
            scale=layer.scale,
            translate=layer.translate,
            affine=layer.affine,
            units=layer.units,
            axis_labels=layer.axis_labels,
            metadata=dict(layer.metadata),
            visible=False,
        )
        copy.colormap = layer.colormap

    def _data(self, kind: Kind, seen: NDArray[Any]) -> NDArray[Any]:
        """What a layer is given for ``seen`` ``(S, A, R)``; may share its memory."""
        if kind != "mask":
            return np.ascontiguousarray(seen, np.float32)
        self._pristine = np.array(seen, bool, order="C")
        return self._pristine.astype(np.uint8)

    def _make(self, kind: Kind, shown: Shown, view: View) -> None:
        common: dict[str, Any] = {
            "name": kind,
            "metadata": _metadata(kind, shown, view),
            **placing(shown.affine, shown.shape, view),
        }
        data = self._data(kind, turned(shown.make(), shown.affine))
        self._content[kind] = shown.content
        if kind == "mask":
            layer = self.viewer.add_labels(data, opacity=0.9, **common)
            layer.colormap = {0: "transparent", 1: MASK_COLOUR, None: MASK_COLOUR}
            outline(layer)
            layer.editable = not self._locked
        else:
            layer = self.viewer.add_image(
                data, contrast_limits=shown.limits, visible=kind == "error", **common
            )
            if kind == "error":
                layer.opacity = 0.8
                layer.colormap, layer.blending = _looks(self._style)
        self._layers[kind] = layer
        layer.events.visible.connect(lambda: self.bring(kind))


def _looks(style: ErrorStyle) -> tuple[Any, str]:
    """Colours and blending of the error: glass where nothing is to be seen, else as it is."""
    from napari.utils.colormaps import Colormap, ensure_colormap

    if style == "whole":
        return "inferno", "additive"
    colours = ensure_colormap("inferno").map(np.linspace(0, 1, 256)).copy()
    # What lies under the lower limit, the threshold, takes the first colour.
    colours[:, 3] = np.linspace(0, 1, 256) if style == "modulated" else np.arange(256) > 0
    return Colormap(colours, name=f"inferno, {style}"), "translucent"


def _masked_input(grid: OnGrid, step: Step, seed: int) -> NDArray[np.float32]:
    from napari_itermask.method.refinement import seeded_noise

    noise = seeded_noise(seed, grid.image.shape)(step.index)
    return np.where(step.masked, noise, grid.image).astype(np.float32, copy=False)


def _in_brain(grid: OnGrid, volume: NDArray[Any], opened: Opened) -> NDArray[Any]:
    return np.where(grid.brain, volume, opened.scan.background)


def _give(volume: NDArray[Any]) -> Callable[[], NDArray[Any]]:
    return lambda: volume


def _metadata(kind: Kind, shown: Shown, view: View) -> dict[str, Any]:
    return metadata(shown.affine, shown.shape, view=view, kind=kind, **shown.facts)


def _place(layer: Any, placed: Mapping[str, Any]) -> None:
    for name in ("scale", "translate", "affine"):
        if name in placed and not np.array_equal(getattr(layer, name), placed[name]):
            setattr(layer, name, placed[name])


def _replace(layer: Any, data: NDArray[Any], placed: Mapping[str, Any]) -> None:
    """Give a layer data of another grid; nothing is drawn before its place is the new one too."""
    with layer.events.blocker_all():
        layer.data = data
    _place(layer, placed)
    layer.refresh()
