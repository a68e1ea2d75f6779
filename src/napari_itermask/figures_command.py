"""``napari-itermask figure``: pictures and plots of saved runs, which can be made again."""

from __future__ import annotations

import glob
import json
import warnings
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import typer

from napari_itermask.figures.recipe import KINDS, NO_TRUTH, FigureRecipe, Kind
from napari_itermask.shell import Json, Overwrite

_TILES = "Of panel and lightbox"
_PLOTS = "Of plots"
_LOOKS = "Size and letters"


def figure(
    kind: Annotated[
        str | None,
        typer.Argument(
            help="; ".join(f"{kind}: {about}" for kind, about in KINDS.items()) + ".",
            show_default=False,
        ),
    ] = None,
    runs: Annotated[
        list[str] | None, typer.Argument(help="Folders of saved runs.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="PNG, SVG or PDF, by its ending.", show_default="KIND.png"),
    ] = None,
    overwrite: Overwrite = False,
    again: Annotated[
        Path | None,
        typer.Option(help="A figure drawn by this command: make it once more, from its file."),
    ] = None,
    truth: Annotated[
        list[str] | None,
        typer.Option(
            help="Drawn mask, NIfTI or boxes: one for each RUN in their order ('none' for one "
            "without), or a single one if all are of one scan. Again, or a pattern in quotes."
        ),
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(
            help="Run of the same scans with other settings (dice, paired). Again, or a pattern "
            "in quotes."
        ),
    ] = None,
    scan: Annotated[
        list[Path] | None, typer.Option(help="Where a scan lies now that was moved; again.")
    ] = None,
    label: Annotated[
        list[str] | None, typer.Option(help="What a RUN is called, in their order; again.")
    ] = None,
    set_name: Annotated[
        list[str] | None,
        typer.Option(help="What the RUNs are called, then those of --against."),
    ] = None,
    title: Annotated[str, typer.Option(help="Words above the figure.")] = "",
    columns: Annotated[
        str,
        typer.Option(
            help="Of a panel: some of input, guide, mask, reconstruction, error, truth, agreement; "
            "mask@5 is the mask after pass 5 (0: the first), search@20 the search's at 20 %.",
            rich_help_panel=_TILES,
            show_default="input,mask,reconstruction,error,truth,agreement",
        ),
    ] = "",
    slices: Annotated[
        str,
        typer.Option(
            help="Planes and mm as in MRIcroGL: 'A -20 50 S 10'; 'largest' in place of a number is "
            "the slice where the largest lesion is widest.",
            rich_help_panel=_TILES,
            show_default="largest; a lightbox: all over the brain",
        ),
    ] = "",
    show: Annotated[
        str,
        typer.Option(
            help="Of a lightbox: one of the columns.",
            rich_help_panel=_TILES,
            show_default="agreement or mask",
        ),
    ] = "",
    plane: Annotated[
        Literal["axial", "coronal", "sagittal"],
        typer.Option(help="Of a lightbox.", rich_help_panel=_TILES),
    ] = "axial",
    every: Annotated[
        float, typer.Option(help="Of a lightbox: mm between slices.", rich_help_panel=_TILES)
    ] = 8.0,
    convention: Annotated[
        Literal["neurological", "radiological"],
        typer.Option(help="Whose left is left; it is stated.", rich_help_panel=_TILES),
    ] = "neurological",
    ranges: Annotated[
        list[str] | None,
        typer.Option(
            "--range",
            help="From where to where a map is shown: error=0,2; again for another map.",
            rich_help_panel=_TILES,
        ),
    ] = None,
    tallest: Annotated[
        float, typer.Option(help="Height in mm that it stays under.", rich_help_panel=_TILES)
    ] = 225.0,
    full: Annotated[
        bool,
        typer.Option(
            "--full", help="Of a curve: all of it, not its low part.", rich_help_panel=_PLOTS
        ),
    ] = False,
    replay: Annotated[
        bool,
        typer.Option(
            help="Of passes: make them again where their errors were not kept.",
            rich_help_panel=_PLOTS,
        ),
    ] = True,
    by: Annotated[
        Literal["scan", "lesion"],
        typer.Option(help="Of dice: a point for each.", rich_help_panel=_PLOTS),
    ] = "scan",
    width: Annotated[
        float,
        typer.Option(help="mm; a journal's column is 85, its page 180.", rich_help_panel=_LOOKS),
    ] = 180.0,
    dpi: Annotated[int, typer.Option(help="Dots per inch.", rich_help_panel=_LOOKS)] = 300,
    font: Annotated[
        str, typer.Option(help="A font of this machine.", rich_help_panel=_LOOKS)
    ] = "DejaVu Sans",
    font_size: Annotated[
        float, typer.Option(help="Points, as printed.", rich_help_panel=_LOOKS)
    ] = 7.0,
    recipe_in_file: Annotated[
        bool,
        typer.Option(
            "--recipe/--no-recipe",
            help="Write the command and the paths of its runs into the file.",
        ),
    ] = True,
    as_json: Json = False,
) -> None:
    """Draw a figure of one saved RUN or many, for a paper; its file holds the command for it.

    figure panel RUN --truth lesion.nii.gz --slices 'A -20 50 S 10' --width 85 --out fig.pdf
    """
    from napari_itermask.figures.again import check_out, draw_again, save_figure
    from napari_itermask.figures.draw import draw

    moved = _files([str(s) for s in scan or ()], "--scan")
    if again is not None:
        if kind is not None or runs:
            raise ValueError(
                f"--again takes everything from {again}: leave {kind} and the runs out."
            )
        target = out or again.with_name(f"{again.stem}_again{again.suffix}")
        recipe = draw_again(again, target, scans=moved, overwrite=overwrite, tell=_warn)
        _say(recipe, target, as_json=as_json)
        return
    recipe = FigureRecipe(
        kind=_kind(kind),
        runs=_given(runs),
        against=_files(against, "--against"),
        truth=_files(truth, "--truth"),
        scan=moved,
        label=tuple(label or ()),
        set_name=tuple(set_name or ()),
        columns=columns,
        slices=slices,
        show=show,
        plane=plane,
        every=every,
        convention=convention,
        range=tuple(ranges or ()),
        full=full,
        again=replay,
        by=by,
        title=title,
        width=width,
        tallest=tallest,
        dpi=dpi,
        font=font,
        font_size=font_size,
    )
    target = out or Path(f"{recipe.kind}.png")
    check_out(target, overwrite=overwrite)
    save_figure(
        draw(recipe, _warn),
        target,
        recipe if recipe_in_file else None,
        overwrite=overwrite,
        why_not="its recipe was left out",
    )
    _say(recipe, target, as_json=as_json)


def _kind(kind: str | None) -> Kind:
    known: tuple[Any, ...] = get_args(Kind)
    if kind not in known:
        said = "no kind of figure was named" if kind is None else f"{kind!r} is no kind of figure"
        raise ValueError(f"{said}: choose one of {', '.join(known)}.")
    found: Kind = kind  # type: ignore[assignment]
    return found


def _given(runs: list[str] | None) -> tuple[str, ...]:
    if not runs:
        raise ValueError("a figure is drawn of saved runs: give the folder of one at least.")
    return _files(runs, "RUN")


def _files(given: list[str] | None, name: str) -> tuple[str, ...]:
    """Whole paths; a pattern, which a shell would spread over an option's neighbours, is spread."""
    found: list[str] = []
    for word in given or ():
        if word == NO_TRUTH:
            found.append(word)
        elif Path(word).exists() or not glob.has_magic(word):
            found.append(str(Path(word).resolve()))
        else:
            matches = sorted(glob.glob(word))  # noqa: PTH207 - it may begin anywhere
            if not matches:
                raise FileNotFoundError(f"{name} {word!r} matches no file: check the pattern.")
            found += [str(Path(match).resolve()) for match in matches]
    return tuple(found)


def _warn(note: str) -> None:
    warnings.warn(note, UserWarning, stacklevel=2)


def _say(recipe: FigureRecipe, out: Path, *, as_json: bool) -> None:
    command = f"{recipe.command()} --out {out}"
    if as_json:
        typer.echo(json.dumps({"out": str(out), "kind": recipe.kind, "command": command}, indent=2))
    else:
        typer.echo(str(out))
