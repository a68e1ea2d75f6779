"""How does a figure say how it was made, and how is it made again? The recipe inside the file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from napari_itermask.figures.draw import draw
from napari_itermask.figures.inside import texts_of, versions, write_figure
from napari_itermask.figures.recipe import NO_TRUTH, FigureRecipe
from napari_itermask.figures.style import FigureError
from napari_itermask.models.card import first_problem
from napari_itermask.notes import Tell, say
from napari_itermask.record import RECORD
from napari_itermask.scans.files import sha256, write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARK = "napari-itermask recipe: "
"""What the recipe begins with, wherever in a file it stands."""
FORMATS = (".png", ".svg", ".pdf")


class Embedded(BaseModel):
    """What stands in a figure's file.

    Attributes
    ----------
    recipe
        What it was made of.
    made_of
        The files that it shows, and their SHA-256.
    beside
        The same files as seen from the figure's folder, so that both may be moved together.
    versions
        Of what drew it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe: FigureRecipe
    made_of: dict[str, str] = {}
    beside: dict[str, str] = {}
    versions: dict[str, str] = {}


def save_figure(
    figure: Figure,
    path: Path,
    recipe: FigureRecipe | None = None,
    *,
    overwrite: bool = False,
    why_not: str = "it was drawn from runs in memory",
) -> Path:
    """Write a figure (.png, .svg, .pdf) with the command that makes it again; returns the path.

    Parameters
    ----------
    recipe
        None: the file says that it cannot be made again, and ``why_not``.
    overwrite
        Replace a file that is there.

    Raises
    ------
    FigureError, FileExistsError
        If the format is another one, or the file is there.
    """
    check_out(path, overwrite=overwrite)
    words = f"This figure cannot be made again from files: {why_not}."
    recipe_words = ""
    if recipe is not None:
        words = f"{recipe.command()} --out {path.name}"
        recipe_words = MARK + json.dumps(_embedded(recipe, path).model_dump())
    write_whole(path, lambda part: write_figure(figure, part, words, recipe_words))
    return path


def draw_again(
    file: Path,
    out: Path,
    *,
    scans: tuple[str, ...] = (),
    overwrite: bool = False,
    tell: Tell | None = None,
) -> FigureRecipe:
    """Make a figure once more from the recipe in its file, into ``out``; returns the recipe.

    Parameters
    ----------
    scans
        Where scans lie now that were moved.
    tell
        Called with what may make it differ: a run that has changed, another version; None: a
        UserWarning.

    Raises
    ------
    FigureError
        If the file holds no recipe.
    ValueError, OSError
        If a run is gone, or lacks what is asked for.
    """
    check_out(out, overwrite=overwrite)
    embedded = read_embedded(file)
    recipe = _moved(embedded, file)
    if scans:
        recipe = recipe.model_copy(update={"scan": (*recipe.scan, *scans)})
    for note in _differences(embedded, recipe):
        say(note, tell)
    save_figure(draw(recipe, tell), out, recipe, overwrite=overwrite)
    return recipe


def read_embedded(file: Path) -> Embedded:
    """Read what stands in a figure's file.

    Raises
    ------
    FigureError
        If it is no such figure, or a recipe of another version.
    """
    if not file.is_file():
        raise FigureError(f"{file} does not exist: check the path of the figure.")
    found = [text for text in texts_of(file) if text.startswith(MARK)]
    if not found:
        raise FigureError(
            f"{file} holds no recipe: it was not drawn by napari-itermask figure, or another "
            "program has written it since and left the recipe out."
        )
    try:
        return Embedded.model_validate_json(found[0][len(MARK) :])
    except ValidationError as error:
        raise FigureError(
            f"{file} holds a recipe that this version cannot read ({first_problem(error)}): "
            "install the version that drew it, or draw it anew."
        ) from None


def check_out(path: Path, *, overwrite: bool = False) -> None:
    """Refuse an output file before any work."""
    if path.suffix.lower() not in FORMATS:
        raise FigureError(f"{path} is none of {', '.join(FORMATS)}: choose one of these endings.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path.parent} is no folder: make it first, or choose another.")
    if path.exists() and not (overwrite and path.is_file()):
        raise FileExistsError(
            f"{path} is there already: choose another name, or allow it to be replaced "
            "(--overwrite, overwrite=True)."
        )


def _embedded(recipe: FigureRecipe, path: Path) -> Embedded:
    folder, files, beside = path.resolve().parent, {}, {}
    for name in _paths(recipe):
        files[name] = sha256(_file_of(name))
        try:
            beside[name] = Path(os.path.relpath(Path(name).resolve(), folder)).as_posix()
        except ValueError:  # on another drive
            continue
    return Embedded(recipe=recipe, made_of=files, beside=beside, versions=versions())


def _paths(recipe: FigureRecipe) -> list[str]:
    truths = [truth for truth in recipe.truth if truth != NO_TRUTH]
    return list(dict.fromkeys([*recipe.runs, *recipe.against, *truths, *recipe.scan]))


def _file_of(name: str) -> Path:
    path = Path(name)
    return path / RECORD if path.is_dir() else path


def _moved(embedded: Embedded, file: Path) -> FigureRecipe:
    """The recipe with the paths that moved along with the figure."""
    folder = file.resolve().parent

    def now(name: str) -> str:
        beside = embedded.beside.get(name)
        if Path(name).exists() or not beside or not (folder / beside).exists():
            return name
        return str((folder / beside).resolve())

    fields = ("runs", "against", "truth", "scan")
    moved = {f: tuple(now(name) for name in getattr(embedded.recipe, f)) for f in fields}
    return embedded.recipe.model_copy(update=moved)


def _differences(embedded: Embedded, recipe: FigureRecipe) -> list[str]:
    """What may make the figure differ from the one that it was, in sentences."""
    then, now = embedded.versions, versions()
    other = [f"{name} {v}" for name, v in then.items() if now.get(name) != v]
    notes = []
    if other:
        notes.append(f"the figure was drawn with {', '.join(other)}: here it may differ slightly.")
    for old, new in zip(_paths(embedded.recipe), _paths(recipe), strict=False):
        file = _file_of(new)
        if file.exists() and embedded.made_of.get(old) not in (None, sha256(file)):
            notes.append(f"{file} has changed since the figure was drawn.")
    return notes
