"""``napari-itermask inspect``: why a saved run failed: its agreement, components and voxels."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_itermask.shell import Json, Overwrite

if TYPE_CHECKING:
    from napari_itermask.inspection.agreement import Agreement
    from napari_itermask.inspection.components import Component, Components
    from napari_itermask.inspection.story import Story
    from napari_itermask.result import Run

SHOWN = 20
"""Components that are printed; the files hold all of them."""
AGREEMENT, TABLE, LABELS = "agreement.json", "components.csv", "components.nii.gz"


def inspect_run(
    run: Annotated[Path, typer.Argument(help="Folder of a saved run.")],
    truth: Annotated[
        Path | None, typer.Option(help="Drawn mask, label map or boxes in the scan's space.")
    ] = None,
    regions: Annotated[
        Path | None, typer.Option(help="Label map in the scan's space that names places.")
    ] = None,
    names: Annotated[
        Path | None, typer.Option(help="CSV, TSV or colour table of the regions' names.")
    ] = None,
    at: Annotated[
        list[str] | None,
        typer.Option(help="'R A S' in mm: tell what happened to the voxel there; repeatable."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help=f"Folder for {AGREEMENT}, {TABLE}, {LABELS} and the voxels' stories."),
    ] = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Say why a RUN failed: what was hit, missed or falsely found, each with its reason."""
    from napari_itermask.inspection.agreement import agreement
    from napari_itermask.inspection.components import components
    from napari_itermask.inspection.regions import load_regions
    from napari_itermask.inspection.story import story
    from napari_itermask.inspection.truth import load_truth
    from napari_itermask.reopened import reopen

    places = [_place(text) for text in at or ()]
    if out is not None:
        _check_folder(out, overwrite=overwrite)
    found = reopen(run)
    drawn = None if truth is None else load_truth(truth, _space(found))
    named = None if regions is None else load_regions(regions, found, names)
    scores = None if drawn is None else agreement(found, drawn.mask)
    table = components(found, None if drawn is None else drawn.mask, named)
    stories = [story(found, _voxel(found, place)) for place in places]
    notes = [*(drawn.notes if drawn else ()), *(named.notes if named else ()), *table.notes]
    if out is not None:
        _write(out, found, scores, table, stories)
    if as_json:
        typer.echo(json.dumps(_as_json(scores, table, stories, notes), indent=2))
        return
    for line in (*_words(scores, table), *(s.sentence for s in stories), *notes):
        typer.echo(line)
    if out is not None:
        typer.echo(f"Written: {out}")


def _words(scores: Agreement | None, table: Components) -> list[str]:
    lines = []
    if scores is not None:
        lines.append(f"{'':<38}{'own mask':>12}{'oracle':>12}")
        for name, unit, own, oracle in scores.table():
            title = f"{name} ({unit})" if unit else name
            lines.append(f"{title:<38}{_number(own):>12}{_number(oracle):>12}")
        lines += [*scores.notes, ""]
    lines.append(f"{'':>5} {'kind':<12}{'ml':>8}  {'R A S (mm)':<20}reason")
    lines += [_line(row) for row in table.rows[:SHOWN]]
    if len(table) > SHOWN:
        lines.append(f"... and {len(table) - SHOWN} smaller ones: give --out for the whole table.")
    return lines


def _line(row: Component) -> str:
    place = " ".join(f"{v:.0f}" for v in row.centroid_mm)
    why = f"{row.reason} ({row.because})" if row.reason else row.because
    where = f"{row.region}: " if row.region else ""
    return f"{row.number:>5} {row.kind:<12}{row.volume_ml:>8.2f}  {place:<20}{where}{why}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _as_json(
    scores: Agreement | None, table: Components, stories: Sequence[Story], notes: Sequence[str]
) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "agreement": None if scores is None else scores.as_json(),
        "components": [asdict(row) for row in table.rows],
        "stories": [s.as_json() for s in stories],
        "notes": list(notes),
    }


def _write(
    out: Path,
    run: Run,
    scores: Agreement | None,
    table: Components,
    stories: Sequence[Story],
) -> None:
    from napari_itermask.scans.files import save_volume, write_whole

    out.mkdir(parents=True, exist_ok=True)
    if scores is not None:
        text = json.dumps(scores.as_json(), indent=2) + "\n"
        write_whole(out / AGREEMENT, lambda part: part.write_text(text, encoding="utf-8"))
    table.save_csv(out / TABLE)
    save_volume(out / LABELS, table.labels, _space(run))
    for number, told in enumerate(stories, start=1):
        told.save_csv(out / f"story-{number}.csv")


def _space(run: Run) -> Any:
    """The run's scan; where that is gone its repaint stands in, for voxels and space."""
    from napari_itermask.result import stand_in

    return run.scan or stand_in(run)


def _place(text: str) -> tuple[float, ...]:
    parts = text.replace(",", " ").split()
    try:
        place = tuple(float(part) for part in parts)
    except ValueError:
        place = ()
    if len(place) != 3:
        raise ValueError(f"--at {text!r} is no place: give three numbers in mm, as '-20 35 10'.")
    return place


def _voxel(run: Run, place: Sequence[float]) -> tuple[int, int, int]:
    import numpy as np

    to_voxels = np.linalg.inv(run.affine)
    x, y, z = (int(v) for v in np.rint(to_voxels[:3, :3] @ place + to_voxels[:3, 3]))
    if any(not 0 <= v < n for v, n in zip((x, y, z), run.mask.shape, strict=True)):
        words = " ".join(f"{v:g}" for v in place)
        raise ValueError(f"--at '{words}' lies outside the scan: give a place in its brain, in mm.")
    return x, y, z


def _check_folder(out: Path, *, overwrite: bool) -> None:
    if out.is_file():
        raise ValueError(f"{out} is a file: give a folder for the tables.")
    own = [name for name in (AGREEMENT, TABLE, LABELS) if (out / name).exists()]
    if own and not overwrite:
        raise FileExistsError(
            f"{out} holds {own[0]} already: choose another folder (or --overwrite)."
        )
