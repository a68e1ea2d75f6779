"""Which slices, which columns? Lines of text that can be typed, and filled from a menu."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from nibabel.affines import apply_affine
from qtpy.QtCore import Signal
from qtpy.QtGui import QAction
from qtpy.QtWidgets import QHBoxLayout, QLineEdit, QMenu, QToolButton, QWidget

from napari_itermask.figures.columns import NAMES, WITH_TRUTH
from napari_itermask.figures.slices import ACROSS, LETTER, View
from napari_itermask.figures.style import Plane
from napari_itermask.gui.placed.axes import canonical, layer_shape
from napari_itermask.gui.where.orientation import orientation_of

if TYPE_CHECKING:
    from napari_itermask.gui.parts.aside import Aside
    from napari_itermask.gui.stream import Stream
    from napari_itermask.scans.scan import Scan

LARGEST = "largest"
THREE = "A largest C largest S largest"
_PASSES = (("mask@0", "the first mask"), ("mask@1", "the mask after pass 1"))


class MenuLine(QWidget):
    """A line of text with a menu beside it.

    Attributes
    ----------
    line, button, menu
        Its parts.
    """

    changed = Signal()

    def __init__(
        self, name: str, empty: str, tip: str, button: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.line = QLineEdit()
        self.line.setPlaceholderText(empty)
        self.line.setToolTip(tip)
        self.line.setAccessibleName(name)
        self.line.textChanged.connect(self.changed)
        self.button = QToolButton()
        self.button.setText(button)
        self.button.setAccessibleName(f"{button}: {name}")
        self.button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu = QMenu(self.button)
        self.button.setMenu(self.menu)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self.line, 1)
        row.addWidget(self.button)
        self.setFocusProxy(self.line)

    @property
    def text(self) -> str:
        """What stands there."""
        return str(self.line.text()).strip()

    @text.setter
    def text(self, text: str) -> None:
        self.line.setText(text)
        self.line.setCursorPosition(0)


class ColumnsLine(MenuLine):
    """The columns of a panel; the menu ticks them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            "columns",
            ",".join(WITH_TRUTH),
            f"Some of {', '.join(NAMES)}, in your order.\n"
            "mask@5 is the mask after pass 5 (0: the first), search@20 the search's at 20 %.",
            "Choose",
            parent,
        )
        self.button.setToolTip("Tick what is shown.")
        self._actions: dict[str, QAction] = {}
        for name, words in (*((n, n) for n in NAMES), *_PASSES):
            action = QAction(words, self.menu)
            action.setCheckable(True)
            action.triggered.connect(partial(self._tick, name))
            self.menu.addAction(action)
            self._actions[name] = action
        self.menu.aboutToShow.connect(self._refresh)

    def _refresh(self) -> None:
        shown = self._names() or list(WITH_TRUTH)
        for name, action in self._actions.items():
            action.setChecked(name in shown)

    def _tick(self, name: str, checked: bool) -> None:
        shown = self._names() or list(WITH_TRUTH)
        if checked and name not in shown:
            shown.append(name)
        elif not checked and name in shown and len(shown) > 1:
            shown.remove(name)
        self.text = ",".join(shown)

    def _names(self) -> list[str]:
        return [word.strip() for word in self.text.split(",") if word.strip()]


class SlicesLine(MenuLine):
    """Slices as MRIcroGL writes them; the menu picks them in the viewer.

    Parameters
    ----------
    aside
        The thread that finds where the viewer's point lies in an oblique scan.
    """

    def __init__(
        self, stream: Stream, aside: Aside, empty: str = LARGEST, parent: QWidget | None = None
    ) -> None:
        super().__init__(
            "slices",
            empty,
            "Planes and mm: A (axial), C (coronal), S (sagittal), as in A -20 50 S 10.\n"
            "“largest” in place of a number is the slice where the largest lesion is widest.",
            "Pick",
            parent,
        )
        self.button.setToolTip("Take slices from the viewer, or through the largest lesion.")
        self._stream, self._aside = stream, aside
        entries: tuple[tuple[str, Callable[[], None]], ...] = (
            ("Largest lesion", partial(self._set, LARGEST)),
            ("Largest lesion in three planes", partial(self._set, THREE)),
            ("The slice that the viewer shows", self.pick),
            ("Add the slice that the viewer shows", partial(self.pick, add=True)),
            ("Three planes through the viewer's point", partial(self.pick, all_planes=True)),
        )
        self.picks: dict[str, QAction] = {}
        for words, do in entries:
            action = QAction(words, self.menu)
            action.triggered.connect(partial(_call, do))
            self.menu.addAction(action)
            self.picks[words] = action
        self.menu.aboutToShow.connect(self._refresh)

    def pick(self, *, add: bool = False, all_planes: bool = False) -> None:
        """Take the slice that is shown in the viewer; in 3-D, three through its point."""
        opened, viewer = self._stream.session.opened, self._stream.viewer
        if opened is None:
            return
        plane = orientation_of(viewer).plane
        planes: list[Plane] = [plane] if plane in ("axial", "coronal", "sagittal") else []
        if all_planes or not planes:
            planes = list(LETTER.values())
        point = np.asarray(viewer.dims.point, np.float64)[-3:]
        mm = apply_affine(np.linalg.inv(opened.view.matrix), point)
        self._aside.do(
            partial(slices_at, opened.scan, mm, planes), partial(self._take, add), _ignore
        )

    def _refresh(self) -> None:
        there = self._stream.session.opened is not None
        for words, action in self.picks.items():
            action.setEnabled(there or "lesion" in words)

    def _take(self, add: bool, words: str) -> None:
        before = {"": "A largest", LARGEST: "A largest"}.get(self.text, self.text)
        self._set(f"{before} {words}" if add else words)

    def _set(self, words: str) -> None:
        self.text = words


def slices_at(scan: Scan, mm: Any, planes: list[Plane]) -> str:
    """The slices of a scan that hold a point (RAS mm), as MRIcroGL writes them.

    A figure counts mm at the middle of the brain, which matters where the scan is oblique.
    """
    view, affine = View(scan.affine, scan.brain), canonical(scan.affine, scan.image.shape)
    voxel = np.rint(apply_affine(np.linalg.inv(affine), mm)).astype(int)
    sides = layer_shape(scan.affine, scan.image.shape)[::-1]
    letters = {plane: letter for letter, plane in LETTER.items()}
    words = []
    for plane in planes:
        axis = ACROSS[plane]
        index = int(np.clip(voxel[axis], 0, sides[axis] - 1))
        words.append(f"{letters[plane]} {round(view.mm(plane, index), 1) + 0.0:g}")
    return " ".join(words)


def _call(do: Callable[[], None], _checked: bool = False) -> None:
    do()


def _ignore(_: BaseException) -> None:
    """A scan that is open has its slices."""
