"""May an earlier run lend its search to a new one, and if not, why not?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_itermask.engine import engine_of
from napari_itermask.method.refinement import Reconstruct
from napari_itermask.method.settings import RefineSettings
from napari_itermask.models.card import ModelCard
from napari_itermask.models.store import Model
from napari_itermask.result import Run
from napari_itermask.scans.scan import Scan

if TYPE_CHECKING:
    from napari_itermask.method.reconstruct import Precision


def search_problem(
    lender: Run,
    scan: Scan,
    model: Model | Reconstruct,
    settings: RefineSettings,
    *,
    card: ModelCard | None = None,
    device: str | None = None,
    precision: Precision = "auto",
) -> str:
    """Why the search of ``lender`` is not the one that such a run would make itself; "" if it is.

    Parameters
    ----------
    scan, model, settings, card
        What the new run is to be made with; see :func:`napari_itermask.refine`.
    device, precision
        Where it is to run. None: not compared; else the network is made ready there.
    """
    if lender.search is None:
        return "it holds no finished search"
    if lender.scan is None:
        return "it was loaded without its scan"
    if not _same_scan(lender.scan, scan):
        return "it refined another scan or another brain mask"
    if not _same_model(lender, model, card):
        return "it used another model"
    if device is not None and isinstance(model, Model):
        _, there, exactly = engine_of(model, device, precision)
        where = f"on {there} in {exactly}"
        if where != f"on {lender.record.device} in {lender.record.precision}":
            return (
                f"it ran on {lender.record.device} in {lender.record.precision} and this one "
                f"runs {where}"
            )
    return _other_settings(lender.settings, settings, lender.card)


def _same_scan(one: Scan, other: Scan) -> bool:
    return one is other or (
        np.array_equal(one.affine, other.affine)
        and np.array_equal(one.brain, other.brain)
        and np.array_equal(one.image, other.image)
    )


def _same_model(lender: Run, model: Model | Reconstruct, card: ModelCard | None) -> bool:
    record = lender.record
    if isinstance(model, Model):
        weights = record.weights
        return weights is not None and (
            model is lender.model or (record.card, weights.sha256) == (model.card, model.sha256)
        )
    return model is lender.model and (card is None or card == record.card)


def _other_settings(old: RefineSettings, new: RefineSettings, card: ModelCard) -> str:
    if (old.cutoff or card.cutoff) != (new.cutoff or card.cutoff):
        return "its guide had another cutoff"
    if old.seed != new.seed:
        return f"its seed was {old.seed}"
    if not old.same_score(new):
        return "it thresholded another error map (smoothing, sign, intensity floor, limit, rim)"
    return ""
