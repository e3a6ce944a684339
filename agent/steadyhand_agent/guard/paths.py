"""What a file's name says of it: a place for secrets, or something that other programs obey.

Owns both lists. Files of secrets are closed to tools unless the person's own settings open them;
files that are obeyed may be proposed, but a person is told beside the difference.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

from steadyhand_agent.errors import PathRefused
from steadyhand_agent.workspace import folded

_SECRET = (
    ".env", ".env.*", "*.env", ".envrc", "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "*.pem",
    "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.ppk", "*.kdbx", ".netrc", "_netrc",
    ".pgpass", ".my.cnf", ".htpasswd", ".git-credentials", ".vault-token", ".dockercfg",
    "credentials.json", "client_secret*.json", "service-account*.json", "service_account*.json",
    "secrets.yml", "secrets.yaml", "secrets.json", "secrets.toml", "*.tfstate", "*.tfvars",
    "kubeconfig",
)  # fmt: skip
_SECRET_PLACES = (
    "*.aws/credentials", "*.docker/config.json", "*.kube/config", "*.ssh/*", "*.gnupg/*",
)  # fmt: skip
# Written to be read: a form to fill in, a public half.
_OPEN = (
    "*.example", "*.sample", "*.template", "*.dist", "*.tpl", "*.pub", "*.example.*", "*.sample.*",
)  # fmt: skip
# Closed only where they hold a token.
_WITH_TOKEN = frozenset({".npmrc", ".pypirc", ".yarnrc", ".yarnrc.yml", "pip.conf", "auth.json"})
_TOKEN = re.compile(
    r"(?im)(?:_authToken|_auth|_password|password|npmAuthToken|npmAuthIdent|token)[\"']?\s*[:=]"
    r"|://[^\s/:@]+:[^\s/@]+@"
)

# `diff --git a/x b/x`, `--- a/x`, `+++ b/x`, `rename from x`; a name with signs is in quotes.
_NAMED_IN_DIFF = re.compile(
    r"(?m)(?:(?:^diff --git |^--- |^\+\+\+ | )\"?[ab]/|^(?:rename|copy) (?:from|to) \"?)"
    r"([^\n]*?)\"?(?= \"?b/|$)"
)

_INSTRUCTS = "coding agents take this file as instructions"
_OBEYED: tuple[tuple[str, str], ...] = (
    (".vscode/*", "VS Code obeys this file (settings, tasks, extensions)"),
    (".idea/*", "the JetBrains editors obey this file"),
    (".nvim.lua", "Neovim runs this file"),
    (".nvimrc", "Neovim runs this file"),
    (".exrc", "Vim runs this file"),
    (".vimrc", "Vim runs this file"),
    ("*.code-workspace", "VS Code obeys this file (settings, tasks, extensions)"),
    (".devcontainer*", "the editor builds and starts a container from this file"),
    (".github/workflows/*", "the CI runs this file, with the repository's own rights"),
    (".github/actions/*", "the CI runs this file, with the repository's own rights"),
    (".github/codeowners", "this file says who must review"),
    (".gitlab-ci.yml", "the CI runs this file"),
    (".circleci/*", "the CI runs this file"),
    (".travis.yml", "the CI runs this file"),
    ("jenkinsfile", "the CI runs this file"),
    ("azure-pipelines.yml", "the CI runs this file"),
    (".ci/*", "the CI runs this file"),
    (".pre-commit-config.yaml", "programs named here run at each commit"),
    (".husky/*", "this file runs at a git command"),
    (".githooks/*", "this file runs at a git command"),
    (".gitmodules", "git fetches what this file names"),
    (".gitattributes", "git may run filters that this file names"),
    (".gitconfig", "git obeys this file"),
    (".npmrc", "the package manager obeys this file"),
    (".yarnrc*", "the package manager obeys this file"),
    ("pip.conf", "the package manager obeys this file"),
    (".cargo/config*", "cargo obeys this file"),
    (".mise.toml", "tools named here run when the folder is entered"),
    ("steadyhand.toml", "Steadyhand's own settings for this workspace"),
    (".steadyhand*", "Steadyhand's own settings for this workspace"),
    ("agents.md", _INSTRUCTS),
    ("claude.md", _INSTRUCTS),
    ("gemini.md", _INSTRUCTS),
    (".cursorrules", _INSTRUCTS),
    (".cursor/*", _INSTRUCTS),
    (".claude/*", _INSTRUCTS),
    (".github/copilot-instructions.md", _INSTRUCTS),
)


def refuse_secret(path: str, allowed: Sequence[str] = (), text: str | None = None) -> None:
    """Refuses a file that looks as if it held secrets.

    Args:
        path: Below the workspace.
        allowed: Globs that the person's own settings open.
        text: What it holds, where that is known already.

    Raises:
        PathRefused: It does, and nothing opens it.
    """
    if not _looks_secret(path, text) or any(_matches(path, glob) for glob in allowed):
        return
    raise PathRefused(
        f"`{path}` looks like a file of secrets, so no tool reads or changes it. Do without it, or "
        "finish and say what the person should put there; they can open it with "
        "`allow_secret_files` in their own settings."
    )


def without_secret_files(diff: str, allowed: Sequence[str] = ()) -> str:
    """A unified diff of git's without the parts of files that look as if they held secrets."""
    # `diff --git`, but also `diff --cc` and `diff --combined`.
    first, *parts = re.split(r"(?m)^(?=diff --)", diff)
    kept = [first]
    for part in parts:
        head = part.partition("\n@@")[0]
        names = _NAMED_IN_DIFF.findall(head)
        closed = [name for name in names if _looks_secret(name, part)]
        if not names:
            kept.append("[a diff is left out: its header does not tell whose it is]\n")
        elif any(not any(_matches(name, glob) for glob in allowed) for name in closed):
            kept.append(
                f"[the diff of `{closed[-1]}` is left out: it looks like a file of secrets]\n"
            )
        else:
            kept.append(part)
    return "".join(kept)


def remark(path: str, conventions: Sequence[str] = ()) -> str:
    """What a person should know before this file changes; empty for most.

    Args:
        path: Below the workspace.
        conventions: What files are called that a session of ours begins with.
    """
    names = folded(path).split("/")
    for at in range(len(names)):
        inside = "/".join(names[at:])
        for glob, why in _OBEYED:
            if fnmatchcase(inside, glob):
                return f"{path}: {why}."
    if names[-1] in map(folded, conventions):
        return f"{path}: {_INSTRUCTS}."
    return ""


def _looks_secret(path: str, text: str | None) -> bool:
    whole = folded(path)
    name = whole.rpartition("/")[2]
    if any(fnmatchcase(name, glob) for glob in _OPEN):
        return False
    if any(fnmatchcase(name, glob) for glob in _SECRET):
        return True
    if any(fnmatchcase(whole, glob) for glob in _SECRET_PLACES):
        return True
    return name in _WITH_TOKEN and text is not None and bool(_TOKEN.search(text))


def _matches(path: str, glob: str) -> bool:
    name = path.rpartition("/")[2]
    return fnmatchcase(path, glob) or fnmatchcase(name, glob)
