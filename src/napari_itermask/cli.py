"""The same engine from a shell: one command per question; the window only inside ``demo``.

Exit codes: 0 done, 2 bad input or usage (one sentence on stderr), 130 interrupted, 1 our fault.
"""

from __future__ import annotations

import inspect
import json
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from napari_itermask.method.settings import RefineSettings

if TYPE_CHECKING:
    from napari_itermask.run import Run

BAD_INPUT = 2
INTERRUPTED = 130

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

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps, ...")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace results that are there.")]
Precision = Annotated[
    Literal["auto", "plain", "float32", "bfloat16"],
    typer.Option(help="Arithmetic of the network; plain is the published one, slow."),
]


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
    with _plain_errors():
        from napari_itermask.figures.panel import save_panel
        from napari_itermask.method.scores import overlap
        from napari_itermask.models.store import load_model
        from napari_itermask.run import refine
        from napari_itermask.scans.files import load_mask, load_scan
        from napari_itermask.synthetic.patient import sample_files

        sample = sample_files()
        scan = load_scan(sample.flair)
        truth = load_mask(sample.lesion, scan)
        if not as_json:
            typer.echo("Sample: a synthetic FLAIR patient; the truth is known.")
        with _progress() as on_step:
            run = refine(scan, load_model("flair-2mm"), on_step=on_step, device=device)
        met = overlap(run.mask, truth, scan.spacing)
        folder = run.save(out, overwrite=True)
        picture = save_panel(run, folder / "overview.png", truth=truth)
        summary = {**_summary(run, folder), "dice": round(met.dice, 4), "picture": str(picture)}
        if as_json:
            typer.echo(json.dumps(summary, indent=2))
        else:
            typer.echo(
                f"Mask {run.mask_ml:.1f} ml, truth {met.truth_ml:.1f} ml, Dice {met.dice:.2f} "
                f"({sum(run.record.seconds.values()):.1f} s)."
            )
            typer.echo(f"Pictures and NIfTI files: {folder.resolve()}")
        _show(run, truth, window)


@app.command(name="models")
def models_command(
    name: Annotated[str | None, typer.Argument(help="Print this model's card.")] = None,
    as_json: Json = False,
) -> None:
    """List the models that can be used by name, or print the card of one."""
    with _plain_errors():
        from napari_itermask.models.store import list_models, load_model, user_folder

        cards = list_models() if name is None else [load_model(name).card]
        if as_json:
            typer.echo(json.dumps([card.model_dump(mode="json") for card in cards], indent=2))
        elif name is not None:
            typer.echo(cards[0].readme())
        else:
            for card in cards:
                typer.echo(f"{card.name:<16}{card.modality.upper():<8}{card.summary}")
            typer.echo(f"Your own models: {user_folder()}")


@app.command()
def info(as_json: Json = False) -> None:
    """Print versions, devices and precision: what to send along with a question."""
    with _plain_errors():
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
    model: Annotated[
        str, typer.Option(help="A model's name or folder, or a checkpoint of the authors' code.")
    ] = "flair-2mm",
    brain_mask: Annotated[
        Path | None, typer.Option(help="Brain mask on the scan's voxels; else it is found.")
    ] = None,
    strip: Annotated[
        str | None, typer.Option(help="Strip the skull first, with this tool: hd-bet.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Output folder.", show_default="SCAN_itermask")
    ] = None,
    overwrite: Overwrite = False,
    preset: Annotated[
        Literal["card", "published"],
        typer.Option(help="Start from the settings of the model's card, or as published."),
    ] = "card",
    search: Annotated[
        bool, typer.Option(help="Make the threshold curve even if the rule does without it.")
    ] = True,
    modality: Annotated[str | None, typer.Option(help="Of a checkpoint: flair, t1, ...")] = None,
    normalise: Annotated[
        str | None, typer.Option(help="Of a checkpoint: minmax90, zscore, flat-iqr.")
    ] = None,
    passes: Annotated[
        bool, typer.Option("--passes", help="Write the mask of every pass too (passes.npz).")
    ] = False,
    device: Device = "auto",
    precision: Precision = "auto",
    as_json: Json = False,
    **changes: Any,
) -> None:
    """Refine one SCAN into an anomaly mask in its own space, or make a saved run again."""
    with _plain_errors():
        from napari_itermask.models.store import load_model
        from napari_itermask.record import claimed
        from napari_itermask.run import refine as run_refine, replay
        from napari_itermask.scans.files import load_scan, stem

        name = scan.resolve().parent.name + "_again" if scan.suffix == ".json" else stem(scan)
        folder = out or Path(f"{name}_itermask")
        if scan.suffix == ".json":
            with claimed(folder, overwrite=overwrite), _progress() as on_step:
                run = replay(scan, on_step=on_step)
        else:
            loaded = load_scan(scan, brain_mask, strip)
            chosen = load_model(model, modality=modality, normalisation=normalise)
            base = chosen.card.settings if preset == "card" else RefineSettings()
            settings = base.replace(**{k: v for k, v in changes.items() if v is not None})
            with claimed(folder, overwrite=overwrite), _progress() as on_step:
                run = run_refine(
                    loaded, chosen, settings, on_step, device, precision=precision, search=search
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


def _with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give ``command`` one option for each field of RefineSettings; one not given stays None."""
    signature = inspect.signature(command)
    hints = inspect.get_annotations(command, eval_str=True)
    parameters = [
        p.replace(annotation=hints[p.name])
        for p in signature.parameters.values()
        if p.kind is not p.VAR_KEYWORD
    ]
    for name, field in RefineSettings.model_fields.items():
        about: Any = field.json_schema_extra
        unit = f" [{about['unit']}]" if about["unit"] else ""
        text = f"{field.description}{unit} Price: {about['price']}. Published: {field.default}."
        option = typer.Option(help=text, rich_help_panel=f"Settings: {about['group']}")
        kind: Any = Annotated[field.annotation | None, option]  # type: ignore[operator]
        parameters.append(
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
        )
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": None}
    return command


app.command(name="refine")(_with_settings(refine))


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Say bad input in one sentence, warnings in one line each; keep the trace for our own bugs."""
    from pydantic import ValidationError

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        typer.secho(f"Warning: {message}", err=True, fg="yellow")

    with warnings.catch_warnings():
        warnings.simplefilter("default", UserWarning)
        warnings.showwarning = show
        try:
            yield
        except KeyboardInterrupt:
            typer.echo("Interrupted; no half-written file is left.", err=True)
            raise typer.Exit(INTERRUPTED) from None
        except ValidationError as error:
            first = error.errors()[0]
            option = "--" + "-".join(str(p) for p in first["loc"]).replace("_", "-")
            _refuse(f"{option} {first['input']!r}: {first['msg']}.", error)
        except (ValueError, OSError, MemoryError, ImportError) as error:
            _refuse(str(error) or type(error).__name__, error)


def _refuse(sentence: str, error: BaseException) -> None:
    if os.environ.get("NAPARI_ITERMASK_DEBUG"):
        raise error
    typer.secho(f"Error: {sentence}", err=True, fg="red")
    raise typer.Exit(BAD_INPUT) from None


@contextmanager
def _progress() -> Iterator[Callable[..., None]]:
    """A bar with phase, pass, threshold, mask size and time left; on a terminal only."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from napari_itermask.method.threshold import POINTS

    columns = (
        TextColumn("{task.fields[phase]:<7} pass {task.completed:>3.0f}"),
        BarColumn(),
        TextColumn(
            "threshold {task.fields[threshold]:<9.4g} mask {task.fields[voxels]:>7,} voxels"
        ),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        # How many passes the refinement takes is not known; ten is what it mostly stays under.
        task = bar.add_task("", total=POINTS + 10, phase="prepare", threshold=0.0, voxels=0)

        def on_step(step: Any) -> None:
            bar.update(
                task,
                completed=step.index + 1,
                total=max(POINTS + 10, step.index + 2),
                phase=step.phase,
                threshold=step.threshold,
                voxels=step.mask_voxels,
            )

        yield on_step


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


def _show(run: Run, truth: Any, window: bool | None) -> None:
    """Open the window if asked or possible; say plainly why not."""
    from napari_itermask.gui.system import display_is_named, ensure_libraries, has_display

    def say(text: str) -> None:
        typer.echo(text, err=True)

    if window is False:
        return
    # A machine without a screen needs none of Qt's libraries: nothing is installed there.
    if not (display_is_named() and ensure_libraries(say) and has_display()):
        if window:
            raise OSError("there is no screen that a window could open on.")
        say("No screen: the same results are in the files.")
        return
    try:
        from napari_itermask.gui.show import show_run
    except ImportError as error:
        say(f'No window ({error}): pip install "napari-itermask[all]" brings napari and PyQt6.')
        return
    show_run(run, truth)
