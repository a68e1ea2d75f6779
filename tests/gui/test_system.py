"""Does the check for Qt's libraries and display tell the truth about this machine?"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from napari_itermask.gui.system import install_command, missing_libraries, not_found, package_names

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks at Linux's shared libraries")
with_qt = pytest.mark.skipif(find_spec("PyQt6") is None, reason="PyQt6 is not installed")
as_root = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="apt-get is only called by root"
)

# ldd on PyQt6 6.11's libqxcb.so and QtGui.abi3.so, Debian 12 with some libraries taken away
LDD = """/venv/PyQt6/Qt6/plugins/platforms/libqxcb.so:
\tlinux-vdso.so.1 (0x00007ffd3b5f0000)
\tlibQt6XcbQpa.so.6 => /venv/PyQt6/Qt6/lib/libQt6XcbQpa.so.6 (0x00007f0d1a400000)
\tlibxcb-icccm.so.4 => not found
\tlibxcb-keysyms.so.1 => not found
\tlibxcb.so.1 => /lib/x86_64-linux-gnu/libxcb.so.1 (0x00007f0d1a3d0000)
\t/lib64/ld-linux-x86-64.so.2 (0x00007f0d1a9f2000)
\tlibxcb-icccm.so.4 => not found
/venv/PyQt6/QtGui.abi3.so:
\tlibEGL.so.1 => not found
\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f0d19a00000)
/lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by /venv/x.so)
"""


def python(code: str, path: Path | None = None, /, **environment: str) -> str:
    """What ``code`` prints in a fresh Python that shares this one's packages."""
    places = [str(path)] if path else []
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places + sys.path), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


IMPORT = "from importlib.util import find_spec\nfrom napari_itermask.gui.system import *\n"
MISSING = IMPORT + "print(*missing_libraries().items())"
ENSURE = IMPORT + "print(ensure_libraries(print))"
HAS_DISPLAY = IMPORT + "print(has_display())"


@pytest.fixture
def broken_qt() -> Iterator[Path]:
    """A folder with a PyQt6 whose QtCore needs libgone.so.7, moved to "gone"; all may read it."""
    compiler = shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("needs gcc, to build a library that lacks another")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # pytest's own folders are root's alone, and one test is nobody
        libraries = folder / "PyQt6" / "Qt6" / "lib"
        libraries.mkdir(parents=True)
        (folder / "PyQt6" / "__init__.py").write_text("raise ImportError('must not be imported')")
        gone, core = libraries / "libgone.so.7", folder / "PyQt6" / "QtCore.abi3.so"
        source = folder / "empty.c"
        source.touch()
        shared = [compiler, "-shared", "-Wl,--no-as-needed", str(source)]
        subprocess.run([*shared, f"-Wl,-soname,{gone.name}", "-o", str(gone)], check=True)
        subprocess.run([*shared, str(gone), "-o", str(core)], check=True)
        gone.rename(folder / "gone")
        yield folder


@pytest.fixture
def apt_get(broken_qt: Path) -> Path:
    """A stand-in for apt-get at the front of a PATH: it does what the test writes into it."""
    script = broken_qt / "bin" / "apt-get"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\nexit 0\n")
    script.chmod(0o755)
    return script


def path_with(script: Path) -> str:
    return f"{script.parent}{os.pathsep}{os.environ['PATH']}"


def test_importing_it_imports_neither_qt_nor_napari_nor_torch() -> None:
    heavy = "{'PyQt6', 'qtpy', 'napari', 'torch', 'vispy'}"
    assert python(f"{IMPORT}import sys; print({heavy} & set(sys.modules))") == "set()"


def test_ldd_names_each_missing_library_once() -> None:
    assert not_found(LDD) == ["libEGL.so.1", "libxcb-icccm.so.4", "libxcb-keysyms.so.1"]


@pytest.mark.parametrize(
    ("library", "package"),
    [
        ("libEGL.so.1", "libegl1"),
        ("libX11-xcb.so.1", "libx11-xcb1"),
        ("libdbus-1.so.3", "libdbus-1-3"),
        ("libxkbcommon-x11.so.0", "libxkbcommon-x11-0"),
        ("libgssapi_krb5.so.2", "libgssapi-krb5-2"),
        ("libglib-2.0.so.0", "libglib2.0-0"),
    ],
)
def test_a_librarys_package_is_named_as_debian_names_it(library: str, package: str) -> None:
    assert package_names(library) == (package, package + "t64")


@linux
@with_qt
def test_what_qt_loads_here_comes_from_the_packages_we_would_name() -> None:
    if shutil.which("dpkg") is None or shutil.which("ldd") is None:
        pytest.skip("asks dpkg which package brought each library")
    places = find_spec("PyQt6").submodule_search_locations  # type: ignore[union-attr]
    folder = Path(places[0])  # type: ignore[index]
    files = [folder / "QtGui.abi3.so", *folder.glob("Qt6/plugins/platforms/libqxcb.so")]
    lines = printed("ldd", *map(str, files)).split("\n")
    used = {line.split()[0] for line in lines if " => /" in line and "PyQt6" not in line}
    owners = installed_from(used)
    wrong = {name: owners[name] for name in owners if owners[name] not in package_names(name)}
    assert "libX11.so.6" in owners
    assert wrong == {}


def installed_from(libraries: set[str]) -> dict[str, str]:
    """The Debian package that brought each library; without the C library's own."""
    lines = printed("dpkg", "-S", *(f"*/{name}" for name in libraries)).splitlines()
    owners = {place.rpartition("/")[2]: package for package, _, place in map(parted, lines)}
    return {name: package for name, package in owners.items() if package != "libc6"}


def parted(line: str) -> tuple[str, str, str]:
    """A line of dpkg -S: package, architecture, place."""
    owner, _, place = line.partition(": ")
    package, _, architecture = owner.partition(":")
    return package, architecture, place


def printed(*command: str) -> str:
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout


@linux
@with_qt
def test_qt_loads_where_nothing_is_missing_and_fails_where_something_is() -> None:
    imports = [sys.executable, "-c", "import PyQt6.QtGui, PyQt6.QtWidgets, PyQt6.QtOpenGLWidgets"]
    done = subprocess.run(imports, check=False, capture_output=True, text=True)
    missing = missing_libraries()
    if done.returncode == 0:
        assert not {"libEGL.so.1", "libGL.so.1", "libglib-2.0.so.0"} & set(missing)
    else:
        assert any(name in done.stderr for name in missing)


def test_without_pyqt6_nothing_is_missing() -> None:
    without = "import sys; sys.path = [p for p in sys.path if not p.endswith('-packages')]\n"
    assert python(f"{IMPORT}{without}print(find_spec('PyQt6'), missing_libraries())") == "None {}"


def test_a_library_that_is_gone_is_named_with_its_package(broken_qt: Path) -> None:
    assert "('libgone.so.7', 'libgone7')" in python(MISSING, broken_qt)


def test_a_library_that_pyqt6_brings_itself_is_not_missing(broken_qt: Path) -> None:
    (broken_qt / "gone").rename(broken_qt / "PyQt6" / "Qt6" / "lib" / "libgone.so.7")
    assert "libgone" not in python(MISSING, broken_qt)


def test_without_ldd_the_usual_libraries_are_tried_one_by_one(broken_qt: Path) -> None:
    code = f"{IMPORT}print(*missing_libraries())"
    for name in python(code, broken_qt, PATH=str(broken_qt)).split():
        assert name != "libgone.so.7"  # only ldd can tell
        with pytest.raises(OSError, match=name):
            ctypes.CDLL(name)


def test_the_command_is_one_line_with_each_package_once() -> None:
    assert install_command(["libgl1", "libegl1", "libgl1"]) == (
        "sudo apt-get install -y libegl1 libgl1"
    )


def test_a_person_who_is_not_root_is_told_the_exact_command(broken_qt: Path, apt_get: Path) -> None:
    become_nobody = "import os\nif os.geteuid() == 0: os.setuid(65534)\n"
    code = IMPORT + become_nobody + "print(ensure_libraries(print))"
    said = python(code, broken_qt, PATH=path_with(apt_get))
    assert "this machine lacks" in said
    assert "libgone.so.7" in said
    assert "    sudo apt-get update && sudo apt-get install -y " in said
    assert "libgone7" in said
    assert said.endswith("False")


def test_without_apt_get_the_packages_are_named(broken_qt: Path) -> None:
    tools = broken_qt / "bin"
    tools.mkdir()
    for tool in ("ldd", "sh", "bash", "cat"):
        if place := shutil.which(tool):
            (tools / tool).symlink_to(place)
    said = python(ENSURE, broken_qt, PATH=str(tools))
    assert "Debian and Ubuntu have them in: " in said
    assert "libgone7" in said
    assert said.endswith("False")


@as_root
def test_what_apt_get_fails_at_is_said_and_nothing_is_raised(
    broken_qt: Path, apt_get: Path
) -> None:
    apt_get.write_text('#!/bin/sh\necho "E: Unable to locate package libgone7" >&2\nexit 100\n')
    said = python(ENSURE, broken_qt, PATH=path_with(apt_get))
    assert "apt-get install failed: Unable to locate package libgone7." in said
    assert "Still missing: " in said
    assert said.endswith("False")


@as_root
def test_root_gets_the_libraries_installed_without_a_question(
    broken_qt: Path, apt_get: Path
) -> None:
    target = broken_qt / "PyQt6" / "Qt6" / "lib" / "libgone.so.7"
    apt_get.write_text(
        f'#!/bin/sh\necho "$DEBIAN_FRONTEND $@" >> {broken_qt}/calls\n'
        f'case "$*" in *install*libgone7*) mv {broken_qt}/gone {target};; esac\n'
    )
    said = python(ENSURE, broken_qt, PATH=path_with(apt_get))
    update, install = (broken_qt / "calls").read_text().splitlines()
    assert update.startswith("noninteractive -y")
    assert " update" in update
    assert install.startswith("noninteractive -y")
    assert " install --no-install-recommends " in install
    if "Still missing" not in said:  # libGL.so.1 may be missing here for real
        assert said.endswith("True")
    assert "libgone" not in said.partition("Still missing")[2]


@linux
def test_no_display_is_named() -> None:
    assert python(HAS_DISPLAY, DISPLAY="", WAYLAND_DISPLAY="") == "False"


@linux
@pytest.mark.parametrize("variable", ["DISPLAY", "WAYLAND_DISPLAY"])
def test_a_display_that_is_gone_is_no_display_and_no_crash(variable: str, tmp_path: Path) -> None:
    gone = {"DISPLAY": "", "WAYLAND_DISPLAY": "", variable: ":99999"}
    assert python(f"import os; os.chdir({str(tmp_path)!r})\n{HAS_DISPLAY}", **gone) == "False"
    assert list(tmp_path.iterdir()) == []  # no core file


@pytest.fixture
def screen() -> Iterator[str]:
    """The name of a display that is really there."""
    server = shutil.which("Xvfb")
    if server is None or sys.platform != "linux":
        pytest.skip("needs Xvfb, to have a display")
    read, write = os.pipe()
    command = [server, "-displayfd", str(write), "-screen", "0", "640x480x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL) as process:
        os.close(write)
        with os.fdopen(read) as answer:
            yield f":{answer.readline().strip()}"
        process.terminate()


@with_qt
def test_a_display_that_is_there_is_reached(screen: str) -> None:
    if missing_libraries():
        pytest.skip("Qt lacks libraries here")
    here = {"DISPLAY": screen, "WAYLAND_DISPLAY": "", "QT_QPA_PLATFORM": ""}
    assert python(HAS_DISPLAY, **here) == "True"
    assert python(HAS_DISPLAY, **{**here, "QT_QPA_PLATFORM": "offscreen"}) == "False"
