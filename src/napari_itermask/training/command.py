"""``napari-itermask train``: its options, and what each of them becomes."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer


def train(
    source: Annotated[
        Path,
        typer.Argument(
            help="Healthy scans: a folder, a text list, a BIDS root, the layout of the authors' "
            "code, or *_t1.nii.gz with *_labels.nii.gz."
        ),
    ],
    modality: Annotated[str, typer.Option(help="flair, t1, t2, ...")],
    out: Annotated[Path, typer.Option(help="Folder of the model; the same line resumes it.")],
    grid: Annotated[str, typer.Option(help="Spacing; 1mm is the published 192^3.")] = "2mm",
    width: Annotated[str, typer.Option(help="half, published, quarter.")] = "half",
    steps: Annotated[int, typer.Option(min=1, help="Steps of the optimiser.")] = 3600,
    minutes: Annotated[
        float | None, typer.Option(help="End after so long, whatever --steps says.")
    ] = None,
    batch: Annotated[
        int, typer.Option(min=1, help="Samples of a step, over all devices together.")
    ] = 2,
    rate: Annotated[float, typer.Option(help="Learning rate after the warm-up.")] = 2e-3,
    warmup: Annotated[int, typer.Option(min=0, help="Steps until the rate is full.")] = 100,
    lesions: Annotated[
        float | None,
        typer.Option(help="Share of samples with a drawn lesion.", show_default="0.4 on flair"),
    ] = None,
    normalise: Annotated[
        str | None,
        typer.Option(help="Intensity rule.", show_default="flat-iqr, on t1 iqr"),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(help="Model whose weights to start from: a name, folder or checkpoint."),
    ] = None,
    names: Annotated[
        Path | None, typer.Option(help="Text file of the scans to take, one name a line.")
    ] = None,
    strip: Annotated[
        str | None, typer.Option(help="Strip skulls first, with this tool: hd-bet.")
    ] = None,
    validation: Annotated[
        int | None, typer.Option(help="Scans held out.", show_default="a tenth, at most 10")
    ] = None,
    validate_every: Annotated[int, typer.Option(min=1, help="Steps between validations.")] = 300,
    seed: Annotated[int, typer.Option(min=0, help="Of weights, scans, masks and noise.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, mps, ...")] = "auto",
    devices: Annotated[int, typer.Option(min=1, help="Processes, one for each device.")] = 1,
    precision: Annotated[
        Literal["auto", "float32", "bfloat16"], typer.Option(help="bfloat16 where it is faster.")
    ] = "auto",
    workers: Annotated[
        int | None,
        typer.Option(
            min=0, help="Processes that draw samples; 0: a thread.", show_default="by device"
        ),
    ] = None,
    save_every: Annotated[float, typer.Option(help="Seconds between saved states.")] = 60.0,
    calibrate: Annotated[
        bool,
        typer.Option(
            "--calibrate",
            help="At the end choose score settings and threshold on copies with drawn lesions "
            "(T1 with labels only; many minutes).",
        ),
    ] = False,
    resume: Annotated[
        bool, typer.Option(help="Go on where an earlier call stopped; or begin anew.")
    ] = True,
) -> None:
    """Train a model on healthy scans; the same line resumes it after whatever stopped it."""
    from napari_itermask.models.store import load_model
    from napari_itermask.training.devices import Options
    from napari_itermask.training.loop import train as run
    from napari_itermask.training.settings import TrainSettings, channels_named, grid_named
    from napari_itermask.training.sources import find_source

    modality = modality.lower()
    first = None if start is None else load_model(start)
    settings = TrainSettings.of(
        modality,
        grid=grid_named(grid),
        channels=channels_named(width),
        steps=steps,
        minutes=minutes,
        batch=batch,
        rate=rate,
        warmup=warmup,
        lesions=lesions,
        normalisation=normalise,
        validation=validation,
        validate_every=validate_every,
        start=None if first is None else f"{first.card.name} ({first.sha256[:12]})",
        seed=seed,
    )
    options = Options(
        device=device,
        devices=devices,
        precision=precision,
        workers=workers,
        strip=strip,
        resume=resume,
        calibrate=calibrate,
        start=first,
        save_seconds=save_every,
        command=shlex.join(["napari-itermask", *sys.argv[1:]]),
    )
    found = find_source(source, modality, names)
    done = run(found, settings, out, options, lambda text: typer.echo(text, err=True))
    if done.exit_code:
        raise typer.Exit(done.exit_code)
    if done.model is not None:
        typer.echo(f"Model: {out}")
