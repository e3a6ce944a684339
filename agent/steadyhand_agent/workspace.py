"""The workspace: its roots, and the only way from a name below them to a path on disk.

Owns the mapping between a workspace path ("pressroom/text.py") and the file system. Never
opens anything outside a root: symlinks, absolute names and `..` that leave are refused.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from steadyhand_agent.errors import PathRefused, ToolFailed, ToolTransient
from steadyhand_agent.guard.visible import stripped

_SURROGATE = re.compile("[\ud800-\udfff]")
_PLAIN = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]*")
# A path in which no rule for names has anything to look for but closed folders.
_PART = r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?<!\.)"
_ORDINARY = re.compile(f"(?:{_PART}/)*{_PART}")

MAX_FILE_BYTES = 1_000_000

# Reasons not to read a file that may be gone at the next attempt.
PASSING = frozenset(
    {
        errno.EAGAIN, errno.EBUSY, errno.EINTR, errno.EMFILE, errno.ENFILE, errno.ENOMEM,
        errno.ESTALE, errno.ETIMEDOUT,
    }
)  # fmt: skip
_HINTS = {
    errno.ENOENT: "there is no such file; `list_files` shows those there are",
    errno.EACCES: "the person has not given permission to read it; go on without it",
    errno.ENOTDIR: "a part of the path is a file, not a folder; `list_files` shows the paths",
    errno.ELOOP: "it is a link that leads nowhere",
    errno.ENAMETOOLONG: "no file can have a name of this length",
}
# What the system says of a path at which nothing stands.
_NOTHING = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})

# A name that begins so is the version control's or the agent's own, whatever its case.
_CLOSED_FOLDERS = frozenset({".git", "git~1", ".hg", ".svn", ".steadyhand"})


class Workspace:
    """The root folders that one editor window has open.

    Attributes:
        roots: Real paths, without repetition, in the editor's order.
        allow_secret_files: Globs of files that tools may read although they look like secrets.
    """

    def __init__(self, roots: list[Path], allow_secret_files: Sequence[str] = ()) -> None:
        self.allow_secret_files = tuple(allow_secret_files)
        real: dict[str, Path] = {}
        for root in roots:
            path = root.expanduser().resolve()
            real.setdefault(str(path), path)
        self.roots = list(real.values())
        names: dict[str, Path] = {}
        for root in self.roots:
            name, n = root.name or "root", 2
            while name in names:
                name, n = f"{root.name}-{n}", n + 1
            names[name] = root
        self._names = names

    @property
    def root(self) -> Path:
        """The first root."""
        return self.roots[0]

    @property
    def id(self) -> str:
        """A name for this workspace that is the same whenever the same folders are open."""
        joined = "\0".join(sorted(str(root) for root in self.roots))
        return hashlib.blake2b(joined.encode(), digest_size=8).hexdigest()

    def name_of(self, path: Path) -> str | None:
        """The workspace path of a file on disk, or None where it is outside every root."""
        for candidate in (lambda: path, path.resolve):
            try:
                found = candidate()
            except (OSError, RuntimeError):
                return None
            for name, root in self._names.items():
                if found.is_relative_to(root):
                    inside = found.relative_to(root).as_posix()
                    return inside if len(self.roots) == 1 else f"{name}/{inside}"
        return None

    def prefix(self, root: Path) -> str:
        """What stands before a path below `root` in its workspace path; empty for a lone root."""
        if len(self.roots) == 1:
            return ""
        return next(name for name, known in self._names.items() if known == root) + "/"

    def split(self, name: str) -> tuple[Path, str]:
        """The root that a workspace path lies in, and the path below that root."""
        if len(self.roots) == 1:
            return self.root, name
        head, _, rest = name.partition("/")
        if head not in self._names:
            raise PathRefused(
                f"`{name}` names no root of this workspace; begin with one of: "
                f"{', '.join(sorted(self._names))}."
            )
        return self._names[head], rest

    def normal(self, name: str) -> str:
        """A workspace path in its one spelling.

        Raises:
            PathRefused: It is absolute, empty, climbs, or names a folder that is closed.
        """
        spelled = name.replace("\\", "/").strip()
        # Control characters and lone surrogates are in no name that a person would see rightly.
        if not spelled.strip() or not _PLAIN.fullmatch(spelled):
            raise PathRefused(f"`{name}` is not a path; name a file below the workspace.")
        pure = PurePosixPath(spelled)
        drive = any(part[1:2] == ":" for part in pure.parts[:2])
        if pure.is_absolute() or drive:
            raise PathRefused(
                f"`{name}` is absolute; paths are relative to the workspace, like `src/app.py`."
            )
        parts = [part for part in pure.parts if part != "."]
        if ".." in parts:
            raise PathRefused(f"`{name}` climbs with `..`; name the file from the workspace root.")
        plain = [folded(part) for part in parts]
        if ".." in plain:
            raise PathRefused(f"`{name}` climbs, if not by its letter; name the file itself.")
        if any(part.rstrip(" .") in _CLOSED_FOLDERS for part in plain):
            raise PathRefused(f"`{name}` lies in a folder that the agent does not touch.")
        if not parts or parts != [part.strip() for part in parts]:
            raise PathRefused(f"`{name}` is not the name of a file in the workspace.")
        return "/".join(parts)

    def locate(self, name: str) -> Path:
        """The real path of a workspace path; it need not exist.

        Raises:
            PathRefused: It leaves its root, through a symlink or otherwise.
        """
        root, inside = self.split(self.normal(name))
        target = root / inside
        try:
            real = target.resolve()
        except RuntimeError as error:
            raise PathRefused(f"`{name}` is a link that leads to itself.") from error
        except OSError as error:
            raise PathRefused(f"`{name}` cannot be resolved: {error.strerror}.") from error
        if real != root and not real.is_relative_to(root):
            raise PathRefused(f"`{name}` leads out of the workspace through a link.")
        if any(folded(part) in _CLOSED_FOLDERS for part in real.relative_to(root).parts):
            raise PathRefused(f"`{name}` leads into a folder that the agent does not touch.")
        return real

    def entry(self, name: str) -> Path:
        """The place of a workspace path itself: where it is a link, the link, not what it names.

        Raises:
            PathRefused: It, or what it leads to, leaves its root.
        """
        self.locate(name)
        root, inside = self.split(self.normal(name))
        target = root / inside
        return target.parent.resolve() / target.name

    def read(self, name: str) -> str:
        """The text of a file on disk.

        Raises:
            PathRefused: The path leaves the workspace.
            ToolFailed: It is no readable UTF-8 text of at most 1 MB.
        """
        return decode(self.read_bytes(name), name)

    def mode(self, name: str) -> int:
        """What kind of file a path leads to, as `stat` has it; 0 where nothing is there.

        Raises:
            PathRefused: The path leaves the workspace.
            ToolFailed: Nobody can tell: a folder above it is closed to this person.
        """
        try:
            return self.locate(name).stat().st_mode
        except OSError as error:
            if error.errno in _NOTHING:
                return 0
            reason = _HINTS.get(error.errno or 0, error.strerror or str(error))
            kind = ToolTransient if error.errno in PASSING else ToolFailed
            raise kind(f"`{name}` cannot be looked at: {reason}.", error.errno) from error

    def present(self, name: str) -> str | None:
        """The text that stands at a path; None where nothing does.

        Raises:
            PathRefused: The path leaves the workspace.
            ToolFailed: What stands there is no readable text.
        """
        return self.read(name) if os.path.lexists(self.entry(name)) else None

    def read_bytes(self, name: str) -> bytes:
        """The bytes of a file on disk, at most 1 MB.

        Raises:
            PathRefused: The path leaves the workspace.
            ToolFailed: There is no such regular file, or it is too large or unreadable.
        """
        return _regular(self.locate(name), name)

    def reader(self) -> Callable[[str], bytes]:
        """Gives what reads as `read_bytes` does, but resolves a folder once: for a look at many."""
        folders: dict[str, str] = {}

        def read(name: str) -> bytes:
            folder, _, last = name.rpartition("/")
            if not _ORDINARY.fullmatch(name) or last.lower() in _CLOSED_FOLDERS:
                return self.read_bytes(name)
            if folder not in folders:
                if not folder and len(self.roots) > 1:
                    return self.read_bytes(name)
                try:
                    folders[folder] = str(self.locate(folder) if folder else self.root)
                except PathRefused:
                    return self.read_bytes(name)  # It is refused for the whole of its name.
            try:
                return _regular(f"{folders[folder]}/{last}", name)
            except ToolFailed:
                # A link is not opened; the long way sees where it leads, or says what is wrong.
                return self.read_bytes(name)

        return read


def _regular(path: Path | str, name: str) -> bytes:
    """The bytes of a regular file, whose folder has been looked at; see `Workspace.read_bytes`."""
    try:
        # O_NONBLOCK: a FIFO in a hostile repository must not hang the reader.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
        try:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                raise ToolFailed(f"`{name}` is a folder or a device, not a regular file.")
            data = os.read(fd, min(status.st_size, MAX_FILE_BYTES) + 1)
            # A read may give less than there is; only nothing is the end.
            while len(data) <= MAX_FILE_BYTES and (more := os.read(fd, MAX_FILE_BYTES)):
                data += more
        finally:
            os.close(fd)
    except OSError as error:
        reason = _HINTS.get(error.errno or 0, error.strerror or str(error))
        kind = ToolTransient if error.errno in PASSING else ToolFailed
        raise kind(f"`{name}` cannot be read: {reason}.", error.errno) from error
    if len(data) > MAX_FILE_BYTES:
        raise ToolFailed(f"`{name}` is larger than 1 MB and is passed over.")
    return data


def folded(name: str) -> str:
    """What a file system may take a name for: some fold case, width and unseen characters."""
    return unicodedata.normalize("NFKC", stripped(name)).casefold()


def decode(data: bytes, name: str) -> str:
    """UTF-8 text with its line endings and byte order mark kept.

    Raises:
        ToolFailed: It is binary or not UTF-8.
    """
    if b"\0" in data:
        raise ToolFailed(f"`{name}` is a binary file.")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ToolFailed(f"`{name}` is not UTF-8 text.") from error


def text_hash(text: str) -> str:
    """The content hash by which snapshots, bases and results are compared."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def is_whole(path: str) -> bool:
    """True for what a model writes where it means the workspace itself."""
    return path.strip() in ("", ".", "./")


def utf8(text: str) -> bytes:
    """A text as UTF-8 in which offsets count; a lone surrogate becomes three bytes of U+FFFD."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        return _SURROGATE.sub("\ufffd", text).encode("utf-8")
