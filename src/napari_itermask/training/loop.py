"""The training loop: healthy samples in, weights out; it resumes where it was killed."""

from __future__ import annotations

import csv
import json
import math
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_itermask.method.network import UNet3D
from napari_itermask.training.flair_data import Sample

CHECKPOINT = "training.pt"
LOST_IN_A_ROW = 20


@dataclass(frozen=True)
class TrainingPlan:
    """Every number of a training; written beside the weights."""

    channels: tuple[int, int, int, int, int] = (8, 16, 32, 64, 128)
    steps: int = 3000
    batch: int = 2
    rate: float = 2e-3
    warmup: int = 100
    average: float = 0.998
    smooth_loss: float = 3.0
    statistics: int = 60
    seed: int = 0


class FixedSlope(nn.Module):
    """PReLU with the slope it starts from: its backward pass is a fifth of a step on a CPU."""

    def __init__(self, slope: float = 0.25) -> None:
        super().__init__()
        self.register_buffer("weight", torch.full((1,), slope))
        self.slope = slope

    def forward(self, x: Tensor) -> Tensor:
        """Leaky ReLU."""
        return F.leaky_relu(x, self.slope)


def trainable(channels: Sequence[int]) -> UNet3D:
    """A fresh network without dropout, with fixed slopes; its state dict keeps the names."""
    network = UNet3D(channels, dropout=0.0)
    for module in network.modules():
        if isinstance(getattr(module, "A", None), nn.PReLU):
            module.A = FixedSlope()
    network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    return network


def inference_network(trained: UNet3D) -> UNet3D:
    """The plain network of the method with the weights of a trained one."""
    network = UNet3D(trained.channels)
    network.load_state_dict(trained.state_dict())
    return network.eval().requires_grad_(False)


def train(
    stream: Callable[[np.random.Generator], Iterator[Sample]],
    plan: TrainingPlan,
    folder: Path,
    report: Callable[[int, float, float], None] | None = None,
    every: int = 100,
) -> UNet3D:
    """Train a network on samples drawn by ``stream``; a second call resumes from ``folder``.

    Returns the averaged network in eval mode. ``report`` gets step, mean loss and seconds left.
    The checkpoint is replaced whole every ``every`` steps, so that a kill costs at most those.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(plan.seed)
    network = trainable(plan.channels).train()
    averaged = trainable(plan.channels).requires_grad_(False)
    averaged.load_state_dict(network.state_dict())
    optimiser = torch.optim.Adam(network.parameters(), lr=plan.rate)
    first = _resume(folder / CHECKPOINT, network, averaged, optimiser)
    batches = _ahead(_batches(stream(np.random.default_rng([plan.seed, first])), plan.batch))
    started, lost = time.monotonic(), 0
    losses: list[float] = []
    for step in range(first, plan.steps):
        for group in optimiser.param_groups:
            group["lr"] = _rate(plan, step)
        loss = repaint_loss(network, next(batches), plan.smooth_loss)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        size = nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        # bfloat16 kernels of some CPUs now and then give an infinite gradient where the deepest
        # level is two voxels wide: such a step is left out, a row of them is an error.
        lost = 0 if torch.isfinite(size) else lost + 1
        if lost > LOST_IN_A_ROW or not torch.isfinite(loss):
            raise FloatingPointError(
                f"loss {loss.item():g} and gradient {size.item():g} at step {step}: lower the "
                f"learning rate (now {plan.rate:g}) and start again in an empty folder."
            )
        if not lost:
            optimiser.step()
        _average(averaged, network, min(plan.average, (step + 1) / (step + 20)))
        losses.append(loss.item())
        if (step + 1) % every == 0 or step + 1 == plan.steps:
            pace = (time.monotonic() - started) / (step + 1 - first)
            _log(folder, step + 1, float(np.mean(losses)), pace)
            if report:
                report(step + 1, float(np.mean(losses)), pace * (plan.steps - step - 1))
            _save(folder / CHECKPOINT, step + 1, network, averaged, optimiser)
            losses = []
    settle_statistics(averaged, batches, plan.statistics)
    (folder / "plan.json").write_text(json.dumps(asdict(plan), indent=2))
    return averaged.eval()


def repaint_loss(network: nn.Module, batch: tuple[Tensor, ...], smooth: float) -> Tensor:
    """Weighted mean squared error, plus ``smooth`` times that of the difference averaged over 3^3.

    The second term asks for what the score reads: the error at the scale of a lesion.
    """
    inputs, target, weight = batch
    with torch.autocast("cpu", torch.bfloat16):
        out = network(inputs)
    difference = (out.float() - target) * (weight > 0.1)
    outside = (out.float() - target) * (weight <= 0.1)
    blurred = F.avg_pool3d(difference, 3, 1, padding=1)
    total = weight.sum()
    plain = (weight * (difference**2 + outside**2)).sum() / total
    loss: Tensor = plain + smooth * (weight * blurred**2).sum() / total
    return loss


def settle_statistics(
    network: nn.Module, batches: Iterator[tuple[Tensor, ...]], count: int
) -> None:
    """Measure the batch-norm statistics anew for the averaged weights, over ``count`` batches."""
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm3d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over what follows
    network.train()
    with torch.no_grad():
        for _ in range(count):
            network(next(batches)[0])
    network.eval()
    for norm in norms:
        norm.momentum = 0.1


def _batches(samples: Iterator[Sample], size: int) -> Iterator[tuple[Tensor, ...]]:
    while True:
        chosen = [next(samples) for _ in range(size)]
        inputs = torch.from_numpy(np.stack([s.inputs for s in chosen]))
        yield (
            inputs.contiguous(memory_format=torch.channels_last_3d),
            torch.from_numpy(np.stack([s.target for s in chosen]))[:, None],
            torch.from_numpy(np.stack([s.weight for s in chosen]))[:, None],
        )


def _ahead(batches: Iterator[tuple[Tensor, ...]]) -> Iterator[tuple[Tensor, ...]]:
    """Draw the next batches in a thread, while the network works on this one."""
    waiting: queue.Queue[tuple[Tensor, ...] | Exception] = queue.Queue(3)

    def draw() -> None:
        try:
            for batch in batches:
                waiting.put(batch)
        except Exception as error:  # noqa: BLE001 - it is raised again where the batch is taken
            waiting.put(error)

    threading.Thread(target=draw, daemon=True).start()
    while True:
        item = waiting.get()
        if isinstance(item, Exception):
            raise item
        yield item


def _rate(plan: TrainingPlan, step: int) -> float:
    if step < plan.warmup:
        return plan.rate * (step + 1) / plan.warmup
    share = (step - plan.warmup) / max(1, plan.steps - plan.warmup)
    return plan.rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share)))


@torch.no_grad()
def _average(averaged: nn.Module, network: nn.Module, keep: float) -> None:
    for mean, new in zip(averaged.parameters(), network.parameters(), strict=True):
        mean.lerp_(new, 1 - keep)


def _save(
    path: Path, step: int, network: nn.Module, averaged: nn.Module, optimiser: torch.optim.Optimizer
) -> None:
    part = path.with_suffix(".part")
    state = {
        "step": step,
        "network": network.state_dict(),
        "averaged": averaged.state_dict(),
        "optimiser": optimiser.state_dict(),
    }
    with part.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _resume(
    path: Path, network: nn.Module, averaged: nn.Module, optimiser: torch.optim.Optimizer
) -> int:
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    network.load_state_dict(state["network"])
    averaged.load_state_dict(state["averaged"])
    optimiser.load_state_dict(state["optimiser"])
    return int(state["step"])


def _log(folder: Path, step: int, loss: float, pace: float) -> None:
    path = folder / "training.csv"
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(["step", "loss", "seconds_per_step"])
        writer.writerow([step, f"{loss:.5f}", f"{pace:.3f}"])
