"""``napari-itermask movie``: the refinement of a saved run over its passes, as mp4 or gif."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

from napari_itermask.shell import Json, Overwrite

LOOKS = "Look"
TIME = "Time"


def movie(
    run: Annotated[Path, typer.Argument(help="Folder of a run that was saved with --passes.")],
    out: Annotated[
        Path | None,
        typer.Option(help="The .mp4 or .gif to write.", show_default="RUN/movie.mp4"),
    ] = None,
    scan: Annotated[
        Path | None, typer.Option(help="Where the scan lies now, if it was moved.")
    ] = None,
    slices: Annotated[
        str,
        typer.Option(
            help="Planes and places in mm, as in 'A -20 50 S 10'; largest: the largest lesion.",
            rich_help_panel=LOOKS,
        ),
    ] = "A largest C largest S largest",
    turn: Annotated[
        float | None,
        typer.Option(
            help="3-D instead of slices: the head turns by so many degrees, as 360.",
            rich_help_panel=LOOKS,
        ),
    ] = None,
    convention: Annotated[
        Literal["neurological", "radiological"],
        typer.Option(
            help="Whether the left of the head is left, or its right.", rich_help_panel=LOOKS
        ),
    ] = "neurological",
    size: Annotated[
        str | None,
        typer.Option(
            help="WIDTHxHEIGHT in pixels.",
            show_default="1280x720, a gif 800x450",
            rich_help_panel=LOOKS,
        ),
    ] = None,
    search: Annotated[
        bool,
        typer.Option(
            help="Show the hundred passes of the search first, five times as fast.",
            rich_help_panel=TIME,
        ),
    ] = False,
    seconds_per_pass: Annotated[
        float, typer.Option(help="How long a pass of the refinement is seen.", rich_help_panel=TIME)
    ] = 0.5,
    hold: Annotated[
        float,
        typer.Option(help="How many seconds the last pass stays longer.", rich_help_panel=TIME),
    ] = 2.0,
    fps: Annotated[float, typer.Option(help="Frames per second.", rich_help_panel=TIME)] = 20.0,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Make a movie of a saved run: how its mask shrinks, pass by pass, in slices or in 3-D."""
    from napari_itermask.figures.movie import MovieSettings, save_movie
    from napari_itermask.record import PASSES, RECORD, load_record
    from napari_itermask.reopened import scan_of
    from napari_itermask.result import load_run

    settings = MovieSettings(
        slices=slices,
        turn=turn,
        search=search,
        fps=fps,
        seconds_per_pass=seconds_per_pass,
        hold=hold,
        size=_size_of(size),
        convention=convention,
    )
    folder = run.parent if run.name == "run.json" else run
    path = out or folder / "movie.mp4"
    if path.exists() and not (overwrite and path.is_file()):
        raise FileExistsError(f"{path} is there already: choose another name (or --overwrite).")
    if (folder / RECORD).exists() and not (folder / PASSES).exists():
        raise ValueError(
            f"{folder} was saved without its passes: make it again with them (napari-itermask "
            f"refine {folder / RECORD} --passes --out NEW)."
        )
    found = scan_of(load_record(folder / RECORD), folder, moved=scan)
    loaded = load_run(folder, found)
    with _bar() as on_frame:
        save_movie(loaded, path, settings, on_frame=on_frame)
    if as_json:
        typer.echo(json.dumps({"movie": str(path)}))
    else:
        typer.echo(str(path))


def _size_of(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    found = re.fullmatch(r"\s*(\d+)\s*[xX×]\s*(\d+)\s*", text)
    if not found:
        raise ValueError(f"--size {text!r} is no size: give WIDTHxHEIGHT in pixels, as 1280x720.")
    return int(found[1]), int(found[2])


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    """A bar of frames and the time left; on a terminal only."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("frame {task.completed:.0f} of {task.total:.0f}"),
        BarColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("", total=1)
        yield lambda done, total: bar.update(task, completed=done, total=total)
