"""What happened to this voxel, pass by pass? Picked in the viewer, told in plots and a sentence."""

from __future__ import annotations

from dataclasses import replace as with_other
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels, Shapes
from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from napari_itermask.gui.inspect.marks import Marks
from napari_itermask.gui.inspect.page import Page
from napari_itermask.gui.inspect.picking import HELD, KEY, Picker
from napari_itermask.gui.inspect.story_maker import Region, StoryMaker
from napari_itermask.gui.inspect.story_plots import StoryPlots
from napari_itermask.gui.inspect.story_words import words_of
from napari_itermask.gui.opening import mask_on
from napari_itermask.gui.parts.look import shape_combo
from napari_itermask.gui.placed.space import volume_of
from napari_itermask.gui.refine.layer_choice import LayerChoice
from napari_itermask.gui.region import region_of

if TYPE_CHECKING:
    from napari_itermask.gui.inspect.looked import Looked
    from napari_itermask.gui.inspect.story_maker import What
    from napari_itermask.gui.parts.palette import Palette
    from napari_itermask.gui.stream import Stream
    from napari_itermask.inspection.story import Story
    from napari_itermask.scans.intensity import Mask

NO_RUN = "Run once in Refine, or select a run in Runs: its voxels tell their stories here."
PICK_ONE = f"Press Pick (key {KEY}) and click a voxel of the scan, or hold {HELD} and move."
SPANS = (("of the refinement", "refinement"), ("of the whole run", "all"))


class StoryPage(Page):
    """The story of the voxel or region that was chosen last, and of a pinned one beside it.

    Attributes
    ----------
    picker
        Listens to the viewer's mouse.
    maker
        Tells stories off the window's thread.
    plots, words
        What is shown.
    story, pinned
        The stories; None before the first.
    """

    def __init__(self, stream: Stream, owner: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._stream = stream
        self._looked: Looked | None = None
        self.story: Story | None = None
        self.pinned: Story | None = None
        self._what: What | None = None
        self._pinned_what: What | None = None
        self.picker = Picker(stream, owner)
        self.maker = StoryMaker(self)
        self._marks = Marks(stream.viewer, owner)
        self._mark_soon = QTimer(self)
        self._mark_soon.setSingleShot(True)
        self._mark_soon.timeout.connect(self._mark)
        self._make_controls()
        self._lay_out()
        self._wire()

    def take(self, looked: Looked | None) -> None:
        """Tell of this run from now on; the same voxel is told anew."""
        before, self._looked = self._looked, looked
        run = looked.own if looked is not None else None
        if before is not None and run is before.own:
            return
        self.maker.begin(run)
        self.story = None
        if looked is None or (before is not None and before.opened is not looked.opened):
            self._what = None
        self._unpin()
        if run is not None and self._what is not None:
            self.maker.want(self._what)
        self._show()

    def tell(self, what: What) -> None:
        """Tell of a voxel ``(i, j, k)`` of the scan's file, or of a region."""
        self._catch_up(unseen=True)
        if self._looked is None:
            self.told.emit(NO_RUN)
            return
        self._what = what
        self.maker.want(what)

    def wear(self, palette: Palette) -> None:
        """Take a theme's colours."""
        self.plots.wear(palette)

    # Private ----------------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self.pick = QPushButton(f"Pick  {KEY}")
        self.pick.setCheckable(True)
        self.pick.setToolTip(
            f"A click in the viewer tells the story of the voxel there (key {KEY}); hold {HELD} "
            "and move to tell of every voxel under the mouse. In 3-D: of the mask's first voxel."
        )
        self.pin = QPushButton("Pin")
        self.pin.setCheckable(True)
        self.pin.setToolTip("Keep this story, to compare the next ones with it.")
        self.span = QComboBox()
        for words, span in SPANS:
            self.span.addItem(words, span)
        shape_combo(self.span, "Which passes the plots show.")
        self.span.setAccessibleName("Passes")
        self.region = LayerChoice(
            self._stream.viewer,
            lambda layer: isinstance(layer, (Labels, Shapes)),
            [("no region", None)],
            "A Labels layer, of which the selected label counts, or a Shapes layer.",
        )
        self.region.setAccessibleName("Region")
        self.average = QPushButton("Average")
        self.average.setToolTip("Tell the story of the region: the mean over its voxels.")
        self.plots = StoryPlots()
        self.words = QTextBrowser()
        self.words.setAccessibleName("Story")
        self.words.setOpenLinks(False)
        self.words.setStyleSheet("QTextBrowser { background: transparent; }")
        self.words.setMinimumHeight(self.words.fontMetrics().lineSpacing() * 7)
        self.progress = QProgressBar()
        self.progress.setTextVisible(True)
        self.progress.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.progress.setToolTip("Passes whose maps were not kept are made again, once for all.")
        self.known = QLabel()
        self.known.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.state = QStackedWidget()
        self.state.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.again = QPushButton("Make again")

    def _lay_out(self) -> None:
        rows = [QHBoxLayout() for _ in range(3)]
        for row, widgets in zip(
            rows,
            (
                ((self.pick, 1), (self.pin, 1), (self.span, 2)),
                ((self.region, 1), (self.average, 0)),
                ((self.state, 1), (self.again, 0)),
            ),
            strict=True,
        ):
            row.setSpacing(4)
            for widget, stretch in widgets:
                row.addWidget(widget, stretch)
        self.state.addWidget(self.known)
        self.state.addWidget(self.progress)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(4)
        column.addLayout(rows[0])
        column.addLayout(rows[1])
        column.addWidget(self.words, 2)
        column.addWidget(self.plots, 5)
        column.addLayout(rows[2])
        self._on_replay(1, 1)

    def _wire(self) -> None:
        self.pick.toggled.connect(self._on_pick)
        self.picker.turned.connect(self.pick.setChecked)
        self.picker.picked.connect(self.tell)
        self.picker.missed.connect(self.told.emit)
        self.pin.toggled.connect(self._on_pin)
        self.span.activated.connect(self._show)
        self.average.clicked.connect(self._tell_region)
        self.again.clicked.connect(self._on_again)
        self.maker.told.connect(self._on_told)
        self.maker.failed.connect(self._fail)
        self.maker.replaying.connect(self._on_replay)
        self.plots.pass_clicked.connect(self._show_pass)
        shortcut = QShortcut(QKeySequence(KEY), self)  # for a dock that floats
        shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
        shortcut.activated.connect(self.pick.click)

    def _on_pick(self, on: bool) -> None:
        self.picker.on = on

    def _on_told(self, what: What, story: Story) -> None:
        self.story, self._what = story, what
        if what is self._pinned_what:
            self.pinned = story
        self._show()

    def _on_pin(self, on: bool) -> None:
        if on and self.story is not None:
            self.pinned, self._pinned_what = self.story, self._what
        else:
            self.pinned = self._pinned_what = None
        self._show()

    def _unpin(self) -> None:
        self.pinned = self._pinned_what = None
        before = self.pin.blockSignals(True)
        self.pin.setChecked(False)
        self.pin.blockSignals(before)

    def _show(self, *_: Any) -> None:
        story, pinned = self.story, self.pinned
        self.pin.setEnabled(story is not None)
        self._show_again()
        if story is None:
            self.plots.show_stories(None, None, "refinement")
            self.plots.say(NO_RUN if self._looked is None else PICK_ONE)
            self.words.clear()
        else:
            self.words.setHtml(words_of(story, pinned))
            self.plots.show_stories(story, pinned, self.span.currentData())
        self._mark_soon.start()  # the first time napari takes longer for it than for all the rest

    def _mark(self) -> None:
        opened = self._looked.opened if self._looked is not None else None
        chosen = (self._what, self._pinned_what) if self.story is not None else (None, None)
        self._marks.show(opened, [w if isinstance(w, tuple) else None for w in chosen])

    def _on_replay(self, done: int, whole: int) -> None:
        going = done < whole
        self.progress.setRange(0, whole)
        self.progress.setValue(done if going else 0)
        self.progress.setFormat(f"pass {done + 1} of {whole} is made again" if going else "")
        self.state.setCurrentWidget(self.progress if going else self.known)
        self.again.setText("Stop" if going else "Make again")
        self.again.setToolTip(
            "End it after the pass that goes on; what was made stays."
            if going
            else "Make the passes again whose errors are not known: those of the refinement first, "
            "then those of the search, of which there are a hundred."
        )
        self._show_again()

    def _show_again(self) -> None:
        lacking = self.story is not None and self.maker.lacking_any
        self.again.setEnabled(self.maker.at_work or lacking)
        some = "some passes" if self.maker.lacking else "passes of the search"
        all_known = "The errors of all passes are known." if self.story is not None else ""
        self.known.setText(f"Of {some} the errors were not kept." if lacking else all_known)

    def _on_again(self) -> None:
        if self.maker.at_work:
            self.maker.stop()
        else:
            self.maker.replay("refinement" if self.maker.lacking else "all")

    def _show_pass(self, position: int) -> None:
        session, looked = self._stream.session, self._looked
        if looked is not None and session.run is looked.own and not session.running:
            session.show(position)

    def _tell_region(self) -> None:
        layer, looked = self.region.value, self._looked
        if layer is None or looked is None:
            self.told.emit("Draw a region in a Labels or Shapes layer, and choose that layer here.")
            return
        session = self._stream.session
        if isinstance(layer, Shapes):
            self.tell(Region(layer.name, partial(region_of, layer, session)))
            return
        label, beside = int(layer.selected_label), tuple(self._stream.viewer.layers)

        def read() -> Mask:
            volume = volume_of(layer, beside=[other for other in beside if other is not layer])
            chosen = with_other(volume, voxels=np.asarray(volume.voxels) == label)
            scan = looked.opened.scan
            return mask_on(chosen, scan.affine, scan.image.shape, looked.opened.view, scan.name)

        self.tell(Region(f"{layer.name}, label {label}", read))
