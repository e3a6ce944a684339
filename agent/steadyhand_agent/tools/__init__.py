"""What the model may do, one module a tool."""

from __future__ import annotations

from pathlib import Path

from steadyhand_agent import git
from steadyhand_agent.checks import Checks
from steadyhand_agent.ports import Neighbours
from steadyhand_agent.tools.create_file import CreateFile
from steadyhand_agent.tools.delete_file import DeleteFile
from steadyhand_agent.tools.diagnostics import Diagnostics
from steadyhand_agent.tools.edit_file import EditFile
from steadyhand_agent.tools.find_definition import FindDefinition
from steadyhand_agent.tools.find_similar import FindSimilar
from steadyhand_agent.tools.git_blame import GitBlame
from steadyhand_agent.tools.git_diff import GitDiff
from steadyhand_agent.tools.git_log import GitLog
from steadyhand_agent.tools.git_show import GitShow
from steadyhand_agent.tools.git_status import GitStatus
from steadyhand_agent.tools.list_files import ListFiles
from steadyhand_agent.tools.read_file import ReadFile
from steadyhand_agent.tools.references import References
from steadyhand_agent.tools.registry import Registry, Tool
from steadyhand_agent.tools.rename_file import RenameFile
from steadyhand_agent.tools.run_check import RunCheck
from steadyhand_agent.tools.search_text import SearchText
from steadyhand_agent.workspace import Workspace


def registry(
    workspace: Workspace | None = None,
    neighbours: Neighbours | None = None,
    checks: Checks | None = None,
) -> Registry:
    """The tools that can work here, in the order in which the model is shown them.

    The order never changes, so that the head of a prompt stays the same.

    Args:
        workspace: Where git is looked for; without it git's tools are left out.
        neighbours: Whom the editor lets us ask.
        checks: What the person configured.
    """
    answers = neighbours.answers if neighbours is not None else frozenset[str]()
    tools: list[Tool] = [ReadFile(), ListFiles(), SearchText(), FindDefinition(), FindSimilar()]
    if "references" in answers:
        tools.append(References())
    if "diagnostics" in answers:
        tools.append(Diagnostics())
    tools += [EditFile(), CreateFile(), RenameFile(), DeleteFile()]
    if workspace is not None and _in_git(workspace.root):
        tools += [GitStatus(), GitDiff(), GitLog(), GitShow(), GitBlame()]
    if checks is not None and checks.commands:
        tools.append(RunCheck(checks))
    return Registry(tools)


def _in_git(root: Path) -> bool:
    """True where git may have something to say; asked without starting it."""
    return git.available() and any((above / ".git").exists() for above in (root, *root.parents))
