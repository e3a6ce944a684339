"""A quick fix over texts that a test hands in: the plan, and the texts afterwards."""

from collections.abc import Mapping

from steadyhand_agent.index.definitions import Definition
from steadyhand_agent.index.languages import index_text
from steadyhand_agent.proposals.reuse import Code, Plan, applied, reuse


def defined(path: str, text: str, name: str) -> Definition:
    return next(d for d in index_text(path, text).definitions if d.qualified == name)


def planned(
    files: Mapping[str, str], old: str, new: str, gone: str = "mine", kept: str = "existing"
) -> tuple[Plan, dict[str, str]]:
    """The plan, and the texts that it changes as they are afterwards.

    Args:
        files: The workspace.
        old: The file that holds what goes.
        new: The file that holds what is used instead.
        gone: What goes.
        kept: What is used instead.
    """
    code = Code(frozenset(files), dict(files).get)
    plan = reuse(code, defined(old, files[old], gone), defined(new, files[new], kept))
    return plan, {path: applied(files[path], edits) for path, edits in plan.edits.items()}
