"""What did each run of a stability study give, and how far do they spread?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

if TYPE_CHECKING:
    from napari_itermask.inspection.stability import Stability, StabilityRow

TITLES = ("seed", "times", "threshold", "ml", "passes", "Dice")


class StabilityTable(QTableWidget):
    """A row for each run; rows that are there already stay."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, len(TITLES), parent)
        self.setHorizontalHeaderLabels(list(TITLES))
        self.setAccessibleName("Runs of the study")
        self.setToolTip("One run each: its seed, how many times gamma or the threshold, its mask.")
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setTabKeyNavigation(False)
        head, side = self.horizontalHeader(), self.verticalHeader()
        assert head is not None
        assert side is not None
        side.hide()
        head.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)

    def show_rows(self, rows: Sequence[StabilityRow], gamma: float) -> None:
        """Show these runs; ``gamma`` is what theirs are multiples of."""
        if len(rows) < self.rowCount():
            self.setRowCount(0)
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for at in range(self.rowCount(), len(rows)):
            self.insertRow(at)
            for column, words in enumerate(_cells(rows[at], gamma)):
                item = QTableWidgetItem(words)
                item.setTextAlignment(right)
                self.setItem(at, column, item)


def spread_words(found: Stability) -> str:
    """How far volume and Dice spread over the runs so far."""
    words = []
    for name, unit, one in (("Mask", " ml", found.ml), ("Dice", "", found.dice)):
        if one is not None:
            words.append(
                f"{name}: {one.mean:.3g} ± {one.sd:.2g}{unit}, from {one.least:.3g} to "
                f"{one.most:.3g}{unit}."
            )
    if not found.complete:
        words.append(f"{len(found.rows)} of {found.planned} runs are finished.")
    return "\n".join([*words, *found.record.notes])


def _cells(row: StabilityRow, gamma: float) -> tuple[str, ...]:
    times = row.factor if row.gamma is None else row.gamma / gamma
    return (
        str(row.seed),
        f"{times:.3g}",
        f"{row.threshold:.3g}",
        f"{row.ml:.2f}",
        str(row.passes),
        "–" if row.dice is None else f"{row.dice:.3f}",
    )
