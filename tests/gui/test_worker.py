"""Work beside the window: jobs in order, errors of every kind heard, and a gate between passes."""

import threading
import time

import pytest

from napari_itermask.gui.worker import Gate, Inbox, Lane, StopAsked
from napari_itermask.method import RefineSettings


@pytest.fixture
def inbox():
    return Inbox()


@pytest.fixture
def lane(inbox):
    lane = Lane("test", inbox)
    yield lane
    lane.close()


def drained(inbox, lane, seconds=5.0):
    end = time.monotonic() + seconds
    while not lane.idle and time.monotonic() < end:
        inbox.drain()
        time.sleep(0.001)
    assert lane.idle


def test_outcomes_come_in_order_and_only_when_the_inbox_is_drained(inbox, lane):
    heard = []
    for n in range(5):
        lane.submit(lambda n=n: n * n, heard.append, heard.append)
    time.sleep(0.05)
    assert heard == []
    drained(inbox, lane)
    assert heard == [0, 1, 4, 9, 16]


@pytest.mark.parametrize("raised", [RuntimeError("CUDA"), MemoryError(), KeyError("k"), SystemExit])
def test_whatever_a_job_raises_is_heard_and_the_next_job_still_runs(inbox, lane, raised):
    heard = []

    def fail():
        raise raised

    lane.submit(fail, heard.append, lambda error: heard.append(type(error)))
    lane.submit(lambda: "next", heard.append, heard.append)
    drained(inbox, lane)
    assert heard == [raised if isinstance(raised, type) else type(raised), "next"]


def test_an_inbox_wakes_the_window_from_the_thread_that_posts(inbox, lane):
    woken = []
    inbox.wake = lambda: woken.append(threading.current_thread().name)
    lane.submit(lambda: None, lambda _: None, lambda _: None)
    drained(inbox, lane)
    assert woken == ["test"]


def test_a_closed_lane_ends_its_thread_and_takes_nothing_more(inbox):
    lane = Lane("short", inbox)
    lane.submit(lambda: None, lambda _: None, lambda _: None)
    lane.close()
    lane.submit(lambda: None, lambda _: None, lambda _: None)
    assert "short" not in [thread.name for thread in threading.enumerate()]


class Walker:
    """A thread that passes a gate again and again, and counts."""

    def __init__(self, gate):
        self.gate, self.passed, self.sent = gate, 0, []
        self.thread = threading.Thread(target=self.walk)

    def walk(self):
        try:
            while True:
                self.sent.append(self.gate.enter())
                self.passed += 1
                time.sleep(0.001)
        except StopAsked:
            pass

    def settled(self):
        end = time.monotonic() + 5
        while not self.gate.waiting and time.monotonic() < end:
            time.sleep(0.001)
        return self.passed


@pytest.fixture
def walker():
    walker = Walker(Gate())
    yield walker
    walker.gate.stop()
    walker.thread.join(5)
    assert not walker.thread.is_alive()


def test_pause_holds_step_goes_one_further_and_run_goes_on(walker):
    walker.gate.pause()
    walker.thread.start()
    assert walker.settled() == 0
    walker.gate.step()
    time.sleep(0.02)
    assert walker.settled() == 1
    walker.gate.step()
    time.sleep(0.02)
    assert walker.settled() == 2
    walker.gate.run()
    time.sleep(0.05)
    assert walker.passed > 2


def test_stop_frees_a_walker_that_waits(walker):
    walker.gate.pause()
    walker.thread.start()
    walker.settled()
    walker.gate.stop()
    walker.thread.join(5)
    assert not walker.thread.is_alive()


def test_only_the_newest_settings_reach_the_next_pass(walker):
    walker.gate.pause()
    walker.gate.send(RefineSettings(gamma=0.1))
    walker.gate.send(RefineSettings(gamma=0.2))
    walker.thread.start()
    walker.settled()
    walker.gate.step()
    time.sleep(0.02)
    walker.settled()
    walker.gate.step()
    time.sleep(0.02)
    walker.settled()
    assert walker.sent == [RefineSettings(gamma=0.2), None]
