"""How is a number box set without a signal, and how does it say that a number was not taken?"""

from __future__ import annotations

from qtpy.QtWidgets import QToolTip

from napari_itermask.gui.refine.number_box import NumberBox, short


def set_quietly(box: NumberBox, value: float) -> None:
    """Show ``value`` without a signal, unless the box is just being typed in."""
    line = box.lineEdit()
    if box.value() == value or (line is not None and box.hasFocus() and line.isModified()):
        return
    before = box.blockSignals(True)
    box.setValue(value)
    box.blockSignals(before)


def say_what_must(box: NumberBox, must: str) -> None:
    """Answer what is typed and is no number; ``must`` as in :func:`refuse`."""
    box.unreadable.connect(lambda typed: _say(box, f"{must}: {typed!r} was not taken."))


def refuse(box: NumberBox, kept: float, must: str) -> None:
    """Put ``kept`` back in place of what was typed, and say why.

    ``must``: what the number must be, such as "gamma must be more than 0".
    """
    typed = box.value()
    before = box.blockSignals(True)
    box.setValue(kept)
    box.blockSignals(before)
    sentence = f"{must}: {short(typed)} was not taken, it stays {short(kept)}."
    _say(box, sentence)


def _say(box: NumberBox, sentence: str) -> None:
    if box.isVisible():
        QToolTip.showText(box.mapToGlobal(box.rect().topLeft()), sentence, box)
