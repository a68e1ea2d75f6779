"""How many steps a second does a training make, against the plain float32 loop?

    python benchmarks/training.py [--steps 6] [--data FOLDER]

Same network, batch, crop and samples in one run. The plain loop is what the published code does:
float32, PReLU, dropout, contiguous tensors, each batch drawn when it is needed. "device" leaves the
drawing out of both; "whole" is the loop as it runs, drawing included.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import torch

from napari_itermask.method.network import UNet3D
from napari_itermask.training.batches import Batch, Blocks, draw_ahead, to_batch
from napari_itermask.training.devices import Options, in_bfloat16, launched
from napari_itermask.training.learner import Learner, repaint_loss
from napari_itermask.training.prepared import prepare
from napari_itermask.training.samples import Samples
from napari_itermask.training.settings import TrainSettings, channels_named
from napari_itermask.training.sources import find_source

ROUNDS = 2
DATA = Path(os.environ.get("ITERMASK_DATA", Path(__file__).parents[2] / "shared" / "data"))


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA / "healthy-t1-2mm" / "test")
    parser.add_argument("--steps", type=int, default=6, help="timed steps of each form")
    parser.add_argument("--modality", default="flair")
    args = parser.parse_args()
    options = Options()
    print(
        f"torch {torch.__version__}, {torch.get_num_threads()} threads, "
        f"{'bfloat16' if in_bfloat16(options) else 'float32'}, fastest of {args.steps} steps\n"
    )
    print("| width | part | plain, s a step | ours, s a step | times |\n|---|---|---|---|---|")
    for width in ("half", "published"):
        settings = TrainSettings.of(args.modality, channels=channels_named(width))
        with tempfile.TemporaryDirectory() as place:
            items = find_source(args.data, args.modality).items
            ready = prepare(items, settings.grid, Path(place), None, print)
            samples = Samples(ready, settings)
            measure(width, samples, settings, options, args.steps)


def measure(
    width: str, samples: Samples, settings: TrainSettings, options: Options, steps: int
) -> None:
    """Both loops in turn, so that a busy machine slows them alike."""
    learner = Learner(launched(options, settings), settings)
    plain = plain_step(settings)
    blocks = Blocks(samples, range(settings.batch))
    fixed = to_batch(samples.block(0, range(settings.batch))[0])
    both = in_turn(lambda: plain(fixed), lambda: learner.step(fixed, 0, 0.0), steps)
    row(width, "device", *both)

    number = iter(range(1, 10**6))
    drawn = (to_batch(r) for n in number for r in samples.block(n, range(settings.batch)))
    rounds = []
    for turn in range(ROUNDS):
        one = timed(lambda: plain(next(drawn)), steps)
        # Begun now, so that nothing was drawn beside the plain loop's steps.
        ahead = draw_ahead(blocks, settings, 100 * turn, 0)
        with closing(ahead):
            other = timed(lambda ahead=ahead: learner.step(next(ahead), 0, 0.0), steps)
        rounds.append((one, other))
    row(width, "whole", *np.min(rounds, axis=0))


def plain_step(settings: TrainSettings) -> Callable[[Batch], None]:
    """One step as the published code makes it."""
    network = UNet3D(settings.channels).train()
    adam = torch.optim.Adam(network.parameters(), lr=settings.rate)

    def step(batch: Batch) -> None:
        inputs, target, weight = batch
        loss = repaint_loss(network(inputs), target, weight, settings.smooth_loss)
        adam.zero_grad()
        loss.backward()
        adam.step()

    return step


def in_turn(
    one: Callable[[], object], other: Callable[[], object], steps: int
) -> tuple[float, float]:
    """The fastest of each, one after the other each time: other work can only slow a step."""
    one(), other()
    pairs = [(seconds(one), seconds(other)) for _ in range(steps)]
    first, second = np.min(pairs, axis=0)
    return float(first), float(second)


def timed(step: Callable[[], object], steps: int) -> float:
    """Mean seconds of a step; the first two do not count."""
    step(), step()
    begin = time.perf_counter()
    for _ in range(steps):
        step()
    return (time.perf_counter() - begin) / steps


def seconds(call: Callable[[], object]) -> float:
    """How long one call takes."""
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def row(width: str, part: str, plain: float, ours: float) -> None:
    """A line of the table."""
    print(f"| {width} | {part} | {plain:.2f} | {ours:.2f} | {plain / ours:.1f} |", flush=True)


if __name__ == "__main__":
    main()
