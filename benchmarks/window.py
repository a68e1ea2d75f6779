"""Does the window stay alive while a run streams, and what does it cost the run?

    python benchmarks/window.py [--runs 10] [--json out.json]

A real napari with the whole workbench, the sample patient at 2 mm, settings as published, 2-D view.
Times are compared within one run of this script: the same refinement without a window is made in a
process of its own, in turns with the one in the window. Needs a screen (xvfb-run will do).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil

ALONE = """
import time, warnings
warnings.simplefilter("ignore")
import napari_itermask as itm
from napari_itermask.synthetic.patient import sample_files
scan, model = itm.load_scan(sample_files().flair), itm.load_model("flair-2mm")
model.reconstructor()
begin = time.perf_counter()
run = itm.refine(scan, model, itm.RefineSettings())
print(time.perf_counter() - begin)
"""


BEAT_MS = 5


class Heart:
    """Beats with the event loop: how late it was, at worst in each quarter of a second."""

    def __init__(self) -> None:
        from qtpy.QtCore import QTimer

        self.timer = QTimer(interval=BEAT_MS)
        self.timer.timeout.connect(self._beat)
        self.worst: list[float] = []
        self._last = self._window = time.perf_counter()

    def start(self) -> None:
        """Begin to watch."""
        self.worst = [0.0]
        self._last = self._window = time.perf_counter()
        self.timer.start()

    def _beat(self) -> None:
        now = time.perf_counter()
        late = now - self._last - BEAT_MS / 1000
        self.worst[-1] = max(self.worst[-1], late)
        self._last = now
        if now - self._window > 0.25:
            self.worst.append(0.0)
            self._window = now

    def stop(self) -> list[float]:
        """End; how late the latest beat of each quarter of a second was, in ms."""
        self.timer.stop()
        return [1000 * seconds for seconds in self.worst[:-1] or self.worst]


def until(condition, seconds: float = 300.0) -> None:
    """Let Qt work, and sleep where it has nothing to do, until ``condition()`` holds."""
    from qtpy.QtCore import QEventLoop, QTimer
    from qtpy.QtWidgets import QApplication

    end = time.perf_counter() + seconds
    watch = QTimer(interval=20)
    watch.start()
    while not condition():
        if time.perf_counter() > end:
            raise TimeoutError("the window did not get there")
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)


def main() -> None:
    """Measure, print one table, and write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()

    import napari

    import napari_itermask as itm
    from napari_itermask.gui.stream import session_of, stream_of
    from napari_itermask.gui.workbench import open_workbench
    from napari_itermask.synthetic.patient import sample_files

    viewer = napari.Viewer()
    viewer.window.resize(1280, 800)
    open_workbench(viewer)
    session = session_of(viewer)
    until(lambda: not session.busy)
    session.open(sample_files().flair)
    until(lambda: session.scan is not None)
    heart, facts = Heart(), {}

    def one(settings: itm.RefineSettings) -> float:
        session.settings = settings
        begin = time.perf_counter()
        session.start(fresh=True)
        until(lambda: session.running)
        until(lambda: session.state in ("finishing", "idle"))
        seconds = time.perf_counter() - begin
        until(lambda: not session.running)
        return seconds

    published = itm.RefineSettings()
    one(published)  # both sides have met everything once
    alone, seen, stalls = [], [], []
    for _ in range(asked.pairs):
        done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, check=True)
        alone.append(float(done.stdout))
        heart.start()
        seen.append(one(published))
        until(lambda: not session.keeping)
        stalls += heart.stop()
    facts["alone_s"] = statistics.median(alone)
    facts["window_s"] = statistics.median(seen)
    facts["ratio"] = statistics.median(s / a for s, a in zip(seen, alone, strict=True))
    facts["worst_stall_ms"] = max(stalls)
    facts["p95_stall_ms"] = float(np.percentile(stalls, 95))

    facts |= _drag(session, stream_of(viewer))
    facts |= _stop(session)
    facts |= _memory(session, one, asked.runs)
    for name, value in facts.items():
        print(f"{name:<24}{value:10.3f}")
    if asked.json:
        asked.json.write_text(json.dumps(facts, indent=2) + "\n")
    viewer.close()


def _drag(session, stream) -> dict[str, float]:
    """From a move of the gamma line to the search's mask in the layer and on the screen."""
    from qtpy.QtWidgets import QApplication

    took = []
    for gamma in np.geomspace(0.02, 2, 40):
        before = stream.canvas.layer("mask").data
        begin = time.perf_counter()
        session.preview(session.search.curve.choose(gamma).threshold)
        QApplication.processEvents()
        if stream.canvas.layer("mask").data is not before:
            took.append(1000 * (time.perf_counter() - begin))
    session.preview(None)
    return {"drag_median_ms": float(np.median(took)), "drag_worst_ms": float(max(took))}


def _stop(session) -> dict[str, float]:
    """From Stop to the end of the run, in passes."""
    took = []
    for wait in (1.0, 1.5, 2.0):
        session.start(fresh=True)
        end = time.perf_counter() + wait
        until(lambda end=end: time.perf_counter() > end)
        begin = time.perf_counter()
        session.stop()
        until(lambda: session.state in ("finishing", "idle"))
        took.append(time.perf_counter() - begin)
        until(lambda: not session.running)
    a_pass = statistics.median(p.seconds for p in session.run.record.passes)
    return {"stop_ms": 1000 * max(took), "pass_ms": 1000 * a_pass}


def _memory(session, one, runs: int) -> dict[str, float]:
    """Resident memory after the second of ``runs`` runs and after the last.

    With a budget that holds the current run alone: the others lie on disk, so what still grows is
    lost.
    """
    import gc

    import napari_itermask as itm

    def resident() -> float:
        until(lambda: not session.keeping and not session.busy)
        gc.collect()
        return psutil.Process(os.getpid()).memory_info().rss / 2**20

    sizes = []
    session.runs_budget = 0
    for n in range(runs):
        one(itm.RefineSettings(gamma=0.05 + 0.01 * n))
        sizes.append(resident())
    return {
        "memory_2_mb": sizes[1],
        "memory_last_mb": sizes[-1],
        "memory_ratio": sizes[-1] / sizes[1],
    }


if __name__ == "__main__":
    main()
