"""Whether a command can be shut in, and how: bubblewrap, without network, with one folder to write.

Owns the flags. Where bubblewrap is missing, or the system does not let it work, nothing is shut in,
and `works` says so: the person is asked instead.
"""

from __future__ import annotations

import functools
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from steadyhand_agent import process

_PROBE_SECONDS = 10.0
# What a command has no business with, below the person's home.
_HIDDEN = (
    ".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".netrc", ".pgpass", ".git-credentials",
    ".npmrc", ".pypirc", ".config/gcloud", ".config/gh", ".config/steadyhand", ".password-store",
    ".local/share/keyrings", ".mozilla", ".config/google-chrome",
    # Other agents and their models.
    ".anthropic", ".config/anthropic", ".claude", ".claude.json", ".codex", ".gemini", ".copilot",
    ".config/github-copilot", ".local/share/opencode", ".config/openai", ".huggingface",
    ".cache/huggingface/token",
    # Registries and build tools; the tools themselves stay where they are.
    ".cargo/credentials", ".cargo/credentials.toml", ".m2/settings.xml",
    ".m2/settings-security.xml", ".gradle/gradle.properties", ".gem/credentials", ".bundle/config",
    ".composer/auth.json", ".config/composer/auth.json", ".config/pip", ".pip", ".config/pypoetry",
    ".yarnrc", ".yarnrc.yml", ".nuget/NuGet/NuGet.Config", ".config/NuGet",
    # Clouds, forges and stores of secrets.
    ".config/git/credentials", ".config/hub", ".config/glab-cli", ".config/op", ".config/sops",
    ".config/rclone", ".config/doctl", ".config/hcloud", ".config/stripe", ".oci", ".s3cfg",
    ".boto", ".terraform.d", ".terraformrc", ".vault-token", ".my.cnf", ".fly", ".config/netlify",
    ".databrickscfg", ".config/containers/auth.json", ".local/share/com.vercel.cli",
    ".config/configstore",
    # What was typed, and other browsers.
    ".bash_history", ".zsh_history", ".python_history", ".psql_history", ".mysql_history",
    ".node_repl_history", ".local/share/fish/fish_history", ".config/chromium",
    ".config/BraveSoftware", ".config/microsoft-edge", ".thunderbird",
)  # fmt: skip


def works() -> bool:
    """True where a command can be shut in; asked of the system once for each bubblewrap."""
    return _works(shutil.which("bwrap") or "")


def wrapped(
    words: Sequence[str],
    root: Path,
    folder: Path,
    linked: Mapping[Path, Path],
    hidden: Sequence[Path] = (),
) -> list[str]:
    """The command, shut in where that works.

    Args:
        words: The command.
        root: Where it runs, somewhere below `folder`.
        folder: What it may write.
        linked: What links in the copy lead to, by link; readable, and no more.
        hidden: What it does not see, but for what is linked and the folder.
    """
    if not works():
        return list(words)
    program = shutil.which("bwrap") or "bwrap"
    return [program, *_flags(folder, linked.values(), hidden), "--chdir", str(root), "--", *words]


@functools.cache
def _works(program: str) -> bool:
    if not program:
        return False
    with tempfile.TemporaryDirectory(prefix="steadyhand-probe-") as name:
        folder = Path(name)
        # Whatever it says, it must be able to write where it may, and nowhere else.
        script = f"touch {folder}/inside && ! touch {Path.home()}/.steadyhand-probe 2>/dev/null"
        try:
            done = process.run(
                [program, *_flags(folder, ()), "--chdir", name, "--", "/bin/sh", "-c", script],
                cwd=folder,
                environment={"PATH": os.environ.get("PATH", os.defpath)},
                timeout=_PROBE_SECONDS,
                limit=10_000,
            )
        except OSError:
            return False
        return done.code == 0 and (folder / "inside").exists()


def _flags(folder: Path, readable: Iterable[Path], hidden: Sequence[Path] = ()) -> list[str]:
    flags = ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
    # Sockets lie in these: a desktop's bus, a container engine, an agent that signs.
    for name in ("/tmp", "/run", "/var/tmp"):  # noqa: S108 - hidden, not used
        if Path(name).is_dir() and not Path(name).is_symlink():
            flags += ["--tmpfs", name]
    for path in (*hidden, *(Path.home() / name for name in _HIDDEN)):
        if path.is_dir():
            flags += ["--tmpfs", str(path)]
        elif path.is_file():
            flags += ["--ro-bind", os.devnull, str(path)]
    for path in readable:
        flags += ["--ro-bind", str(path), str(path)]
    flags += ["--bind", str(folder), str(folder)]
    return [*flags, "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
