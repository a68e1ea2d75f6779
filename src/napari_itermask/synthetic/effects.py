"""Which anomalies and artefacts can be made, by name, and what does each do?

Chance stands apart from effect: ``draw`` gives plain numbers that are recorded, ``apply`` is a pure
function of them. Each effect has a file of its own, of its name, that is imported when it is used;
its ``draw`` and ``apply`` name the arguments that they need and leave the others.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from types import MappingProxyType
from typing import Any

import numpy as np

from napari_itermask.synthetic.draws import Draw, Mask, Spacing, Volume

MOST = 10.0
"""The largest severity: ten times the default strength, beyond which nothing of a brain is left."""

ROUNDING = 1e-5
"""Of the brain's IQR: a smaller change is a Fourier transform's rounding and is taken back."""


@dataclass(frozen=True)
class Effect:
    """One anomaly or artefact.

    Attributes
    ----------
    name
        What it is called everywhere; also its file's name.
    summary
        What it does, in a few words.
    published
        Whether the paper used it; severity 1 is then the published strength.
    severity
        What severity multiplies.
    has_outline
        Whether its truth is an outline (what is missing, filled or grown), rather than the single
        voxels that changed visibly.
    """

    name: str
    summary: str
    published: bool
    severity: str
    has_outline: bool = False

    def draw(
        self, rng: np.random.Generator, severity: float, brain: Mask, spacing: Spacing
    ) -> dict[str, Any]:
        """Decide by chance all that :meth:`apply` needs, as plain JSON.

        Parameters
        ----------
        rng
            Source of chance. How much is taken from it does not depend on the severity, so the
            same seed gives the same place and shape at every severity.
        severity
            0 (nothing) to 10; 1 is the default strength.
        brain
            ``(X, Y, Z)`` bool, canonical axes (RAS).
        spacing
            Voxel size in mm along these axes.

        Raises
        ------
        ValueError
            If the severity is no number from 0 to 10.
        """
        severity = check_severity(severity)
        drawn = self._module.draw(rng=rng, severity=severity, brain=brain, spacing=spacing)
        return {"severity": severity, **drawn}

    def apply(
        self, image: Volume, brain: Mask, spacing: Spacing, draw: Draw
    ) -> tuple[Volume, Mask]:
        """Do it: a pure function, the same result for the same draw.

        Parameters
        ----------
        image
            ``(X, Y, Z)`` float32, canonical axes (RAS), no signal at 0.
        brain
            ``(X, Y, Z)`` bool: the brain of the clean image.
        spacing
            Voxel size in mm.
        draw
            From :meth:`draw`.

        Returns
        -------
        image, truth
            float32, and bool: what changed visibly within the brain.
        """
        if draw["severity"] == 0:
            return image.copy(), np.zeros_like(brain)
        after, truth = self._module.apply(image=image, brain=brain, spacing=spacing, draw=draw)
        first, third = np.percentile(image[brain], [25, 75])
        same = np.abs(after - image) <= ROUNDING * float(third - first)
        return np.where(same, image, after).astype(np.float32, copy=False), truth & brain

    @property
    def _module(self) -> Any:
        return import_module(f"{__package__}.{self.name}")


def effect_named(name: str) -> Effect:
    """The effect of that name.

    Raises
    ------
    ValueError
        If there is none; the sentence names the nearest ones.
    """
    if name in EFFECTS:
        return EFFECTS[name]
    plain = str(name).strip().lower().replace("-", "_").replace(" ", "_")
    near = [plain] if plain in EFFECTS else get_close_matches(plain, EFFECTS, 3, 0.5)
    near = near or [known for known in EFFECTS if plain and plain in known]
    meant = " or ".join(repr(n) for n in near) if near else "one of " + ", ".join(EFFECTS)
    raise ValueError(f"there is no effect {name!r}: did you mean {meant}?")


def check_severity(severity: float) -> float:
    """The severity as a float, if it is a number from 0 to 10.

    Raises
    ------
    ValueError
        If it is not.
    """
    try:
        value = float(severity)
    except (TypeError, ValueError):
        value = math.nan
    if not 0 <= value <= MOST:  # nan compares false
        raise ValueError(
            f"severity {severity!r} cannot be used: give a number from 0 (nothing) to {MOST:g}; "
            "1 is the default strength."
        )
    return value


def listed() -> str:
    """Every effect with its summary, as a table to print."""
    lines = [f"{'effect':<16}{'':<6}{'what it does':<46}severity multiplies"]
    for effect in EFFECTS.values():
        paper = "paper" if effect.published else ""
        lines.append(f"{effect.name:<16}{paper:<6}{effect.summary:<46}{effect.severity}")
    return "\n".join(lines)


_ALL = (
    Effect("top_chunk", "the brain's first slices are missing", True, "how many", True),
    Effect("middle_chunk", "slices in the middle are missing", True, "how many", True),
    Effect("bias_field", "brightness drifts from corner to corner", True, "the exponent"),
    Effect("spike", "one wrong point of k-space: stripes all over", True, "its amplitude"),
    Effect("ghosting", "the head repeats itself along one axis", True, "the ghosts' amplitude"),
    Effect("gaussian_noise", "noise in k-space, slice by slice", True, "its amplitude"),
    Effect("zipper", "bands of random values", True, "opacity up to 1, then width", True),
    Effect("focal_lesion", "a lesion that pushes tissue aside", False, "contrast and push", True),
    Effect("cavity", "tissue is gone, CSF or nothing instead", False, "volume", True),
    Effect("motion", "the head moved while k-space was filled", False, "angles and shifts"),
    Effect("folding", "the field of view was too small: wrap-around", False, "how much wraps"),
    Effect("gibbs", "k-space was cut short: ringing", False, "how short"),
    Effect("susceptibility", "signal lost and piled up near air", False, "shift and loss"),
    Effect("blur", "out of focus", False, "width"),
    Effect("missing_slices", "axial slices dropped out", False, "how many", True),
)

EFFECTS: Mapping[str, Effect] = MappingProxyType({effect.name: effect for effect in _ALL})
"""Every effect by name: the published seven first, then ours."""
