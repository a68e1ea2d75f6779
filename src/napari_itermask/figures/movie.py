"""How does the mask shrink pass by pass? A run as a movie, in slices or turning in 3-D."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_itermask.figures.film.settings import GIF_SIZE, SEARCH_SPEED, MovieSettings
from napari_itermask.figures.slices import Slice, parse_slices
from napari_itermask.figures.style import FigureError
from napari_itermask.inspection.replayed import Replayed
from napari_itermask.notes import Tell, say
from napari_itermask.run import Run
from napari_itermask.scans.files import write_whole

if TYPE_CHECKING:
    from napari_itermask.figures.film.canvas import Pixels
    from napari_itermask.figures.film.stage import Picture, Shot
    from napari_itermask.method.error import Volume


class Movie:
    """The frames of a movie, drawn one by one as they are asked for.

    Where the maps of a pass were not kept it is made again.

    Parameters
    ----------
    run
        With its scan and its passes.
    settings
        None: the three planes through the largest lesion.
    tell
        Called with each sentence that a person should know; None: a UserWarning.

    Attributes
    ----------
    settings
        As given.
    positions
        The passes that are shown, by their positions in ``run.passes``.

    Raises
    ------
    ValueError
        If the run lacks its scan or its passes, or none of them is of the refinement and the
        search is not wanted.
    FigureError
        If the slices cannot be read or lie outside the scan.
    """

    def __init__(
        self, run: Run, settings: MovieSettings | None = None, tell: Tell | None = None
    ) -> None:
        from napari_itermask.figures.film.stage import Point, Stage

        self.settings = settings = settings or MovieSettings()
        self._tell = tell
        self._passes = run.passes
        self._replayed = Replayed(run, budget=0)  # a movie needs each pass once: nothing is held
        self._records = run.record.passes
        self.positions = [
            p
            for p in range(len(run.passes))
            if settings.search or self._records[p].phase == "refine"
        ]
        if not self.positions:
            raise FigureError(
                "this run ended in its search, so it has no pass of the refinement to show: ask "
                "for those of the search (--search)."
            )
        self._counts = [self._frames_of(p) for p in self.positions]
        self._of = {
            phase: max((r.number for r in self._records if r.phase == phase), default=0)
            for phase in ("search", "refine")
        }
        self._with_maps = self._maps_are_there()
        shown = [self._records[p] for p in self.positions]
        # Passes count on from the search where it is shown, else as the caption counts them.
        points = [
            Point(r.phase, r.index + 1 if settings.search else r.number, r.mask_ml) for r in shown
        ]
        self._stage = Stage(self._picture(run), settings.pixels, points, _footer(run, settings))

    def __len__(self) -> int:
        """How many frames there are."""
        return sum(self._counts) + round(self.settings.hold * self.settings.fps)

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self) / self.settings.fps

    def frame(self, number: int) -> Pixels:
        """One frame, ``(height, width, 3)`` uint8 RGB."""
        number = range(len(self))[number]
        ends = np.cumsum(self._counts)
        place = min(int(np.searchsorted(ends, number, side="right")), len(ends) - 1)
        return self._stage.frame(self._shot(place), place, self._turned(number))

    def frames(self) -> Iterator[Pixels]:
        """All frames in order; a pass is drawn once unless the head turns."""
        number = 0
        for place, count in enumerate(self._counts):
            shot = self._shot(place)
            last = place == len(self._counts) - 1
            pixels: Pixels | None = None
            for _ in range(len(self) - number if last else count):
                if pixels is None or self.settings.turn is not None:
                    pixels = self._stage.frame(shot, place, self._turned(number))
                yield pixels
                number += 1

    def _frames_of(self, position: int) -> int:
        seconds = self.settings.seconds_per_pass
        if self._records[position].phase == "search":
            seconds /= SEARCH_SPEED
        return max(1, round(seconds * self.settings.fps))

    def _turned(self, number: int) -> float:
        return (self.settings.turn or 0.0) * number / len(self)

    def _maps_are_there(self) -> bool:
        """Whether each pass has its maps or can be made again; says so if not."""
        if all(self._passes.has_maps(p) for p in self.positions) or not self._replayed.problem:
            return True
        if self.settings.turn is not None:
            raise FigureError(
                f"the errors of this run's passes cannot be made again, {self._replayed.problem}: "
                "show slices, which need only its masks."
            )
        say(
            "only the mask is shown: reconstruction and error cannot be made again, "
            f"{self._replayed.problem}.",
            self._tell,
        )
        return False

    def _picture(self, run: Run) -> Picture:
        grid, scan = self._replayed.grid, run.scan
        assert scan is not None
        top = float(np.percentile(run.error[scan.brain], 99))
        top = max(4 * run.threshold, top, 1e-6)
        if self.settings.turn is not None:
            from napari_itermask.figures.film.turning import Turning

            return Turning(grid, top)
        from napari_itermask.figures.film.planes import Planes

        slices: list[Slice] = [s for row in parse_slices(self.settings.slices) for s in row]
        return Planes(
            grid,
            slices,
            self._passes.mask(-1),
            top,
            scan.name,
            maps=self._with_maps,
            convention=self.settings.convention,
        )

    def _shot(self, place: int) -> Shot:
        from napari_itermask.figures.film.stage import Shot

        position = self.positions[place]
        record = self._records[position]
        reconstruction = error = None
        if self._with_maps:
            reconstruction, error = self._maps(position)
        return Shot(
            record.phase,
            record.number,
            self._of[record.phase],
            record.threshold,
            record.mask_ml,
            self._passes.masked(position),
            self._passes.mask(position),
            reconstruction,
            error,
        )

    def _maps(self, position: int) -> tuple[Volume, Volume]:
        known = len(self._replayed.notes)
        ((_, maps),) = self._replayed.each([position], [position])
        assert maps is not None
        for note in self._replayed.notes[known:]:
            say(note, self._tell)
        reconstruction, error = np.zeros((2, *self._passes.brain.shape), np.float32)
        reconstruction[self._passes.brain], error[self._passes.brain] = maps
        return reconstruction, error


def save_movie(
    run: Run,
    path: str | os.PathLike[str],
    settings: MovieSettings | None = None,
    *,
    stop: Callable[[], bool] | None = None,
    on_frame: Callable[[int, int], object] | None = None,
    tell: Tell | None = None,
) -> Path | None:
    """Write the movie of a run to ``path`` (.mp4 or .gif), frame by frame as they are drawn.

    Parameters
    ----------
    run, settings, tell
        See :class:`Movie`.
    stop
        Asked before each frame; once it says True no file is left, and None is returned.
    on_frame
        Called with how many frames were written and how many there are to be.

    Raises
    ------
    ValueError, OSError, ModuleNotFoundError
        As :class:`Movie` does; if ``path`` has another ending or no folder; if imageio or av is
        not installed.
    """
    from napari_itermask.figures.film.writers import ready_for, write_frames

    path = Path(path)
    ready_for(path)
    settings = settings or MovieSettings()
    if settings.size is None and path.suffix.lower() == ".gif":
        settings = replace(settings, size=GIF_SIZE)
    movie = Movie(run, settings, tell)

    def watched() -> Iterator[Pixels]:
        for number, pixels in enumerate(movie.frames()):
            if stop is not None and stop():
                raise _StoppedError
            yield pixels
            if on_frame is not None:
                on_frame(number + 1, len(movie))

    try:
        write_whole(path, lambda part: write_frames(part, watched(), settings.pixels, settings.fps))
    except _StoppedError:
        return None
    return path


class _StoppedError(Exception):
    pass


def _footer(run: Run, settings: MovieSettings) -> str:
    assert run.scan is not None
    side = {
        "neurological": "the left of the head is left",
        "radiological": "the right of the head is left",
    }[settings.convention]
    turned = "" if settings.turn is not None else f"   {settings.convention}: {side}"
    return f"{run.scan.name}, {run.card.name}   for research only{turned}"


__all__ = ["Movie", "MovieSettings", "save_movie"]
