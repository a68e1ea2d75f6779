"""Which reasons are there for a miss or a false alarm, and by which numbers are they told apart?

The rules themselves are pure functions of measured facts, in ``rules.py``; docs/failure-cases.md
has them in a table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

HALF = 0.5
"""A piece is masked, outside, fluid, ... if this share of its voxels is."""
KEPT = 0.6
"""A threshold would have kept a piece if the search held this share of it there: some of it goes
once its neighbours are shown."""
DROPPED = 0.25
"""A miss was dropped as too small if this share of it was above the threshold in the last pass."""
ORDINARY = 90
"""In %: what a threshold keeps only together with a tenth of the brain or more, the network
repaints as well as ordinary tissue."""
SHOWN = 0.25
"""Neighbours can have unmasked a piece if the pass was shown this share of what touches it."""
OTHER_SIDE = 0.25
"""In interquartile ranges of the brain: a mean difference that a person sees."""
RIM_MM = 4.0
"""Two voxels of the embedded models: so far the rim's mixed voxels reach into the brain."""
SINGLE = 3
"""Voxels of the model's grid (or the scan's, where they are larger)."""
EDGE = 3.0
"""Times the brain's mean energy of the guide."""


@dataclass(frozen=True)
class Reason:
    """One reason: its name, what it means, the rule that decides it, and what to try."""

    name: str
    kind: Literal["miss", "false alarm"]
    sentence: str
    rule: str
    setting: str


_ALL = (
    Reason(
        "not looked for",
        "miss",
        "It lies where, or differs in a way that, the settings leave out.",
        f"At least {HALF:.0%} of it lies outside the brain mask, outside the region that the run "
        "was restricted to, in the rim that was left out, under the intensity floor, or was shown "
        "by the drawn start and never masked; or only one sign counts, its error was under the "
        f"threshold in the first pass, and it differs the other way by {OTHER_SIDE:g} "
        "interquartile ranges of the brain or more.",
        "brain mask, within, rim, intensity_floor, sign, start",
    ),
    Reason(
        "removed by the minimum volume",
        "miss",
        "It was found, and dropped as too small.",
        f"min_volume is set, and at least {DROPPED:.0%} of it was above the threshold in the last "
        "pass.",
        "min_volume",
    ),
    Reason(
        "unmasked by its neighbours",
        "miss",
        "Hidden with the whole brain it was anomalous; once its surroundings were shown the "
        "network repainted it.",
        f"At least {HALF:.0%} of it stayed masked after the first pass and less after a later one, "
        f"which was shown at least {SHOWN:.0%} of what touches the voxels that it unmasked.",
        "gamma (lower), max_passes",
    ),
    Reason(
        "under the chosen threshold",
        "miss",
        "It was repainted worse than ordinary tissue, but not so badly as the threshold asks.",
        f"Otherwise, if the search held at least {HALF:.0%} of it until {ORDINARY}% of the brain "
        "were unmasked. gamma is the largest that chooses a point of the curve at which the search "
        f"still held {KEPT:.0%} of it. Without a search: if its median error in the first pass, "
        f"where that map was kept, exceeds those of {ORDINARY}% of the brain.",
        "gamma (lower), manual_threshold",
    ),
    Reason(
        "repainted too well from the start",
        "miss",
        "Even with the whole brain hidden the network painted it: its guide shows it, or it looks "
        "like healthy tissue.",
        f"Otherwise, if the search had unmasked {HALF:.0%} of it before {ORDINARY}% of the brain; "
        "without a search or the first pass's map: if it left in the first pass.",
        "cutoff, another model",
    ),
    Reason(
        "not known",
        "miss",
        "The run does not hold what would tell.",
        "The passes were not saved, or the run was loaded without its scan; or at least "
        f"{HALF:.0%} of it is masked on the model's grid and less in the scan's finer voxels.",
        "save the run with its passes, load it with its scan",
    ),
    Reason(
        "rim",
        "false alarm",
        "It lies at the brain's rim, where voxels hold brain and outside.",
        f"Half of its voxels lie no deeper than {RIM_MM:g} mm in the brain.",
        "rim",
    ),
    Reason(
        "ventricle or CSF",
        "false alarm",
        "It lies in fluid, or fluid is all around it.",
        f"At least {HALF:.0%} of it lies in regions of fluid, by their names; where no map covers "
        f"it: at least {HALF:.0%} of it, in the image or repainted, or of the 2 mm around it has "
        "the intensity of fluid: nearer to the brain's darkest 2% (on T2: brightest) than to its "
        "median.",
        "sign, intensity_floor",
    ),
    Reason(
        "single voxels",
        "false alarm",
        "It is hardly more than noise in a few voxels.",
        f"It is no larger than {SINGLE} voxels of the model's grid, or of the scan where those are "
        "larger.",
        "min_volume, smoothing",
    ),
    Reason(
        "high-frequency edge",
        "false alarm",
        "It lies on a sharp edge, which the guide shows and the repaint misses by a little.",
        f"The guide's mean energy in it is at least {EDGE:g} times that of the brain.",
        "smoothing, cutoff",
    ),
    Reason(
        "came back",
        "false alarm",
        "It was unmasked once and masked again.",
        f"At least {HALF:.0%} of it was masked again in a pass after less was.",
        "only_shrink",
    ),
    Reason(
        "never repainted well",
        "false alarm",
        "No pass repainted it as it is.",
        "None of the other rules holds.",
        "gamma (higher), another model",
    ),
)
REASONS: dict[str, Reason] = {reason.name: reason for reason in _ALL}
"""By name, in the order in which their rules are asked; the first that holds decides."""
