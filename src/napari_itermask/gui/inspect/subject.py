"""What is looked at? The finished run with its mask as it is now painted, and the chosen truth."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.compat import isalive
from qtpy.QtCore import QObject, QTimer, Signal

from napari_itermask.gui.inspect.looked import KNOWN, Looked, Source, is_of, look, truth_reader
from napari_itermask.gui.parts.newest import Newest
from napari_itermask.gui.parts.ties import listen
from napari_itermask.gui.trouble import explain

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

    from napari_itermask.gui.parts.aside import Aside
    from napari_itermask.gui.stream import Stream

SETTLE_MS = 150
"""Between what changed and looking at it anew; what changes meanwhile is looked at with it."""


class Subject(QObject):
    """Follows the session's run, its mask layer and the truth; reads them off the window's thread.

    Parameters
    ----------
    aside
        The thread.
    owner
        The dock: nothing is read while it is hidden.
    """

    changed = Signal(object)  # Looked | None

    def __init__(self, stream: Stream, aside: Aside, owner: QWidget) -> None:
        super().__init__(owner)
        self._owner, self._stream, self._viewer = owner, stream, stream.viewer
        self._session = stream.session
        self._reading = Newest(aside, self)
        self.looked: Looked | None = None
        self._source: Source = KNOWN
        self._mine: Any = None  # the mask that the session has as its truth because of us
        self._came: tuple[Any, Any] = (None, None)  # a scan, and the truth it came with
        self._watched: dict[str, Any] = {}
        self._seen_at: dict[str, tuple[Any, ...]] = {}
        self._stale = True
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self._read)
        session = self._session
        for signal in (session.run_changed, session.state_changed):
            listen(owner, signal, self._on_session)
        listen(owner, session.scan_changed, self._on_scan)
        for signal in (
            session.shown_changed,
            self._viewer.layers.events.inserted,
            self._viewer.layers.events.removed,
        ):
            listen(owner, signal, self._watch)

    @property
    def known(self) -> Any:
        """The truth ``(X, Y, Z)`` that came with the scan; None if there is none."""
        session = self._session
        if session.truth is not None and session.truth is not self._mine:
            self._came = session.opened, session.truth
        scan, truth = self._came
        return truth if scan is session.opened else None

    @property
    def source(self) -> Source:
        """Where the truth comes from."""
        return self._source

    @source.setter
    def source(self, source: Source) -> None:
        self._source = source
        self._watch()
        self.stale()

    @property
    def busy(self) -> bool:
        """Whether something is being read, or is about to be."""
        return self._reading.busy or self._settle.isActive()

    def stale(self, *_: Any) -> None:
        """Something changed: it is read again soon, if somebody looks."""
        self._stale = True
        self.wake()

    def wake(self) -> None:
        """Read what changed unseen."""
        if self._stale and isalive(self) and self._owner.isVisible():
            self._settle.start()

    # Private ----------------------------------------------------------------------------------

    def _on_scan(self, _: Any) -> None:
        """Another scan has another truth."""
        self._source = KNOWN
        self._on_session()

    def _on_session(self, *_: Any) -> None:
        if not self._session.running:
            self._watch()
            self.stale()

    def _watch(self, *_: Any) -> None:
        """Listen to the layers that matter: the mask's, and the truth's."""
        layers = {"mask": self._stream.canvas.layer("mask"), "truth": self._truth_layer()}
        for name, layer in layers.items():
            before = self._watched.get(name)
            if layer is before:
                continue
            for one, how in ((before, "disconnect"), (layer, "connect")):
                if one is not None:
                    for event in ("data", "set_data", "labels_update", "visible"):
                        with suppress(ValueError):  # it listens no more
                            getattr(getattr(one.events, event), how)(self._on_voxels)
            self._watched[name] = layer
            self._seen_at[name] = self._at()
            self.stale()

    def _truth_layer(self) -> Any:
        source = self._source
        is_layer = source is not None and source is not KNOWN and not isinstance(source, Path)
        return source if is_layer and source in self._viewer.layers else None

    def _on_voxels(self, event: Any) -> None:
        """Voxels were painted, undone or given anew; a slider that moves also draws a slice."""
        if not isalive(self) or self._session.running:
            return
        name = "truth" if event.source is self._watched.get("truth") else "mask"
        moved = self._at() != self._seen_at.get(name)
        self._seen_at[name] = self._at()
        if event.type != "set_data" or not moved:
            self.stale()

    def _at(self) -> tuple[Any, ...]:
        dims = self._viewer.dims
        return dims.point, dims.order, dims.ndisplay

    def _read(self) -> None:
        session, canvas = self._session, self._stream.canvas
        run, opened = session.run, session.opened
        self._stale = False
        if run is None or opened is None or run.scan is not opened.scan:
            self._reading.drop()
            self._give(None)
            return
        layer, shown = canvas.layer("mask"), canvas.mask_shown()
        if shown is not None and shown.final and not self._stream.settled:
            self.stale()  # the layer is just being given its voxels
            return
        drawn = None
        if layer is not None and layer.visible and shown is not None and is_of(shown, run):
            drawn = layer.data, shown
        read = truth_reader(self._source, self.known, opened, tuple(self._viewer.layers))
        before = self.looked
        self._reading.ask(
            lambda: look(run, opened, drawn, read, before),
            self._give,
            lambda error: self._give(Looked(run, run, opened, None, explain(error).sentence)),
        )

    def _give(self, looked: Looked | None) -> None:
        same = looked is self.looked
        self.looked = looked
        if looked is not None and looked.opened is self._session.opened:
            # The sweep scores by it, and the planes outline it.
            known = self.known
            if self._source is KNOWN or looked.truth is None:
                self._session.truth = known
            else:
                self._mine = self._session.truth = looked.truth.mask
        if not same or looked is None:
            self.changed.emit(looked)
