"""How samples reach the device without its waiting: drawn ahead, in a thread or in processes."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from napari_itermask.training.samples import Sample, Samples
from napari_itermask.training.settings import TrainSettings

Batch = tuple[Tensor, Tensor, Tensor]
"""Inputs ``(N, 2, X, Y, Z)``, target and weight ``(N, 1, X, Y, Z)``, float32."""


AHEAD = 2
"""Blocks that are drawn while the network works on one."""


@dataclass(frozen=True)
class Blocks(Dataset[list[Batch]]):
    """Block ``n`` as this process's batches, one for each of its steps."""

    samples: Samples
    slots: Sequence[int]

    def __getitem__(self, number: int) -> list[Batch]:
        """The batches of the steps ``number * uses`` and after."""
        return [to_batch(row) for row in self.samples.block(number, self.slots)]


def draw_ahead(
    blocks: Blocks, settings: TrainSettings, first: int, workers: int
) -> Generator[Batch, None, None]:
    """The batches of the steps from ``first`` on, drawn ahead; close the generator when done.

    ``workers`` 0: one thread of this process. More: so many processes, for a device that is faster
    than one core can draw.
    """
    number, skip = divmod(first, settings.uses)
    numbers = range(number, (settings.steps - 1) // settings.uses + 1)
    source = _by_processes(blocks, numbers, workers) if workers else _by_thread(blocks, numbers)
    try:
        for block in source:
            yield from block[skip:]
            skip = 0
    finally:
        source.close()


def to_batch(samples: Sequence[Sample]) -> Batch:
    """Stack samples into one batch."""
    return (
        torch.from_numpy(np.stack([s.inputs for s in samples])),
        torch.from_numpy(np.stack([s.target for s in samples]))[:, None],
        torch.from_numpy(np.stack([s.weight for s in samples]))[:, None],
    )


def _by_thread(blocks: Blocks, numbers: range) -> Generator[list[Batch], None, None]:
    """One thread: more would take the cores from the network."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="itermask-samples")
    waiting: deque[Future[list[Batch]]] = deque()
    try:
        for number in numbers:
            waiting.append(pool.submit(blocks.__getitem__, number))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _by_processes(
    blocks: Blocks, numbers: range, workers: int
) -> Generator[list[Batch], None, None]:
    loader = DataLoader(
        blocks,
        batch_size=None,
        sampler=numbers,
        num_workers=workers,
        worker_init_fn=_deaf,
        multiprocessing_context="spawn",  # a fork would copy threads that hold locks
        pin_memory=torch.cuda.is_available(),
    )
    yield from loader


def _deaf(_: int) -> None:
    """A worker lives as long as the training: signals to the whole group are for that to answer."""
    for name in ("SIGTERM", "SIGINT", "SIGUSR1"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
