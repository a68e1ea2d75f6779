"""How is a figure drawn beside the window? At screen size to be looked at, or whole into a file.

Free of Qt and napari; all of it is called in one thread, never in the window's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_itermask.gui.figure.asked import Asked, Source, Truth, held_against
from napari_itermask.notes import Tell

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from napari_itermask.figures.shown import Shown
    from napari_itermask.scans.intensity import Mask
    from napari_itermask.scans.scan import Scan

COARSEST = 20.0
"""Dots per inch at least: of less matplotlib makes no letters."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """A picture ``(height, width, 4)`` uint8 RGBA, what its figure measures in mm, and notes."""

    pixels: NDArray[np.uint8]
    mm: tuple[float, float]
    notes: tuple[str, ...] = ()


class Drawer:
    """Draws what is asked for; runs that were read from disk stay open while they are asked for."""

    def __init__(self) -> None:
        self._open: dict[int, tuple[Source, Shown]] = {}
        self._truth: tuple[Path, str, Mask] | None = None

    def preview(self, asked: Asked, within: tuple[int, int]) -> Drawn:
        """The figure as large as fits into ``within`` (width, height) pixels.

        Raises
        ------
        ValueError, ModuleNotFoundError
            If it cannot be drawn: one sentence.
        """
        need("matplotlib")
        notes: list[str] = []
        figure = self._drawn(asked, notes.append)
        wide, high = figure.get_size_inches()
        figure.set_dpi(max(COARSEST, min(within[0] / wide, within[1] / high)))
        return _painted(figure, notes)

    def whole(self, asked: Asked) -> Drawn:
        """The figure as its file shows it, with all its dots."""
        need("matplotlib")
        notes: list[str] = []
        return _painted(self._figure(asked, notes.append), notes)

    def save(self, asked: Asked, path: Path, *, overwrite: bool) -> list[str]:
        """Write the figure; returns what a person should know.

        Raises
        ------
        ValueError, OSError, ModuleNotFoundError
            If it cannot be drawn or written: one sentence.
        """
        need("matplotlib")
        from napari_itermask.figures.again import check_out, save_figure

        check_out(path, overwrite=overwrite)
        notes: list[str] = []
        figure = self._figure(asked, notes.append)
        if asked.problem is None:
            save_figure(figure, path, asked.recipe, overwrite=overwrite)
        else:
            save_figure(figure, path, overwrite=overwrite, why_not=asked.problem.why)
        return notes

    def forget(self) -> None:
        """Close what was read from disk."""
        self._open.clear()
        self._truth = None

    # Private ----------------------------------------------------------------------------------

    def _figure(self, asked: Asked, tell: Tell) -> Figure:
        """As the shell draws it, where the shell could; else of what is in memory."""
        from napari_itermask.figures.draw import draw

        return draw(asked.recipe, tell) if asked.problem is None else self._drawn(asked, tell)

    def _drawn(self, asked: Asked, tell: Tell) -> Figure:
        from napari_itermask.figures.draw import draw_shown

        return draw_shown(asked.recipe, self._shown(asked, tell), tell=tell)

    def _shown(self, asked: Asked, tell: Tell) -> list[Shown]:
        many = len(asked.sources) > 1
        now = {source.serial: (source, self._opened(source, tell)) for source in asked.sources}
        self._open = now
        having = held_against(asked.truth, asked.sources)
        found = []
        for source, has in zip(asked.sources, having, strict=True):
            shown = now[source.serial][1]
            shown.label = source.name if many else ""
            shown.truth = self._mask(asked.truth, shown, tell) if has and asked.truth else None
            found.append(shown)
        return found

    def _opened(self, source: Source, tell: Tell) -> Shown:
        from napari_itermask.figures.opening import open_runs
        from napari_itermask.figures.shown import Shown

        known = self._open.get(source.serial)
        if known is not None and known[0].run is source.run and known[0].folder == source.folder:
            return known[1]
        if source.run is not None and (source.run.scan is not None or source.folder is None):
            return Shown.of(source.run)
        return open_runs((str(source.folder),), tell=tell)[0]

    def _mask(self, truth: Truth, shown: Shown, tell: Tell) -> Mask | None:
        if truth.path is None:
            return truth.mask
        from napari_itermask.inspection.truth import load_truth

        if self._truth is None or self._truth[:2] != (truth.path, shown.same):
            read = load_truth(truth.path, shown.scan)
            for note in read.notes:
                tell(note)
            self._truth = truth.path, shown.same, read.mask
        return self._truth[2]


def save_missing(asked: Asked, folder: Path) -> tuple[Mapping[int, Path], tuple[Mask, Path] | None]:
    """Write into ``folder`` the runs and the truth that lie in no file yet.

    Returns
    -------
    The new folder of each run by its serial number; the truth with its new file, if there is one.
    """
    from napari_itermask.scans.files import save_volume

    folders: dict[int, Path] = {}
    for source in asked.sources:
        if source.folder is None and source.run is not None:
            folders[source.serial] = source.run.save(_free(folder, source.name), passes=True)
    truth = asked.truth
    scan = None if truth is None else _scan_for(asked.sources, truth)
    if truth is None or truth.path is not None or truth.mask is None or scan is None:
        return folders, None
    folder.mkdir(parents=True, exist_ok=True)
    path = _free(folder, f"truth-{scan.name}", ".nii.gz")
    save_volume(path, truth.mask, scan)
    return folders, (truth.mask, path)


def need(*modules: str, pip: str = "matplotlib") -> None:
    """Refuse, in one sentence with the line for pip, what cannot be made here.

    Raises
    ------
    ModuleNotFoundError
        If one of ``modules`` is not installed.
    """
    lacking = [name for name in modules if find_spec(name) is None]
    if lacking:
        raise ModuleNotFoundError(
            f"this needs {' and '.join(lacking)}: pip install {pip}, then open the dock again."
        )


def _painted(figure: Figure, notes: Sequence[str]) -> Drawn:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    wide, high = (25.4 * float(side) for side in figure.get_size_inches())
    return Drawn(np.array(canvas.buffer_rgba()), (wide, high), tuple(notes))


def _scan_for(sources: Sequence[Source], truth: Truth) -> Scan | None:
    runs = (s.run for s in sources if s.same == truth.same and s.run is not None)
    return next((run.scan for run in runs if run.scan is not None), None)


def _free(folder: Path, name: str, ending: str = "") -> Path:
    """A path in ``folder`` that is not there yet."""
    plain = "".join(c if c.isalnum() or c in "._-" else "-" for c in name).strip("-.") or "run"
    path, number = folder / f"{plain}{ending}", 2
    while path.exists():
        path, number = folder / f"{plain}-{number}{ending}", number + 1
    return path
