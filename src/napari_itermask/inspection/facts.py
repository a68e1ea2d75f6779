"""What must the rules of reasons know of each piece? Measured in the run, as plain numbers."""

from __future__ import annotations

import numpy as np

from napari_itermask.inspection.fluid import Fluid
from napari_itermask.inspection.measures import Measures, at_cells
from napari_itermask.inspection.pieces import Floats, Pieces
from napari_itermask.inspection.reasons import HALF, RIM_MM
from napari_itermask.inspection.rules import AlarmFacts, Held, MissFacts
from napari_itermask.inspection.unmasking import (
    held_by_map,
    held_by_search,
    masked_at,
    surroundings_shown,
)
from napari_itermask.result import Run
from napari_itermask.scans.scan import voxel_ml


def facts_of_misses(run: Run, pieces: Pieces, measured: Measures) -> dict[int, MissFacts]:
    """The facts of each miss, by its place among the pieces."""
    missed = [i for i, kind in enumerate(pieces.kinds) if kind == "miss"]
    if not missed:
        return {}
    held = _held(run, pieces, measured)
    shown = _shown(run, pieces, measured, missed)
    left_out, above = _left_out(run, pieces, measured), _above(run, pieces, measured)
    other = _other_side(run, measured)
    passes = measured.passes
    return {
        i: MissFacts(
            threshold=run.threshold,
            left_out=tuple((where, float(shares[i])) for where, shares in left_out),
            above=float(above[i]),
            min_volume=run.settings.min_volume,
            shares=tuple(float(s) for s in passes.shares[:, i]) if passes else None,
            numbers=passes.numbers if passes else (),
            drawn=run.start is not None,
            tangent=run.settings.threshold_rule == "tangent",
            shown=shown.get(i),
            held=held[n],
            other_side=(other[0], float(other[1][i])) if other else None,
            unknown=measured.unknown,
        )
        for n, i in enumerate(missed)
    }


def facts_of_alarms(run: Run, pieces: Pieces, measured: Measures) -> dict[int, AlarmFacts]:
    """The facts of each false alarm, or found piece, by its place among the pieces."""
    alarmed = [i for i, kind in enumerate(pieces.kinds) if kind in ("false alarm", "found")]
    if not alarmed:
        return {}
    grid_ml = float(np.prod(run.card.grid.spacing)) / 1000
    fluid, around, by_name = _fluid(run, pieces, measured, alarmed)
    edges = None
    if run.on_grid is not None and measured.guide_energy is not None:
        energy = np.mean(run.on_grid.guide[run.on_grid.brain].astype(np.float64) ** 2)
        edges = measured.guide_energy / max(float(energy), 1e-30)
    passes = measured.passes
    return {
        i: AlarmFacts(
            threshold=run.threshold,
            mean_error=float(measured.mean_error[i]),
            volume_ml=float(measured.volume_ml[i]),
            voxel_ml=max(grid_ml, voxel_ml(run.affine)),
            rim_mm=None if measured.rim_mm is None else float(measured.rim_mm[i]),
            fluid=fluid.get(i),
            fluid_around=around.get(i),
            by_name=i in by_name,
            edge=None if edges is None else float(edges[i]),
            left_in=passes.number(passes.left(i)) if passes else None,
            back_in=passes.number(passes.back(i)) if passes else None,
            passes=len(passes.numbers) if passes else None,
            unknown=measured.unknown,
        )
        for i in alarmed
    }


def _held(run: Run, pieces: Pieces, measured: Measures) -> list[Held | None]:
    """Up to where each miss would have been kept."""
    part, own = pieces.some("miss")
    if measured.rows is None or measured.passes is None:
        return [None] * len(part)
    rows = measured.rows[own]
    if run.search is not None:
        return held_by_search(run, part, rows)
    return held_by_map(run, part, rows, measured.passes.positions[0])


def _shown(run: Run, pieces: Pieces, measured: Measures, missed: list[int]) -> dict[int, float]:
    passes = measured.passes
    if passes is None or measured.cells is None or measured.rows is None:
        return {}
    leaving = {i: passes.positions[at] for i in missed if (at := passes.left(i))}
    return surroundings_shown(run, pieces, measured.cells, measured.rows, leaving)


def _left_out(run: Run, pieces: Pieces, measured: Measures) -> list[tuple[str, Floats]]:
    """Where pieces may lie that is not looked at, and the share of each that does."""
    settings, grid, out = run.settings, run.on_grid, []
    if run.scan is not None:
        beside = ~pieces.values(run.scan.brain)
        if measured.rows is not None:
            beside |= measured.rows < 0
        out.append(("outside the brain mask", beside))
    if run.within is not None and measured.cells is not None:
        beside = ~at_cells(run.within, measured.cells)
        out.append(("outside the region that the run was restricted to", beside))
    if settings.rim > 0 and measured.depth is not None:
        out.append((f"in the rim of {settings.rim:g} mm", measured.depth <= settings.rim))
    if settings.intensity_floor is not None and grid is not None and measured.cells is not None:
        under = at_cells(grid.image, measured.cells) <= settings.intensity_floor
        out.append((f"under the intensity floor of {settings.intensity_floor:g}", under))
    return [(where, pieces.means(voxels)) for where, voxels in out]


def _above(run: Run, pieces: Pieces, measured: Measures) -> Floats:
    """The share of each piece that the last pass would have masked, were it not too small."""
    above = measured.error > run.threshold
    settings = run.settings
    if not run.record.complete or settings.min_volume <= 0:
        return np.zeros(len(pieces))
    if settings.only_shrink and measured.passes is not None and measured.rows is not None:
        above &= masked_at(run, measured.passes.positions[-1], measured.rows, after=False)
    return pieces.means(above)


def _other_side(run: Run, measured: Measures) -> tuple[str, Floats] | None:
    """How far each piece differs on the side that does not count."""
    sign, difference = run.settings.sign, measured.mean_difference
    if sign == "both" or difference is None or run.scan is None:
        return None
    low, high = np.percentile(run.scan.image[run.scan.brain], [25, 75])
    spread = max(float(high - low), 1e-30)
    if sign == "brighter":
        return "darker", -difference / spread
    return "brighter", difference / spread


def _fluid(
    run: Run, pieces: Pieces, measured: Measures, alarmed: list[int]
) -> tuple[dict[int, float], dict[int, float], set[int]]:
    """Shares of fluid in each piece and around it, and which of them names of regions gave."""
    fluid: dict[int, float] = {}
    if measured.named is not None:
        covered, named = measured.named
        fluid = {i: float(named[i]) for i in alarmed if covered[i] >= HALF}
    by_name, scan = set(fluid), run.scan
    look = Fluid.of(run, scan) if scan is not None and len(by_name) < len(alarmed) else None
    if look is None or scan is None:
        return fluid, {}, by_name
    shares = look.shares(run, scan, pieces)
    unnamed = [i for i in alarmed if i not in by_name]
    fluid.update({i: float(shares[i]) for i in unnamed})
    # At the rim nobody asks: that rule comes first.
    deep = [i for i in unnamed if measured.rim_mm is None or measured.rim_mm[i] > RIM_MM]
    return fluid, look.around(scan, pieces, deep), by_name
