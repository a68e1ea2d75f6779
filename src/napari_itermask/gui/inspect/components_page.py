"""Every hit, miss and false alarm: where is it, why is it one, and what is noted of it?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_itermask.gui.inspect.components_layer import ComponentsLayer, seen
from napari_itermask.gui.inspect.components_table import ComponentsTable
from napari_itermask.gui.inspect.page import Page
from napari_itermask.gui.inspect.review_box import ReviewBox
from napari_itermask.gui.inspect.reviewing import Reviewing
from napari_itermask.gui.inspect.voxels import go_to
from napari_itermask.gui.parts.look import shape_combo
from napari_itermask.gui.parts.newest import Newest
from napari_itermask.gui.runs.asking import ask_file
from napari_itermask.inspection.review import NOTHING

if TYPE_CHECKING:
    from napari_itermask.gui.inspect.looked import Looked
    from napari_itermask.gui.parts.aside import Aside
    from napari_itermask.gui.stream import Stream
    from napari_itermask.inspection.components import Component, Components
    from napari_itermask.inspection.regions import Regions
    from napari_itermask.inspection.review import Review, Reviews

NO_RUN = "No run yet"
KINDS = (("all kinds", ""), ("hits", "hit"), ("misses", "miss"), ("false alarms", "false alarm"))
MAPS = "Maps of regions (*.nii.gz *.nii *.mgz *.mgh);;All files (*)"


@dataclass(frozen=True, eq=False)
class Found:
    """What the thread gives: components, what was noted of them, and both as layer and table do."""

    found: Components
    reviews: Reviews
    noted: Mapping[int, Review]
    columns: Mapping[str, Any]
    data: Any


class ComponentsPage(Page):
    """The table, the chosen component, and what is noted of it; a layer shows them in the viewer.

    The questions are attributes, so that a script or a test may answer them.

    Attributes
    ----------
    found
        The components; None before the first.
    table, review
        The table, and the box below it.
    """

    def __init__(
        self, stream: Stream, aside: Aside, owner: QWidget, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._stream, self._aside = stream, aside
        self._finding = Newest(aside, self)
        self._reviewing = Reviewing(stream.session, aside, owner)
        self._layer = ComponentsLayer(stream.viewer, owner)
        self._looked: Looked | None = None
        self._labels: Any = None  # as the layer has them
        self._columns: Mapping[str, Any] = {}
        self.found: Components | None = None
        self.regions: Regions | None = None
        self.ask_file = ask_file
        self.ask_where: Callable[[QWidget, str, str], Path | None] = ask_where
        self._make_controls()
        self._lay_out()
        self._wire()

    @property
    def busy(self) -> bool:
        """Whether components are on their way, or reviews on theirs to the disk."""
        return self._finding.busy or self._reviewing.busy

    def take(self, looked: Looked | None) -> None:
        """Find the components of this run against its truth, off the window's thread."""
        from napari_itermask.inspection.components import components

        before, self._looked = self._looked, looked
        self._finding.drop()
        if looked is None:
            self._show_nothing()
            return
        if before is not None and before.opened is not looked.opened:
            self.regions = None  # they lay on another scan
        run, truth, regions = looked.run, looked.mask_of_truth, self.regions
        reviews = self._reviewing.reader(looked.own)

        def work() -> Found:
            found = components(run, truth, regions)
            noted = reviews(found)
            return Found(found, noted, {n: noted[n] for n in noted}, noted.columns(), seen(found))

        self._finding.ask(work, partial(self._show, looked), self._fail)

    # Private ----------------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self.kind = QComboBox()
        for words, kind in KINDS:
            self.kind.addItem(words, kind)
        shape_combo(self.kind, "Which components the table lists.")
        self.kind.setAccessibleName("Kind")
        self.text = QLineEdit()
        self.text.setPlaceholderText("filter")
        self.text.setClearButtonEnabled(True)
        self.text.setAccessibleName("Filter")
        self.text.setToolTip(
            "List the components in whose reason, region, difficulty or comment this stands;\n"
            "“flagged” lists those with a flag."
        )
        self.regions_button = QPushButton("Regions…")
        self.regions_button.setToolTip(
            "Name the places of components by a label map in the space of this scan, such as "
            "FreeSurfer's aseg.mgz, with its table of names beside it."
        )
        menu = QMenu(self.regions_button)
        menu.addAction("A map of regions…", self._open_regions)
        menu.addAction("None", partial(self._name_by, None))
        self.regions_button.setMenu(menu)
        self.table = ComponentsTable()
        self.review = ReviewBox()
        self.count = QLabel(NO_RUN)
        self.count.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.layer_box = QCheckBox("layer")
        self.layer_box.setChecked(True)
        self.layer_box.setToolTip(
            "Outline the components in the viewer, as the layer “components”; napari's own table "
            "of features shows the same rows."
        )
        self.alone = QCheckBox("only the chosen")
        self.alone.setToolTip("Outline the chosen component alone.")
        self.save = QPushButton("Save CSV…")
        self.save.setToolTip("Write the whole table, with what was noted, as CSV.")
        self.save.setEnabled(False)

    def _lay_out(self) -> None:
        top, below = QHBoxLayout(), QHBoxLayout()
        for row, widgets in (
            (top, ((self.kind, 2), (self.text, 3), (self.regions_button, 0))),
            (below, ((self.count, 1), (self.layer_box, 0), (self.alone, 0), (self.save, 0))),
        ):
            row.setSpacing(4)
            for widget, stretch in widgets:
                row.addWidget(widget, stretch)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(4)
        column.addLayout(top)
        column.addWidget(self.table, 1)
        column.addWidget(self.review)
        column.addLayout(below)

    def _wire(self) -> None:
        self.kind.currentIndexChanged.connect(self._narrow)
        self.text.textChanged.connect(self._narrow)
        self.table.chosen.connect(self._on_chosen)
        self.table.source.reviewed.connect(self._on_reviewed)
        self.review.reviewed.connect(self._on_reviewed)
        self.layer_box.toggled.connect(self._on_layer)
        self.alone.toggled.connect(lambda on: self._layer.alone(alone=on))
        self.save.clicked.connect(self._save)
        self._layer.picked.connect(self.table.choose)
        self._layer.deleted.connect(partial(self.layer_box.setChecked, False))
        self._reviewing.failed.connect(self._fail)
        self._reviewing.told.connect(self.told.emit)
        self._reviewing.noted.connect(self._on_noted)

    def _show(self, looked: Looked, result: Found) -> None:
        self.found, self._labels, self._columns = result.found, result.data, result.columns
        self._reviewing.begin(looked.own, result.reviews)
        self.review.show_component(None, NOTHING)
        self.table.show_components(self.found, result.noted)
        self.save.setEnabled(bool(self.found.rows))
        self._count()
        self._on_layer(self.layer_box.isChecked())
        notes = [*self.found.notes]
        if result.reviews.unmatched:
            notes.append(_lost(result.reviews.unmatched))
        if notes:
            self.told.emit(" ".join(notes))

    def _show_nothing(self) -> None:
        self.found = self._labels = None
        self.review.show_component(None, NOTHING)
        self.table.show_components(None, {})
        self.save.setEnabled(False)
        self._layer.remove()
        self._count()

    def _count(self) -> None:
        if self.found is None:
            self.count.setText(NO_RUN)
            return
        whole, shown = len(self.found.rows), self.table.count
        self.count.setText(f"{shown} of {whole}" if shown != whole else f"{whole} in all")

    def _narrow(self, *_: Any) -> None:
        self.table.narrow(self.kind.currentData(), self.text.text())
        self._count()

    def _on_chosen(self, component: Component | None) -> None:
        number = component.number if component is not None else 0
        self.review.show_component(component, self.table.source.review(number))
        looked = self._looked
        if component is None or looked is None:
            return
        self._layer.select(component.number)
        go_to(self._stream.viewer, looked.opened, component.voxel)

    def _on_reviewed(self, number: int, review: Review) -> None:
        self._reviewing.note(number, review)
        self.table.source.show_review(number, review)
        current = self.table.current()
        if current is not None and current.number == number:
            self.review.show_component(current, review)

    def _on_noted(self, columns: Mapping[str, Any]) -> None:
        self._columns = columns
        if self.found is not None:
            self._layer.describe(self.found, columns)

    def _on_layer(self, on: bool) -> None:
        if on and self.found is not None and self._looked is not None:
            self._layer.show(self._looked, self.found, self._labels, self._columns)
            self._layer.alone(alone=self.alone.isChecked())
        else:
            self._layer.remove()

    def _open_regions(self) -> None:
        looked = self._looked
        file = self.ask_file(self, "A map of regions", MAPS) if looked is not None else None
        if file is None or looked is None:
            return
        from napari_itermask.inspection.regions import load_regions

        self._aside.do(
            partial(load_regions, file, looked.opened.scan),
            partial(self._on_regions, looked),
            self._fail,
        )

    def _on_regions(self, looked: Looked, regions: Regions) -> None:
        if self._looked is not None and self._looked.opened is looked.opened:
            self._name_by(regions)

    def _name_by(self, regions: Regions | None) -> None:
        self.regions = regions
        if regions is not None:
            notes = " ".join(regions.notes)
            self.told.emit(f"Places are named by {regions.name}. {notes}".strip())
        self.take(self._looked)

    def _save(self) -> None:
        found = self.found
        if found is None:
            return
        file = self.ask_where(self, "Save the table of components", "CSV (*.csv)")
        if file is None:
            return
        path = file if file.suffix else file.with_suffix(".csv")
        self._reviewing.save(
            partial(found.save_csv, path),
            lambda saved: self.told.emit(f"The table was saved as {saved}."),
        )


def _lost(count: int) -> str:
    if count == 1:
        return (
            "One note is of a component that is not found any more: it is kept in the run's folder."
        )
    return f"{count} notes are of components that are not found any more: they are kept."


def ask_where(parent: QWidget, title: str, kinds: str) -> Path | None:
    """A file to write, such as ``"CSV (*.csv)"``; None if the person cancels."""
    chosen, _ = QFileDialog.getSaveFileName(parent, title, filter=kinds)
    return Path(chosen) if chosen else None
