"""Does a model still compute what it did when it was made? One fixed block, in and out.

The block is drawn from a seed; a thinned copy of what the plain network made of it lies in the
model's folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_itermask.scans.files import write_whole

if TYPE_CHECKING:
    from napari_itermask.method.reconstruct import Precision
    from napari_itermask.models.store import Model

GOLDEN = "golden.safetensors"
SIDE = 32
"""Of the block: with 16 the deepest level is one voxel wide, where some CPUs get bfloat16 wrong."""
THIN = 4
TOLERANCE = {"plain": 1e-3, "float32": 1e-3, "bfloat16": 0.05}
"""RMS difference that is allowed, as a share of the output's spread."""


@dataclass(frozen=True)
class GoldenCheck:
    """How far a precision on this machine is from what was recorded; ``off`` over ``allowed``."""

    precision: str
    device: str
    off: float
    allowed: float

    @property
    def passed(self) -> bool:
        """Whether it is near enough."""
        return self.off <= self.allowed


def write_golden(folder: Path, network: Any) -> None:
    """Record what the plain ``network`` makes of the block, in ``golden.safetensors``."""
    from safetensors.numpy import save_file

    from napari_itermask.method.reconstruct import Reconstructor

    out = {"output": _output(Reconstructor(network, "cpu", "plain"))}
    write_whole(folder / GOLDEN, lambda part: save_file(out, part))


def check_golden(
    model: Model, device: str = "auto", precision: Precision = "auto"
) -> GoldenCheck | None:
    """Compare the model's output here with the recorded one; None where none is recorded."""
    from safetensors.numpy import load_file

    path = model.weights.parent / GOLDEN
    if not path.exists():
        return None
    expected = load_file(path)["output"]
    reconstruct = model.reconstructor(device, precision)
    got = _output(reconstruct)
    spread = max(float(expected.std()), 1e-12)
    off = float(np.sqrt(((got - expected) ** 2).mean())) / spread
    allowed = TOLERANCE.get(reconstruct.precision, 1e-3)
    return GoldenCheck(reconstruct.precision, str(reconstruct.device), off, allowed)


def _output(reconstruct: Any) -> Any:
    masked, guide = np.random.default_rng(0).standard_normal((2, SIDE, SIDE, SIDE), np.float32)
    out = reconstruct(masked, guide)[::THIN, ::THIN, ::THIN]
    return np.ascontiguousarray(out, np.float32)
