"""How samples reach the device without its waiting: drawn ahead, in a thread or in processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import wait

import numpy as np
import torch
from torch import Tensor

from napari_itermask.training.samples import Sample, Samples
from napari_itermask.training.settings import TrainSettings

Batch = tuple[Tensor, Tensor, Tensor]
"""Inputs ``(N, 2, X, Y, Z)``, target and weight ``(N, 1, X, Y, Z)``, float32."""

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]
"""The same as plain arrays, as they come from another process."""
AHEAD = 2
"""Blocks that are drawn while the network works on one; with processes, by each of them."""


@dataclass(frozen=True)
class Blocks:
    """Block ``n`` as this process's batches, one for each of its steps."""

    samples: Samples
    slots: Sequence[int]

    def __call__(self, number: int) -> list[Arrays]:
        """The batches of the steps ``number * uses`` and after."""
        return [stacked(row) for row in self.samples.block(number, self.slots)]


def draw_ahead(
    blocks: Blocks, settings: TrainSettings, first: int, workers: int
) -> Generator[Batch, None, None]:
    """The batches of the steps from ``first`` on, drawn ahead; close the generator when done.

    ``workers`` 0: one thread of this process. More: so many processes, for a device that is faster
    than one core can draw.
    """
    number, skip = divmod(first, settings.uses)
    numbers = range(number, (settings.steps - 1) // settings.uses + 1)
    pool, draw = _pool(blocks, workers)
    waiting: deque[Future[list[Arrays]]] = deque()
    try:
        for number in numbers:
            waiting.append(pool.submit(draw, number))
            if len(waiting) > AHEAD * max(workers, 1):
                yield from _tensors(waiting.popleft().result()[skip:])
                skip = 0
        while waiting:
            yield from _tensors(waiting.popleft().result()[skip:])
            skip = 0
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def to_batch(samples: Sequence[Sample]) -> Batch:
    """Stack samples into one batch."""
    one, two, three = (torch.from_numpy(array) for array in stacked(samples))
    return one, two, three


def stacked(samples: Sequence[Sample]) -> Arrays:
    """Stack samples into the arrays of one batch."""
    return (
        np.stack([s.inputs for s in samples]),
        np.stack([s.target for s in samples])[:, None],
        np.stack([s.weight for s in samples])[:, None],
    )


def _tensors(block: list[Arrays]) -> Generator[Batch, None, None]:
    for one, two, three in block:
        yield torch.from_numpy(one), torch.from_numpy(two), torch.from_numpy(three)


def _pool(blocks: Blocks, workers: int) -> tuple[Executor, Callable[[int], list[Arrays]]]:
    """Who draws, and what is asked of them."""
    if not workers:  # one thread: more would take the cores from the network
        return ThreadPoolExecutor(1, thread_name_prefix="itermask-samples"), blocks
    # A fork would copy threads that hold locks. Torch's own loader is not used: it hands tensors
    # over by shared memory that threads of its workers tend, and those aborted now and then.
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, spawn, initializer=_begin, initargs=(blocks,))
    return pool, _draw


_BLOCKS: list[Blocks] = []
"""What this process draws from, if it is a worker."""


def _begin(blocks: Blocks) -> None:
    """A worker lives as long as the training: signals to the group are for that to answer."""
    for name in ("SIGTERM", "SIGINT", "SIGUSR1"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    torch.set_num_threads(1)  # there are as many workers as cores
    _BLOCKS[:] = [blocks]
    threading.Thread(target=_end_with_the_training, daemon=True).start()


def _end_with_the_training() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _draw(number: int) -> list[Arrays]:
    return _BLOCKS[0](number)
