"""The loop of a training: scans in, a model out; it resumes where it stopped, on any devices."""

from __future__ import annotations

import hashlib
import itertools
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from napari_itermask.models.store import Model
from napari_itermask.training.batches import Batch, Blocks, draw_ahead, to_batch
from napari_itermask.training.devices import Options, in_bfloat16, launched, workers_of
from napari_itermask.training.learner import Learner, inference_network
from napari_itermask.training.log import Log
from napari_itermask.training.prepared import Prepared, prepare
from napari_itermask.training.progress import Progress, duration
from napari_itermask.training.record import Facts
from napari_itermask.training.samples import SETTLE, Samples
from napari_itermask.training.settings import TrainSettings
from napari_itermask.training.sources import LABELLED, Source, split
from napari_itermask.training.state import FOLDER, load_state, save_state
from napari_itermask.training.stopping import StopFlag
from napari_itermask.training.trouble import Watch
from napari_itermask.training.validation import hold, repaint_with, validate

if TYPE_CHECKING:
    from lightning_fabric import Fabric

BEST = "best.safetensors"
CHECK_BATCHES = 6
"""Batches that settle the norms before a validation; the end takes ``settings.statistics``."""


@dataclass(frozen=True)
class Outcome:
    """How a call of :func:`train` ended: with a model, or stopped with ``exit_code`` to resume."""

    step: int
    seconds: float
    model: Model | None
    exit_code: int = 0


def train(
    source: Source,
    settings: TrainSettings,
    out: Path,
    options: Options | None = None,
    say: Callable[[str], None] = print,
) -> Outcome:
    """Train a model on the healthy scans of ``source`` and write it to the folder ``out``.

    The folder ``out/training`` keeps state, curves and pictures: the same call resumes from there,
    whatever ended the last one. Every process of several calls this alike; the first one writes.

    Raises
    ------
    ValueError
        If ``out`` holds something else, or a training of other scans or settings.
    TrainingError
        If the loss or its gradient stop being finite.
    """
    options = options or Options()
    check_folder(out)
    check_start(options, settings)
    if options.calibrate and source.kind != LABELLED:
        raise ValueError(
            "--calibrate draws lesions into T1 brains with region labels, and these scans are none "
            f"({source.kind}): leave it out."
        )
    learn, held_out = split(source.items, settings.validation, settings.seed)
    fabric = launched(options, settings)
    quiet = say if fabric.is_global_zero else _nothing
    folder = out / FOLDER
    with fabric.rank_zero_first():
        if fabric.is_global_zero and not options.resume:
            _begin_anew(folder)
        quiet(f"preparing {len(source.items)} scans ({source.kind})")
        for note in source.notes:
            quiet(f"note: {note}")
        ready = [
            prepare(items, settings.grid, folder / "prepared", options.strip, quiet)
            for items in (learn, held_out)
        ]
    run = _Run(fabric, settings, options, folder, Samples(ready[0], settings), ready[1], quiet)
    with closing(run):
        stopped = run.go()
        if not fabric.is_global_zero:  # a launcher takes any other code of a child for a crash
            return Outcome(run.step, run.seconds, None)
        model = None if stopped else run.finish(out, source)
    return Outcome(run.step, run.seconds, model, stopped)


def check_folder(out: Path) -> None:
    """Refuse a folder that holds something other than a training or a model."""
    if out.is_file():
        raise ValueError(f"{out} is a file: give a folder for the model.")
    if out.is_dir() and any(out.iterdir()) and not (out / FOLDER).is_dir():
        raise ValueError(
            f"{out} is not empty and holds no training: choose another folder for the model."
        )


def check_start(options: Options, settings: TrainSettings) -> None:
    """Refuse to start from a network of another width."""
    start = options.start
    if start is not None and tuple(start.network.channels) != settings.channels:
        raise ValueError(
            f"{start.card.name} has {', '.join(map(str, start.network.channels))} channels, and "
            f"this training {', '.join(map(str, settings.channels))}: give --width "
            f"{','.join(map(str, start.network.channels))}, or another --start."
        )


class _Run:
    """One call of the loop: what it holds, and each thing it does between two steps."""

    def __init__(
        self,
        fabric: Fabric,
        settings: TrainSettings,
        options: Options,
        folder: Path,
        samples: Samples,
        held_out: Sequence[Prepared],
        say: Callable[[str], None],
    ) -> None:
        self.fabric, self.settings, self.options = fabric, settings, options
        self.folder, self.samples, self.held_out, self.say = folder, samples, held_out, say
        start = None if options.start is None else options.start.network.state_dict()
        self.learner = Learner(fabric, settings, start)
        self.step, self._before = 0, 0.0
        self.validations: list[dict[str, Any]] = []
        scans = (*samples.scans, *held_out)
        self._digest = hashlib.sha256("".join(p.digest for p in scans).encode()).hexdigest()
        fresh = settings.start is None
        self._watch = Watch(settings.rate, len(samples.scans), fresh=fresh)
        state = load_state(folder, settings, self._digest, fabric.device)
        if state is not None:
            self.learner.load_state(state)
            self.step, self._before = int(state["step"]), float(state["seconds"])
            self.validations = list(state["validations"])
            say(f"resuming at step {self.step}")
        self._log = Log(folder, self.step) if fabric.is_global_zero else None
        self._held = hold(held_out, samples) if held_out and fabric.is_global_zero else None
        self._begun = self._saved = time.monotonic()
        self._saved_step = self.step

    @property
    def seconds(self) -> float:
        """What the training has taken, over all calls."""
        return self._before + time.monotonic() - self._begun

    def go(self) -> int:
        """Steps until the end or a signal; 0, or the exit code that says it can resume."""
        settings, first = self.settings, self.step
        each = settings.batch // self.fabric.world_size
        slots = range(self.fabric.global_rank * each, (self.fabric.global_rank + 1) * each)
        batches = draw_ahead(
            Blocks(self.samples, slots), settings, first, workers_of(self.options, self.fabric)
        )
        progress = Progress(self.say, settings.steps)
        with StopFlag() as stop, closing(batches):
            began, since = time.monotonic(), first
            while self.step < settings.steps:
                asked, seconds = self._agree(stop)
                share = settings.share(self.step, seconds)
                if asked or share >= 1:
                    break
                loss, taken = self.learner.step(next(batches), self.step, share)
                rate = settings.rate_at(share, self.step)
                self.step += 1
                self._watch.step(self.step, taken=taken)
                self._note(self._shared(loss), rate, seconds)
                if self._log is not None and progress.due():
                    self._log.flush()
                    now, recent = time.monotonic(), self._log.losses[since - self.step :]
                    pace = (now - began) / (self.step - since)
                    progress.line(self.step, sum(recent) / len(recent), share, seconds, pace)
                    self._heed(self._watch.losses(self._log.losses))
                    began, since = now, self.step
            asked, _ = self._agree(stop)
        return self._stopped(stop) if asked else 0

    def finish(self, out: Path, source: Source) -> Model:
        """Settle the averaged weights, measure them, and write the model's folder."""
        from safetensors.torch import load_file

        from napari_itermask.training.finish import finish

        log = self._log
        assert log is not None
        log.flush()
        self._heed(self._watch.losses(log.losses))
        self._save()
        chosen = f"of step {self.step}"
        # A short training should not take longer to settle than to learn.
        batches = min(self.settings.statistics, max(CHECK_BATCHES, self.step // 10))
        if self._held:
            self.validations = [v for v in self.validations if v["step"] < self.step]
            self._validate(batches)
        else:
            self.learner.settle(self._settling(batches))
        network = self.learner.averaged
        best = min(self.validations, key=lambda v: v["repaint_error"], default=None)
        if best is not None and best["step"] != self.step and (self.folder / BEST).exists():
            network.load_state_dict(load_file(self.folder / BEST))
            chosen = f"of step {best['step']}, where the scans held out were repainted best"
            self.validations.append(best)
        facts = Facts(
            command=self.options.command,
            source=source,
            settings=self.settings,
            learnt=self.samples.scans,
            held_out=self.held_out,
            steps=self.step,
            seconds=self.seconds,
            losses=log.losses,
            validations=self.validations,
            chosen=chosen,
            device=str(self.fabric.device.type),
            devices=self.fabric.world_size,
            precision="bfloat16 autocast" if in_bfloat16(self.options) else "float32",
        )
        self.say(f"{self.step} steps in {duration(self.seconds)}; writing {out}")
        calibrate = self.options.calibrate
        return finish(out, facts, inference_network(network), self.say, calibrate=calibrate)

    def close(self) -> None:
        """End the log, whatever happened."""
        if self._log is not None:
            self._log.close()

    def _note(self, loss: Any, rate: float, seconds: float) -> None:
        """Log a step; validate and save where it is time."""
        if self._log is None:
            return
        self._log.step(self.step, loss, rate, seconds)
        end = self.step == self.settings.steps  # validated once more, better settled, in finish()
        if self._held and not end and self.step % self.settings.validate_every == 0:
            self._validate(CHECK_BATCHES)
        due = time.monotonic() - self._saved > self.options.save_seconds
        if due or self.step - self._saved_step >= self.options.save_steps:
            self._save()

    def _validate(self, batches: int) -> None:
        from napari_itermask.training.pictures import save_repaints

        assert self._held is not None
        assert self._log is not None
        self.learner.settle(self._settling(batches))
        network, fabric = self.learner.averaged, self.fabric
        found, repaints = validate(
            repaint_with(network, fabric.device, fabric.autocast), *self._held
        )
        self.validations.append({"step": self.step, **found.values()})
        title = (
            f"step {self.step}: {100 * found.unexplained:.0f} % of the variance unexplained, "
            f"AUROC of spoilt copies {found.spike_auroc:.2f}"
        )
        picture = save_repaints(self.folder / "repaints.png", title, self._held[0], repaints)
        self._log.validation(self.step, found.values(), picture)
        self.say(title)
        errors = [v["repaint_error"] for v in self.validations]
        if found.repaint_error <= min(errors):
            self._save_best()
        self._heed(self._watch.validations(errors))

    def _settling(self, count: int) -> Iterator[Batch]:
        """Batches for the norms, from a stream of chance of their own."""
        slots = range(self.settings.batch)
        blocks = (self.samples.block(n, slots, SETTLE) for n in itertools.count())
        yield from itertools.islice((to_batch(row) for block in blocks for row in block), count)

    def _save(self) -> None:
        if self._log is None:
            return
        self._log.flush()
        state = {
            "step": self.step,
            "seconds": self.seconds,
            "validations": self.validations,
            "settings": self.settings.model_dump_json(),
            "digest": self._digest,
            **self.learner.state(),
        }
        save_state(self.folder, state)
        self._saved, self._saved_step = time.monotonic(), self.step

    def _save_best(self) -> None:
        from safetensors.torch import save_file

        from napari_itermask.scans.files import write_whole

        tensors = {k: v.contiguous() for k, v in self.learner.averaged.state_dict().items()}
        write_whole(self.folder / BEST, lambda part: save_file(tensors, part))

    def _stopped(self, stop: StopFlag) -> int:
        self._save()
        self.say(f"stopped after step {self.step}, saved: the same line resumes it")
        self.fabric.barrier()
        return stop.exit_code

    def _agree(self, stop: StopFlag) -> tuple[bool, float]:
        """Whether any process was asked to stop, and the seconds of the first one."""
        if self.fabric.world_size == 1:
            return bool(stop), self.seconds
        seconds = self.seconds if self.fabric.is_global_zero else 0.0
        both = torch.tensor([float(bool(stop)), seconds], device=self.fabric.device)
        summed: Any = self.fabric.all_reduce(both, reduce_op="sum")
        return bool(summed[0] > 0), float(summed[1])

    def _shared(self, loss: Any) -> Any:
        return self.fabric.all_reduce(loss) if self.fabric.world_size > 1 else loss

    def _heed(self, sentence: str | None) -> None:
        if sentence is not None:
            self.say(f"Warning: {sentence}")


def _begin_anew(folder: Path) -> None:
    """Forget an earlier training, but for its prepared scans."""
    for path in folder.glob("*"):
        if path.name != "prepared":
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _nothing(_: str) -> None:
    """What processes but the first one say."""
