"""How is a movie looked at and written beside the window, and with which command by the shell?

Free of Qt and napari.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_itermask.figures.film.settings import GIF_SIZE, MovieSettings
from napari_itermask.gui.figure.drawer import need

if TYPE_CHECKING:
    from napari_itermask.gui.figure.asked import Source
    from napari_itermask.result import Run

EXTRA = '"napari-itermask[movie]"'
"""What pip brings that movies need."""


@dataclass(frozen=True, eq=False)
class Still:
    """The last frame of a movie ``(height, width, 3)``, and how long it is."""

    pixels: NDArray[np.uint8]
    passes: int
    frames: int
    seconds: float
    notes: tuple[str, ...] = ()


class MovieMaker:
    """Makes stills and movies; a run that was read from disk stays open while it is asked for."""

    def __init__(self) -> None:
        self._open: tuple[Path, Run] | None = None

    def still(self, source: Source, settings: MovieSettings, ending: str) -> Still:
        """The last frame.

        Raises
        ------
        ValueError, ModuleNotFoundError
            If there can be no such movie: one sentence.
        """
        need("matplotlib")
        from napari_itermask.figures.movie import Movie

        notes: list[str] = []
        movie = Movie(self._run(source, notes), sized(settings, ending), notes.append)
        return Still(movie.frame(-1), len(movie.positions), len(movie), movie.seconds, tuple(notes))

    def save(
        self,
        source: Source,
        path: Path,
        settings: MovieSettings,
        stop: Callable[[], bool],
        on_frame: Callable[[int, int], object],
    ) -> tuple[Path | None, list[str]]:
        """Write it; the path is None if it was stopped, and then nothing is left.

        Raises
        ------
        ValueError, OSError, ModuleNotFoundError
            If it cannot be made or written: one sentence.
        """
        need("imageio", "av", pip=EXTRA)
        from napari_itermask.figures.movie import save_movie

        notes: list[str] = []
        run = self._run(source, notes)
        made = save_movie(run, path, settings, stop=stop, on_frame=on_frame, tell=notes.append)
        return made, notes

    def forget(self) -> None:
        """Close what was read from disk."""
        self._open = None

    def _run(self, source: Source, notes: list[str]) -> Run:
        from napari_itermask.reopened import reopen

        if source.run is not None and source.run.scan is not None:
            self._open = None
            return source.run
        if source.folder is None:
            raise ValueError(f"{source.name} lies nowhere with its scan: open its scan and run.")
        if self._open is None or self._open[0] != source.folder:
            self._open = source.folder, reopen(source.folder, notes.append)
        return self._open[1]


def sized(settings: MovieSettings, ending: str) -> MovieSettings:
    """With the size that such a file has unless another is given."""
    if settings.size is None and ending == ".gif":
        return replace(settings, size=GIF_SIZE)
    return settings


def command_of(folder: Path, settings: MovieSettings, ending: str) -> str:
    """The shell command that makes the movie of a saved run."""
    plain = MovieSettings()
    words = ["napari-itermask", "movie", str(folder)]
    for name, option in (
        ("slices", "--slices"),
        ("turn", "--turn"),
        ("convention", "--convention"),
        ("seconds_per_pass", "--seconds-per-pass"),
        ("hold", "--hold"),
        ("fps", "--fps"),
    ):
        value = getattr(settings, name)
        if value != getattr(plain, name):
            words += [option, value if isinstance(value, str) else f"{value:g}"]
    if settings.size is not None:
        words += ["--size", f"{settings.size[0]}x{settings.size[1]}"]
    words += ["--search"] if settings.search else []
    return shlex.join([*words, "--out", f"movie{ending}"])
