"""Give a trained model its score settings and its threshold rule, and write them into its card.

    python -m napari_itermask.training.calibrated MODEL_FOLDER --data DATA --work WORK

DATA holds ``healthy-t1-2mm/train`` with ``*_t1.nii.gz`` and ``*_labels.nii.gz``. Only fresh copies
of these healthy brains are used, with lesions that we drew: no test brain, no real lesion. WORK
keeps the first repaints, so that the same line goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from napari_itermask.method.settings import RefineSettings
from napari_itermask.method.threshold import Calibration
from napari_itermask.models.card import ModelCard
from napari_itermask.models.store import Model, load_model, write_card
from napari_itermask.scans.intensity import Mask, Volume
from napari_itermask.synthetic.healthy import draw_healthy, healthy_brain
from napari_itermask.training.artefacts import (
    CLEAN,
    PUBLISHED,
    Told,
    after_refinement,
    allowed,
    as_scanned,
    choose_threshold,
    spoilt_trials,
)
from napari_itermask.training.calibration import best_of_each, choose_rule, settle_factor, simplest
from napari_itermask.training.prepared import Brain, load_brains
from napari_itermask.training.trials import Trial, any_lesion, keep_trials, make_trials

TRIALS = 160
SETTLED = 48
"""How many of the trials are refined to settle the factor."""
HEADS, HEADS_SETTLED = 40, 10
"""On T1: healthy scans with their spoilt copies, and how many of them are refined."""
TURNS = (0.5, 0.7, 1.0, 1.4)
"""Shares of the threshold that are tried with the refinement, from below."""
TRIED: dict[str, list[dict[str, Any]]] = {
    "flair": [
        {"smoothing": s, "intensity_floor": f, "sign": "brighter"}
        for s in (1.5, 2.0)
        for f in (None, 0.35, 0.7)
    ],
    "t2": [{"smoothing": s, "sign": "brighter"} for s in (1.5, 2.0, 3.0)],
    "t1": [{"smoothing": s, "max_difference": d} for s in (4, 6, 8) for d in (None, 1.0, 1.5)],
}
"""Score settings that are tried, by modality."""
SCATTERED = 0.33
"""Share of the trials with many small lesions instead of a few of any size."""
BRIGHTER = {"flair": 1.0, "t2": 1.0}
"""Share of the lesions that are brighter than their surroundings."""


def main() -> None:
    """Calibrate and write the card."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, help="a model's folder")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--trials", type=int, default=TRIALS)
    args = parser.parse_args()
    model = load_model(args.model)
    brains = load_brains(args.data / "healthy-t1-2mm" / "train")
    settings, rule, text = calibrate(model, brains, args.work, args.trials, say=_say)
    training = model.card.training.partition(" Settings and threshold")[0]
    changes = {"settings": settings, "calibration": rule, "training": f"{training} {text}".strip()}
    write_card(args.model, model.card.model_copy(update=changes))
    _say(f"written: {args.model}")


def calibrate(
    model: Model,
    brains: Sequence[Brain],
    work: Path,
    count: int = TRIALS,
    seed: int = 1,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[RefineSettings, Calibration, str]:
    """Choose the score's settings and the threshold rule; returns them and what was done.

    Parameters
    ----------
    model
        Trained; its card says modality, grid, normalisation and cutoff.
    brains
        Healthy, with region labels.
    work
        Folder that keeps the repaints.
    """
    card = model.card
    if card.modality == "t1":
        return calibrate_on_artefacts(model, brains, work, seed, say)
    reconstruct = model.reconstructor()

    def trials() -> Iterator[Trial]:
        rng = np.random.default_rng(seed)
        picked = [brains[int(i) % len(brains)] for i in rng.permutation(max(count, len(brains)))]
        place = partial(any_lesion, brighter=BRIGHTER[card.modality], scattered=SCATTERED)
        healthy = healthy_copies(card, picked[:count], rng)
        yield from make_trials(healthy, reconstruct, rng, card, place)

    made = keep_trials(work / f"trials-{count}-{seed}", trials)
    say(f"{len(made)} trials")
    tried = [RefineSettings(min_volume=0.1, **changes) for changes in TRIED[card.modality]]
    ranked = choose_rule(made, tried, card.grid.spacing)
    for item in best_of_each(ranked):
        say(str(item))
    chosen = simplest(ranked)
    say(f"chosen: {chosen}")
    settings, rule = chosen.settings, chosen.rule
    some = made[:: max(1, len(made) // SETTLED)]
    rule, merits = settle_factor(some, reconstruct, settings, rule, card.grid.spacing, card.cutoff)
    say(f"refined: {merits}")
    healthy = sum(not t.lesion.any() for t in made)
    text = (
        f"Settings and threshold rule were chosen on {len(made)} fresh copies of the training "
        f"brains, most of them degraded; {healthy} stayed healthy, the others got one to three "
        "synthetic lesions of 4 to 38 mm radius or, in a third of them, 8 to 40 of 2 to 9 mm. The "
        f"factor was settled by refining {len(some)} "
        f"of them (merit {max(merits.values()):.2f}). No real lesion, no test brain was looked at."
    )
    return settings.replace(threshold_rule="calibrated"), rule, text


def calibrate_on_artefacts(
    model: Model, brains: Sequence[Brain], work: Path, seed: int, say: Callable[[str], None]
) -> tuple[RefineSettings, Calibration, str]:
    """:func:`calibrate` for T1, where lesions hardly show: by artefacts, as the paper's T1 tests.

    The score settings are those that see most on the first repaint. The threshold is then the
    best that leaves half of the healthy scans with little or nothing once it is refined.
    """
    card, spacing = model.card, model.card.grid.spacing
    reconstruct = model.reconstructor()

    def trials() -> Iterator[Trial]:
        rng = np.random.default_rng(seed)
        picked = [brains[int(i)] for i in rng.permutation(len(brains))[:HEADS]]
        yield from spoilt_trials(as_scanned(picked, spacing), reconstruct, card, rng)

    made = keep_trials(work / f"spoilt-{HEADS}-{seed}", trials)
    tried = [RefineSettings(**changes) for changes in TRIED["t1"]]
    ranked = choose_threshold(made, tried, spacing)
    for told in ranked:
        say(str(told))
    copies = 1 + len(PUBLISHED)
    some = [t for n, t in enumerate(made) if n // copies < HEADS_SETTLED or t.degraded == CLEAN]
    settled: list[Told] = []
    for turn in TURNS:
        settled.append(after_refinement(some, reconstruct, card, ranked[0], turn))
        say(f"refined: {settled[-1]}, {'allowed' if allowed(settled[-1]) else 'too low'}")
    fine = [told for told in settled if allowed(told)] or settled[-1:]
    best = max(fine, key=lambda told: told.mean)
    heads = len(made) // copies
    text = (
        f"Settings and the one threshold were chosen on {heads} of the training's T1 scans as they "
        f"are, and copies with each of the {len(PUBLISHED)} published artefacts: settings by what "
        f"the first repaint tells apart, the threshold by refining (all {heads} healthy scans, "
        f"{HEADS_SETTLED} with their copies: mean AUROC {best.mean:.2f}). No test brain was looked "
        "at."
    )
    return best.settings.replace(threshold_rule="calibrated"), best.rule, text


def healthy_copies(
    card: ModelCard, brains: Sequence[Brain], rng: np.random.Generator, each: int = 1
) -> Iterator[tuple[Volume, Mask]]:
    """``each`` healthy copies of every brain in the card's modality, on its grid."""
    for _ in range(each):
        for brain in brains:
            draw = draw_healthy(rng, card.modality)  # type: ignore[arg-type]
            yield healthy_brain(brain.t1, brain.labels, draw, card.grid.shape)


def _say(text: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
