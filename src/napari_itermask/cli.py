"""The same engine from a shell: one command per question; the window only in ``demo`` and ``view``.

Exit codes: 0 done, 2 bad input or usage (one sentence on stderr), 130 interrupted, 75 a training
that was asked to stop and will resume, 1 a check that failed, or our fault.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_itermask.figures_command import figure
from napari_itermask.inspect_command import inspect_run
from napari_itermask.method.settings import RefineSettings
from napari_itermask.models_command import models
from napari_itermask.movie_command import movie
from napari_itermask.shell import (
    BrainMask,
    Device,
    Json,
    Modality,
    ModelName,
    Normalise,
    Overwrite,
    Precision,
    Preset,
    Strip,
    plain_errors,
    plainly,
    progress,
    window_is_possible,
    with_settings,
)
from napari_itermask.training.command import train

if TYPE_CHECKING:
    from napari_itermask.models.store import Model
    from napari_itermask.run import Run
    from napari_itermask.scans.intensity import Mask
    from napari_itermask.scans.scan import Scan

app = typer.Typer(
    name="napari-itermask",
    help=(
        "Find what a network that knows only healthy brains cannot repaint: unsupervised anomaly "
        "segmentation of 3D brain MRI (IterMask3D). For research only, not for diagnosis."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Entry point of the ``napari-itermask`` command."""
    app()


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.")
    ] = False,
) -> None:
    if version:
        from importlib.metadata import version as of

        typer.echo(of("napari-itermask"))
        raise typer.Exit


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("itermask-demo"),
    device: Device = "auto",
    window: Annotated[
        bool | None,
        typer.Option(help="Open napari, or only write files; by default whatever is possible."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Run the embedded model on the sample brain: nothing is downloaded, nothing else is needed."""
    with plain_errors():
        from napari_itermask.models.store import load_model
        from napari_itermask.run import refine
        from napari_itermask.scans.files import load_mask, load_scan
        from napari_itermask.synthetic.patient import sample_files

        if not as_json:
            typer.echo("Sample: a synthetic FLAIR patient; the truth is known.")
        if window_is_possible(wanted=window):
            from napari_itermask.gui.window import demonstrate

            demonstrate(
                device, lambda run, scan, truth: _say_demo(run, scan, truth, out, as_json=as_json)
            )
            return
        sample = sample_files()
        scan = load_scan(sample.flair)
        with progress() as on_step:
            run = refine(scan, load_model("flair-2mm"), on_step=on_step, device=device)
        _say_demo(run, scan, load_mask(sample.lesion, scan), out, as_json=as_json)


def _say_demo(run: Run, scan: Scan, truth: Mask, out: Path, *, as_json: bool) -> None:
    from napari_itermask.figures.panel import save_panel
    from napari_itermask.method.scores import overlap
    from napari_itermask.synthetic.patient import sample_files

    met = overlap(run.mask, truth, scan.spacing)
    folder = run.save(out, overwrite=True)
    picture = save_panel(
        run, folder / "overview.png", truth, folder=folder, truth_file=sample_files().lesion
    )
    if as_json:
        summary = {**_summary(run, folder), "dice": round(met.dice, 4), "picture": str(picture)}
        typer.echo(json.dumps(summary, indent=2))
        return
    typer.echo(
        f"Mask {run.mask_ml:.1f} ml, truth {met.truth_ml:.1f} ml, Dice {met.dice:.2f} "
        f"({sum(run.record.seconds.values()):.1f} s)."
    )
    typer.echo(f"Pictures and NIfTI files: {folder.resolve()}")


@app.command(name="view")
def view_command(
    path: Annotated[
        Path | None,
        typer.Argument(
            help="A scan (NIfTI, MGZ), the folder of a saved run, or a table of cases (CSV).",
            metavar="SCAN",
        ),
    ] = None,
    brain_mask: BrainMask = None,
    strip: Strip = None,
    model: ModelName = "flair-2mm",
) -> None:
    """Open the workbench: watch a run, pause it, step it, tune it."""
    with plain_errors():
        if path is not None and not path.exists():
            raise FileNotFoundError(f"{path} does not exist: check the path.")
        if window_is_possible(wanted=True):
            from napari_itermask.gui.window import view

            view(path, brain_mask, strip, model)


@app.command()
def info(as_json: Json = False) -> None:
    """Print versions, devices and precision: what to send along with a question."""
    with plain_errors():
        from napari_itermask.machine import describe

        facts = describe()
        if as_json:
            typer.echo(json.dumps(facts, indent=2))
            return
        for key, value in facts.items():
            typer.echo(f"{key:<18}{value}")


def refine(  # the options of RefineSettings are added to this signature below
    scan: Annotated[
        Path, typer.Argument(help="NIfTI or MGZ; or the run.json of a run to make again.")
    ],
    model: ModelName = "flair-2mm",
    brain_mask: BrainMask = None,
    strip: Strip = None,
    start: Annotated[
        Path | None,
        typer.Option(
            help="Mask that is hidden first instead of the brain; on the scan or the grid."
        ),
    ] = None,
    within: Annotated[
        Path | None,
        typer.Option(help="Mask that the refinement stays in; on the scan or the grid."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Output folder.", show_default="SCAN_itermask")
    ] = None,
    overwrite: Overwrite = False,
    preset: Preset = "card",
    search: Annotated[
        bool, typer.Option(help="Make the threshold curve even if the rule does without it.")
    ] = True,
    modality: Modality = None,
    normalise: Normalise = None,
    passes: Annotated[
        bool, typer.Option("--passes", help="Write the mask of every pass too (passes.npz).")
    ] = False,
    device: Device = "auto",
    precision: Precision = "auto",
    as_json: Json = False,
    **changes: Any,
) -> None:
    """Refine one SCAN into an anomaly mask in its own space, or make a saved run again."""
    with plain_errors():
        from napari_itermask.models.store import load_model
        from napari_itermask.prepare import load_mask_on_grid
        from napari_itermask.record import claimed
        from napari_itermask.run import refine as run_refine, replay
        from napari_itermask.scans.files import load_scan, stem
        from napari_itermask.scans.grid import place

        files = {"brain_mask": brain_mask, "start": start, "within": within}
        name = scan.resolve().parent.name + "_again" if scan.suffix == ".json" else stem(scan)
        folder = out or Path(f"{name}_itermask")
        if scan.suffix == ".json":
            _check_nothing_else(scan, {**files, "strip": strip, **changes})
            with claimed(folder, overwrite=overwrite), progress() as on_step:
                run = replay(scan, on_step=on_step)
        else:
            _check_not_replaced(folder, [scan, *files.values()])
            loaded = load_scan(scan, brain_mask, strip)
            chosen = load_model(model, modality=modality, normalisation=normalise)
            placement = place(loaded.brain, loaded.affine, chosen.card.grid)
            drawn = {
                n: load_mask_on_grid(file, loaded, placement)
                for n, file in (("start", start), ("within", within))
                if file
            }
            with claimed(folder, overwrite=overwrite), progress() as on_step:
                run = run_refine(
                    loaded,
                    chosen,
                    _settings(chosen, preset, changes),
                    on_step,
                    device,
                    precision=precision,
                    search=search,
                    masks_on="grid",
                    start=drawn.get("start"),
                    within=drawn.get("within"),
                )
        run.save(folder, overwrite=overwrite, passes=passes)
        if as_json:
            typer.echo(json.dumps(_summary(run, folder), indent=2))
        else:
            typer.echo(
                f"Mask {run.mask_ml:.2f} ml at threshold {run.threshold:.4g} after "
                f"{len(run.record.passes)} passes ({sum(run.record.seconds.values()):.1f} s): "
                f"{folder / 'mask.nii.gz'}"
            )


def sweep(  # the options of RefineSettings are added here too, but those that a sweep sets
    scan: Annotated[Path, typer.Argument(help="NIfTI or MGZ.")],
    gammas: Annotated[
        str, typer.Option(help="low:high:count, spaced by their logarithm, or a list with commas.")
    ] = "0.01:1:15",
    truth: Annotated[
        Path | None, typer.Option(help="Drawn mask on the scan's voxels, to compare with (Dice).")
    ] = None,
    model: ModelName = "flair-2mm",
    brain_mask: BrainMask = None,
    strip: Strip = None,
    out: Annotated[Path | None, typer.Option(help="Write the table to this CSV file.")] = None,
    overwrite: Overwrite = False,
    preset: Preset = "card",
    modality: Modality = None,
    normalise: Normalise = None,
    device: Device = "auto",
    precision: Precision = "auto",
    as_json: Json = False,
    **changes: Any,
) -> None:
    """Show what each gamma would give on one SCAN: one search, then a few passes for each."""
    with plain_errors():
        from napari_itermask.models.store import load_model
        from napari_itermask.scans.files import load_mask, load_scan
        from napari_itermask.sweeps import (
            gammas_of,
            plain,
            search_only,
            sweep_points,
            table,
            write_table,
        )

        wanted = gammas_of(gammas)
        if out is not None:
            _check_table(out, overwrite)
        loaded = load_scan(scan, brain_mask, strip)
        drawn = load_mask(truth, loaded) if truth else None
        chosen = load_model(model, modality=modality, normalisation=normalise)
        settings = _settings(chosen, preset, changes).replace(threshold_rule="tangent")
        for gamma in wanted:  # one out of range is refused before any pass
            settings.replace(gamma=gamma)
        with progress() as on_step:
            run = search_only(loaded, chosen, settings, on_step, device, precision)
            points = list(sweep_points(run, wanted, drawn, on_step=on_step))
        if out is not None:
            write_table(out, points)
        if as_json:
            typer.echo(json.dumps({"scan": str(scan), "points": plain(points)}, indent=2))
        else:
            typer.echo(table(points))
            if out is not None:
                typer.echo(str(out))


@app.command(name="corrupt")
def corrupt_command(
    scan: Annotated[
        Path | None, typer.Argument(help="NIfTI or MGZ; with --draw only for another scan.")
    ] = None,
    effect: Annotated[str | None, typer.Option(help="Which one; --list names them.")] = None,
    severity: Annotated[
        float | None, typer.Option(help="0 to 10; 1: the paper's strength.", show_default="1")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of chance.", show_default="0")] = None,
    draw: Annotated[
        Path | None, typer.Option(help="draw.json of a corrupted scan: make the same again.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Output folder.", show_default="SCAN_EFFECT")
    ] = None,
    brain_mask: BrainMask = None,
    strip: Strip = None,
    overwrite: Overwrite = False,
    list_all: Annotated[bool, typer.Option("--list", help="List the effects and leave.")] = False,
    as_json: Json = False,
) -> None:
    """Put a synthetic anomaly or artefact into a SCAN; its truth is written beside it."""
    with plain_errors():
        from napari_itermask.synthetic.effects import EFFECTS, listed

        if list_all:
            names = ("name", "published", "summary", "severity")
            rows = [{n: getattr(e, n) for n in names} for e in EFFECTS.values()]
            typer.echo(json.dumps(rows, indent=2) if as_json else listed())
            return
        from napari_itermask.corruption import make_corrupted, summary

        made, folder = make_corrupted(
            scan,
            effect,
            severity,
            seed,
            draw=draw,
            out=out,
            brain_mask=brain_mask,
            strip=strip,
            overwrite=overwrite,
        )
        about = summary(made, folder)
        if as_json:
            typer.echo(json.dumps(about, indent=2))
            return
        share = about["truth_share_of_brain"]
        typer.echo(
            f"{made.effect}, severity {made.severity:g}: {about['truth_ml']:.2f} ml changed "
            f"visibly, {share:.1%} of the brain: {folder / 'scan.nii.gz'}"
        )


app.command(name="train")(plainly(train))
app.command(name="inspect")(plainly(inspect_run))
app.command(name="figure")(plainly(figure))
app.command(name="movie")(plainly(movie))
app.add_typer(models, name="models")
app.command(name="refine")(with_settings(refine))
app.command(name="sweep")(
    with_settings(sweep, without=("threshold_rule", "gamma", "manual_threshold"))
)


def _settings(model: Model, preset: str, changes: dict[str, Any]) -> RefineSettings:
    base = model.card.settings if preset == "card" else RefineSettings()
    return base.replace(**{k: v for k, v in changes.items() if v is not None})


def _check_nothing_else(record: Path, given: dict[str, Any]) -> None:
    names = ["--" + name.replace("_", "-") for name, value in given.items() if value is not None]
    if names:
        raise ValueError(
            f"{record} makes its run again as it was: leave out {', '.join(names)}, or give the "
            "scan instead."
        )


def _check_not_replaced(folder: Path, inputs: Sequence[Path | None]) -> None:
    from napari_itermask.record import OWN_FILES

    own = {(folder / name).resolve() for name in OWN_FILES}
    for file in inputs:
        if file is not None and file.resolve() in own:
            raise ValueError(f"{file} would be replaced by a result: choose another output folder.")


def _check_table(out: Path, overwrite: bool) -> None:
    if not out.parent.is_dir():
        raise FileNotFoundError(f"{out.parent} is no folder: make it first, or choose another.")
    if out.exists() and not (overwrite and out.is_file()):
        raise FileExistsError(f"{out} is there already: choose another name (or --overwrite).")


def _summary(run: Run, folder: Path) -> dict[str, Any]:
    record = run.record
    return {
        "out": str(folder),
        "mask_ml": round(run.mask_ml, 4),
        "threshold": run.threshold,
        "threshold_rule": run.settings.threshold_rule,
        "passes": len(record.passes),
        "scores": record.scores,
        "seconds": record.seconds,
        "model": record.card.name,
        "device": record.device,
        "precision": record.precision,
        "notes": list(record.notes),
    }
