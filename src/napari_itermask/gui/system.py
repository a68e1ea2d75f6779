"""Can Qt open a window on this machine, and what does it lack?"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path


def missing_libraries() -> dict[str, str]:
    """Shared libraries Qt needs and cannot find: name -> the Debian/Ubuntu package that has it.

    ``{}`` when nothing is missing, without PyQt6, and on systems other than Linux.
    """
    folder = _pyqt6_folder()
    if sys.platform != "linux" or folder is None:
        return {}
    named = {*unresolved(_what_a_window_loads(folder), folder / "Qt6" / "lib"), _OPENGL}
    # ldd does not know this Python's own search path (conda's, for one); the loader has the word.
    return _packages_of(sorted(name for name in named if not _loads(name)))


def has_display() -> bool:
    """Whether Qt reaches a screen: on Linux it is tried, for a moment, in a process of its own.

    A display that is named but gone makes Qt abort its process, so that no ``except`` helps.
    Needs the libraries: False while ``missing_libraries()`` names some.
    """
    if sys.platform != "linux":
        return True
    if not display_is_named():
        return False
    command = [sys.executable, "-c", _REACH_A_SCREEN]
    try:
        done = subprocess.run(command, check=False, capture_output=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def display_is_named() -> bool:
    """Whether the environment names a display at all; on other systems than Linux always."""
    if sys.platform != "linux":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def install_command(packages: Iterable[str]) -> str:
    """The line a person types to install ``packages`` on Debian or Ubuntu."""
    return f"sudo apt-get install -y {' '.join(sorted(set(packages)))}"


def ensure_libraries(say: Callable[[str], None]) -> bool:
    """Whether Qt has its libraries; as root, apt-get is asked for them first.

    ``say`` is given a sentence for each thing the person should know. Never raises because of apt.
    """
    missing = missing_libraries()
    if not missing:
        return True
    say(f"Qt needs shared libraries that this machine lacks: {', '.join(missing)}.")
    if shutil.which("apt-get") is None:
        packages = " ".join(sorted(set(missing.values())))
        say(f"Install them, then start again. Debian and Ubuntu have them in: {packages}")
        return False
    if not _is_root():
        say(f"Install them, then start again:\n    {_by_hand(missing)}")
        return False
    return _install(say)


def unresolved(files: Sequence[Path], bundled: Path) -> list[str]:
    """Names of the libraries that ``files`` need, directly or not, and the loader cannot find.

    ``bundled`` is a folder that is searched too. Without ldd: a list of the usual suspects.
    """
    if not files:
        return []
    if shutil.which("ldd") is None:
        return list(_USUAL)
    searched = os.pathsep.join(filter(None, [str(bundled), os.environ.get("LD_LIBRARY_PATH")]))
    return not_found(_output(["ldd", *map(str, files)], LD_LIBRARY_PATH=searched))


def not_found(ldd_output: str) -> list[str]:
    """Names that ldd looked for in vain, each once, sorted."""
    return sorted(set(re.findall(r"^\s*(\S+) => not found\s*$", ldd_output, re.MULTILINE)))


def package_names(library: str) -> tuple[str, str]:
    """What Debian and Ubuntu may call the package of ``library``: ("libpng16-16", its t64 name).

    The rule of Debian's policy (8.1), and the few that do not keep to it. Debian 13 and Ubuntu
    24.04 gave some packages the ending t64 when time_t grew to 64 bits.
    """
    name, _, version = library.partition(".so.")
    dash = "-" if name[-1:].isdigit() else ""
    package = _AGAINST_THE_RULE.get(library, f"{name}{dash}{version}".lower().replace("_", "-"))
    return package, f"{package}t64"


_OPENGL = "libGL.so.1"  # vispy, which draws napari's canvas, loads it by name

# What napari and vispy import of Qt, and what each platform's plugin loads to draw with OpenGL.
_MODULES = ("Core", "Gui", "Widgets", "OpenGL", "OpenGLWidgets", "Svg", "Test")
_DRAWING = {
    "xcb": ("xcbglintegrations/*.so",),
    "wayland": (
        "wayland-graphics-integration-client/libqt-plugin-wayland-egl.so",
        "wayland-shell-integration/libxdg-shell.so",
    ),
}

_AGAINST_THE_RULE = {
    "libGLdispatch.so.0": "libglvnd0",
    "libbrotlicommon.so.1": "libbrotli1",
    "libbrotlidec.so.1": "libbrotli1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libz.so.1": "zlib1g",
}

_USUAL = (
    *("libEGL.so.1", "libGL.so.1", "libX11.so.6", "libX11-xcb.so.1", "libICE.so.6", "libSM.so.6"),
    *("libdbus-1.so.3", "libfontconfig.so.1", "libfreetype.so.6", "libglib-2.0.so.0"),
    *("libxkbcommon.so.0", "libxkbcommon-x11.so.0", "libxcb.so.1", "libxcb-cursor.so.0"),
    *("libxcb-glx.so.0", "libxcb-icccm.so.4", "libxcb-image.so.0", "libxcb-keysyms.so.1"),
    *("libxcb-randr.so.0", "libxcb-render.so.0", "libxcb-render-util.so.0", "libxcb-shape.so.0"),
    *("libxcb-shm.so.0", "libxcb-sync.so.1", "libxcb-xfixes.so.0", "libxcb-xkb.so.1"),
)

# A display that cannot be reached ends in abort(): no core file of it in the person's folder.
# "offscreen" and its like draw for nobody: they do not count as a display.
_REACH_A_SCREEN = """
import resource
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
from qtpy.QtGui import QGuiApplication
name = QGuiApplication(["itermask"]).platformName()
raise SystemExit(not name.startswith(("xcb", "wayland")))
"""


def _pyqt6_folder() -> Path | None:
    """Where PyQt6 is installed, without importing it: that is what may fail."""
    spec = find_spec("PyQt6")
    folders = spec.submodule_search_locations if spec else None
    return Path(next(iter(folders))) if folders else None


def _what_a_window_loads(folder: Path) -> list[Path]:
    """The Python modules of Qt that napari imports, and the plugins that put a window on screen."""
    plugins = folder / "Qt6" / "plugins"
    platform = _platform()
    found = [path for name in _MODULES for path in folder.glob(f"Qt{name}.*so")]
    for pattern in (f"platforms/libq{platform}.so", *_DRAWING.get(platform, ())):
        found += plugins.glob(pattern)
    return found


def _platform() -> str:
    """The plugin Qt will draw with; on a desktop that offers both, X11's is its way out."""
    asked = re.match(r"\w*", os.environ.get("QT_QPA_PLATFORM", ""))
    if asked and asked[0]:
        return asked[0]
    only_wayland = os.environ.get("WAYLAND_DISPLAY") and not os.environ.get("DISPLAY")
    return "wayland" if only_wayland else "xcb"


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _packages_of(libraries: Sequence[str]) -> dict[str, str]:
    """Each library's package, by the name that this machine's apt knows."""
    names = {library: package_names(library) for library in libraries}
    known = _known_to_apt([name for both in names.values() for name in both])
    # Where apt knows neither (its lists were never fetched), the old name: new packages provide it.
    return {
        library: next((name for name in both if name in known), both[0])
        for library, both in names.items()
    }


def _known_to_apt(packages: Sequence[str]) -> set[str]:
    if not packages or shutil.which("apt-cache") is None:
        return set()
    policy = _output(["apt-cache", "policy", *packages])
    return set(re.findall(r"^(\S+):\n  Installed: .*\n  Candidate: (?!\(none\))", policy, re.M))


def _install(say: Callable[[str], None]) -> bool:
    """Install what is missing, as root; whether nothing is missing any more."""
    say("You are root here, so apt-get installs them now; this can take a minute.")
    troubles = [_apt_get("update", "-o", "APT::Update::Error-Mode=any")]
    packages = sorted(set(missing_libraries().values()))  # by the names apt has learned just now
    troubles.append(_apt_get("install", "--no-install-recommends", *packages))
    missing = missing_libraries()
    if not missing:
        say(f"Installed {' '.join(packages)}.")
        return True
    reasons = " ".join(filter(None, troubles)) or "apt-get reported success."
    say(f"Still missing: {', '.join(missing)}. {reasons}")
    say(f"Once that is solved, start again, or install them by hand:\n    {_by_hand(missing)}")
    return False


def _apt_get(task: str, *arguments: str) -> str | None:
    """None if apt-get did it, else a sentence that says why not."""
    command = ["apt-get", "-y", "-q", "-o", "DPkg::Lock::Timeout=60", task, *arguments]
    try:
        done = _run(command, timeout=1800, DEBIAN_FRONTEND="noninteractive")
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"apt-get {task} failed: {error}."
    if done.returncode == 0:
        return None
    lines = re.findall(r"^E: (.+)", done.stderr, re.M) or [f"exit status {done.returncode}"]
    return f"apt-get {task} failed: {lines[0].strip().rstrip('.')}."


def _by_hand(missing: dict[str, str]) -> str:
    line = f"sudo apt-get update && {install_command(missing.values())}"
    return line.replace("sudo ", "") if _is_root() else line  # root's container seldom has sudo


def _is_root() -> bool:
    return sys.platform == "linux" and os.geteuid() == 0


def _output(command: list[str], **environment: str) -> str:
    """What a command prints; nothing if it cannot be run."""
    try:
        return _run(command, timeout=60, **environment).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _run(
    command: list[str], timeout: float, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command that asks nothing and answers in English, since its answer is read here."""
    return subprocess.run(
        command,
        check=False,
        env={**os.environ, "LC_ALL": "C", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout,
    )
