"""How a command speaks: its options, its progress, and bad input in one sentence."""

from __future__ import annotations

import functools
import inspect
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from napari_itermask.method.settings import RefineSettings

BAD_INPUT = 2
INTERRUPTED = 130

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps, ...")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace results that are there.")]
Precision = Annotated[
    Literal["auto", "plain", "float32", "bfloat16"],
    typer.Option(help="Arithmetic of the network; plain is the published one, slow."),
]
ModelName = Annotated[
    str, typer.Option(help="A model's name or folder, or a checkpoint of the authors' code.")
]
BrainMask = Annotated[
    Path | None, typer.Option(help="Brain mask on the scan's voxels; else it is found.")
]
Strip = Annotated[str | None, typer.Option(help="Strip the skull first, with this tool: hd-bet.")]
Preset = Annotated[
    Literal["card", "published"],
    typer.Option(help="Start from the settings of the model's card, or as published."),
]
Modality = Annotated[str | None, typer.Option(help="Of a checkpoint: flair, t1, ...")]
Normalise = Annotated[str | None, typer.Option(help="Of a checkpoint: minmax90, zscore, flat-iqr.")]


def with_settings(command: Callable[..., None], without: Sequence[str] = ()) -> Callable[..., None]:
    """Give ``command`` one option for each field of RefineSettings; one not given stays None."""
    signature = inspect.signature(command)
    hints = inspect.get_annotations(command, eval_str=True)
    parameters = [
        p.replace(annotation=hints[p.name])
        for p in signature.parameters.values()
        if p.kind is not p.VAR_KEYWORD
    ]
    for name, field in RefineSettings.model_fields.items():
        if name in without:
            continue
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


@contextmanager
def plain_errors() -> Iterator[None]:
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
        except (ValueError, ArithmeticError, OSError, MemoryError, ImportError) as error:
            _refuse(str(error) or type(error).__name__, error)


def plainly(command: Callable[..., None]) -> Callable[..., None]:
    """``command`` with its errors said plainly: :func:`plain_errors`; its options stay."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        with plain_errors():
            command(*args, **kwargs)

    hints = inspect.get_annotations(command, eval_str=True)
    signature = inspect.signature(command)
    parameters = [p.replace(annotation=hints[p.name]) for p in signature.parameters.values()]
    wrapped.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    wrapped.__annotations__ = hints
    return wrapped


def _refuse(sentence: str, error: BaseException) -> None:
    if os.environ.get("NAPARI_ITERMASK_DEBUG"):
        raise error
    typer.secho(f"Error: {sentence}", err=True, fg="red")
    raise typer.Exit(BAD_INPUT) from None


@contextmanager
def progress() -> Iterator[Callable[..., None]]:
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


def window_is_possible(*, wanted: bool | None = None) -> bool:
    """Whether a window can be opened here; says plainly why not.

    Raises
    ------
    OSError
        If one is ``wanted`` and there is no screen.
    """
    from importlib.util import find_spec

    from napari_itermask.gui.system import display_is_named, ensure_libraries, has_display

    def say(text: str) -> None:
        typer.echo(text, err=True)

    if wanted is False:
        return False
    if find_spec("napari") is None:
        say('No window: pip install "napari-itermask[all]" brings napari and PyQt6.')
        return False
    # A machine without a screen needs none of Qt's libraries: nothing is installed there.
    if display_is_named() and ensure_libraries(say) and has_display():
        return True
    if wanted:
        raise OSError("there is no screen that a window could open on.")
    say("No screen: the same results are in the files.")
    return False
