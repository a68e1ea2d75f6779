"""What does one process keep for itself beside the runs, and which processes are gone?

A desk is a hidden folder whose name says which process works there. A clean end removes it: a desk
without its process was left by a crash.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

PREFIX = ".session"
_NAME = re.compile(r"\.session-(?P<id>\w+)-(?P<pid>\d+)-(?P<started>\d+)-(?P<host>.*)")


class Desk:
    """This process's own folder in ``root``, made when it is first needed.

    Attributes
    ----------
    id
        Names this desk among all that ever were.
    """

    def __init__(self, root: Path) -> None:
        self.id = uuid.uuid4().hex[:12]
        own = psutil.Process()
        name = f"{PREFIX}-{self.id}-{own.pid}-{int(own.create_time() * 1000)}-{_host()}"
        self._folder = root / name
        self._pid = own.pid
        self._making = threading.Lock()
        self._writing = threading.RLock()
        self._closed = False

    def open(self) -> Path:
        """The folder; from now on a process that ends without a farewell counts as crashed.

        Raises
        ------
        OSError
            If it cannot be made.
        """
        with self._making:
            if not self._folder.exists():
                self._folder.mkdir(parents=True, exist_ok=True)
                atexit.register(self.close)
            return self._folder

    @contextmanager
    def draft(self) -> Iterator[Path]:
        """The path of a new folder to write in; at the end it is removed if it is still there."""
        with self._writing:
            folder = self.open() / uuid.uuid4().hex
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)
                if self._closed:  # the last run was written while Python was leaving already
                    self.close()

    def close(self) -> None:
        """A clean end: the folder goes, with all that lies in it, once a draft is finished."""
        if os.getpid() != self._pid:  # a fork of the process that works here
            return
        with self._writing:
            self._closed = True
            shutil.rmtree(self._folder, ignore_errors=True)


def left_behind(root: Path) -> dict[str, Path]:
    """The desks in ``root`` whose process on this machine is gone: their ids and folders.

    Of desks of other machines that share the folder nothing is known, so they count as in use.
    """
    found = {}
    for folder in root.glob(f"{PREFIX}-*"):
        parts = _NAME.fullmatch(folder.name)
        if parts is None or parts["host"] != _host():
            continue
        if not _lives(int(parts["pid"]), int(parts["started"])):
            found[parts["id"]] = folder
    return found


def empty(folder: Path) -> None:
    """Remove what lies in the desk of a process that is gone; the desk stays, as its mark."""
    with suppress(FileNotFoundError):  # another window was quicker
        for inside in folder.iterdir():
            shutil.rmtree(inside, ignore_errors=True)


def _lives(pid: int, started: int) -> bool:
    """Whether the process of that number is still the one that began then (ms)."""
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() * 1000 - started) < 2000
        return bool(same and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def _host() -> str:
    return re.sub(r"[^\w-]", "_", socket.gethostname())
