"""``napari-itermask models``: which there are, and how they move, are checked and are made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from napari_itermask.shell import Device, Json, Overwrite, Precision, plain_errors

if TYPE_CHECKING:
    from napari_itermask.models.check import Healthy

FAILED = 1


class _Group(TyperGroup):
    """``models NAME`` is short for ``models show NAME``."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["show", *args]
        return super().resolve_command(ctx, args)


models = typer.Typer(
    cls=_Group, help="List, show, check, export, import and add models.", no_args_is_help=False
)


@models.callback(invoke_without_command=True)
def _default(ctx: typer.Context, as_json: Json = False) -> None:
    if ctx.invoked_subcommand is None:
        list_command(as_json)


@models.command(name="list")
def list_command(as_json: Json = False) -> None:
    """List the models that can be used by name."""
    with plain_errors():
        from napari_itermask.models.store import list_models, user_folder

        cards = list_models()
        if as_json:
            typer.echo(json.dumps([card.model_dump(mode="json") for card in cards], indent=2))
            return
        for card in cards:
            typer.echo(f"{card.name:<16}{card.modality.upper():<8}{card.summary}")
        typer.echo(f"Your own models: {user_folder()}")


Name = Annotated[str, typer.Argument(help="A model's name or folder.")]


@models.command()
def show(name: Name, as_json: Json = False) -> None:
    """Print a model's card."""
    with plain_errors():
        from napari_itermask.models.store import load_model

        card = load_model(name).card
        text = json.dumps([card.model_dump(mode="json")], indent=2) if as_json else card.readme()
        typer.echo(text)


@models.command(name="export")
def export_command(
    name: Name,
    file: Annotated[Path, typer.Argument(help="The zip to write.")],
    overwrite: Overwrite = False,
) -> None:
    """Pack a model into one zip, for another machine: weights, card, README, golden block."""
    with plain_errors():
        from napari_itermask.models.store import load_model
        from napari_itermask.models.transfer import export_model

        typer.echo(str(export_model(load_model(name), file, overwrite=overwrite)))


@models.command(name="import")
def import_command(
    file: Annotated[Path, typer.Argument(help="A zip that export has written.")],
    overwrite: Overwrite = False,
) -> None:
    """Unpack a model's zip into your own models, once it has been checked; no code is run."""
    with plain_errors():
        from napari_itermask.models.transfer import import_model

        model = import_model(file, overwrite=overwrite)
        typer.echo(f"{model.card.name}: {model.weights.parent}")


@models.command()
def check(
    name: Name,
    scan: Annotated[
        list[Path] | None, typer.Option(help="A healthy, stripped scan; may be given again.")
    ] = None,
    device: Device = "auto",
    precision: Precision = "auto",
    as_json: Json = False,
) -> None:
    """Check a model here: its weights, a golden block, and how healthy tissue is repainted."""
    with plain_errors():
        from dataclasses import asdict

        from napari_itermask.models.check import check_model
        from napari_itermask.models.store import load_model

        model = load_model(name)
        found = list(check_model(model, _healthy(scan, model.card.modality), device, precision))
        if as_json:
            typer.echo(json.dumps([asdict(c) for c in found], indent=2))
        else:
            words = {True: "ok", False: "FAILED", None: "skipped"}
            for c in found:
                typer.echo(f"{words[c.passed]:<9}{c.name}: {c.found}")
        if any(c.passed is False for c in found):
            raise typer.Exit(FAILED)


@models.command()
def add(
    checkpoint: Annotated[Path, typer.Argument(help="A .pth, .pt or .safetensors file.")],
    modality: Annotated[str, typer.Option(help="flair, t1, t2, ...")],
    normalise: Annotated[
        Literal["minmax90", "zscore", "flat-iqr", "iqr"],
        typer.Option(help="How its training scaled intensities."),
    ],
    name: Annotated[
        str | None, typer.Option(help="What to call it.", show_default="the file's name")
    ] = None,
    grid: Annotated[str, typer.Option(help="Spacing; 1mm is the published 192^3.")] = "1mm",
    overwrite: Overwrite = False,
) -> None:
    """Make a model with a card out of a checkpoint of the authors' code."""
    with plain_errors():
        from napari_itermask.models.transfer import add_model
        from napari_itermask.training.settings import grid_named

        model = add_model(
            checkpoint,
            modality.lower(),
            normalise,
            name,
            overwrite=overwrite,
            grid=grid_named(grid),
        )
        typer.echo(f"{model.card.name}: {model.weights.parent}")


def _healthy(scans: list[Path] | None, modality: str) -> list[Healthy]:
    """The scans given; else, for FLAIR, the sample's tissue away from its lesions."""
    from napari_itermask.models.check import Healthy
    from napari_itermask.scans.files import load_mask, load_scan

    if scans:
        loaded = [(path.name, load_scan(path)) for path in scans]
        return [Healthy(name, scan, scan.brain) for name, scan in loaded]
    if modality != "flair":
        return []
    from scipy import ndimage

    from napari_itermask.synthetic.patient import sample_files

    files = sample_files()
    scan = load_scan(files.flair)
    ill = ndimage.binary_dilation(load_mask(files.lesion, scan), iterations=3)
    return [Healthy("the sample away from its lesions", scan, scan.brain & ~ill)]
