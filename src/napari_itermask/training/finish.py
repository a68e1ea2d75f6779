"""How a training becomes a model: the better weights, a card with measured numbers, a record."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari_itermask.models.card import Measured, ModelCard
from napari_itermask.models.store import Model, load_model, save_model, write_card
from napari_itermask.training.record import Facts, without_folders, write_record
from napari_itermask.training.state import FOLDER


def finish(
    out: Path, facts: Facts, network: Any, say: Callable[[str], None], *, calibrate: bool = False
) -> Model:
    """Write the model's folder: weights, card, README and training.json; returns the model."""
    save_model(out, card_of(out.name, facts), network.state_dict())
    write_record(out, facts)
    model = load_model(out)
    if not calibrate:
        return model
    write_card(out, _calibrated(model, facts, out / FOLDER / "calibration", say))
    return load_model(out)


def card_of(name: str, facts: Facts) -> ModelCard:
    """The card of a trained model: as published, and what the validation measured."""
    settings = facts.settings
    label = settings.modality.upper()
    limits = ["It was validated on healthy scans only: nothing here says how lesions are found."]
    if facts.translated:
        limits.append(f"It never saw a real {label} scan: contrasts were made from T1 and labels.")
    if not facts.held_out:
        limits.append("No scan was held out, so that nothing was measured.")
    return ModelCard(
        name=name,
        summary=f"Repaints healthy brains on {label}; trained with napari-itermask train.",
        modality=settings.modality,
        grid=settings.grid,
        normalisation=settings.normalisation,
        cutoff=settings.cutoff,
        training=facts.sentence(),
        training_data=(
            f"{len(facts.learnt)} scans ({facts.source.kind}); names and hashes in training.json",
        ),
        scope=f"{label} brains like those of the training. Research only.",
        limits=tuple(limits),
        measured=_measured(facts),
        measured_by=without_folders(facts.command),
    )


def _measured(facts: Facts) -> tuple[Measured, ...]:
    if not facts.validations:
        return ()
    last, data = facts.validations[-1], f"{len(facts.held_out)} healthy scans held out"
    return (
        Measured(
            name="repaint error, whole brain hidden", value=_short(last["repaint_error"]), data=data
        ),
        Measured(
            name="the same, as a share of the scans' variance",
            value=_short(last["unexplained"]),
            data=data,
        ),
        Measured(
            name="AUROC of the mean error, against copies with a k-space spike",
            value=_short(last["spike_auroc"]),
            data=data,
        ),
    )


def _calibrated(model: Model, facts: Facts, work: Path, say: Callable[[str], None]) -> ModelCard:
    """The card with score settings and a threshold rule taught by copies with drawn lesions."""
    from napari_itermask.training.calibrated import calibrate

    brains = [p.labelled_brain() for p in facts.learnt]
    settings, rule, text = calibrate(model, brains, work, say=say)
    training = f"{model.card.training} {text}"
    changes = {"settings": settings, "calibration": rule, "training": training}
    return model.card.model_copy(update=changes)


def _short(value: float) -> float:
    return float(f"{value:.4g}")
