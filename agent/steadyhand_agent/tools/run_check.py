"""`run_check`: a command that the person configured, on a copy with the proposal in it."""

from __future__ import annotations

import re
from typing import ClassVar

from pydantic import Field

from steadyhand_agent import sandbox, scratch
from steadyhand_agent.actions import Ask, Permit
from steadyhand_agent.checks import Checks
from steadyhand_agent.errors import ToolFailed
from steadyhand_agent.guard.budget import bounded
from steadyhand_agent.proposals.changes import FileChange
from steadyhand_agent.tools.registry import Arguments, Outcome, ToolContext

# What a terminal would show in colour is noise here.
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\r(?=\n)")
_MOST_DETAILS = 400_000
# Copying a large workspace comes on top of the command's own limit.
_COPY_SECONDS = 60.0


class RunCheckArguments(Arguments):
    """Arguments of `run_check`."""

    check: str = Field(
        min_length=1, description="The name of a check, as listed in this tool's description."
    )


class RunCheck:
    """Runs a check in a scratch copy.

    Args:
        checks: What the person configured; their names are told to the model.
    """

    name: ClassVar[str] = "run_check"
    description: ClassVar[str] = (
        "Runs one of the person's checks on a copy of the workspace with your pending changes in "
        "it, and shows its output and exit code. Run it before you `finish`. Each run is a fresh "
        "copy, without network; a check takes no arguments."
    )
    arguments: ClassVar[type[Arguments]] = RunCheckArguments
    once: ClassVar[bool] = True
    rest: ClassVar[str] = "mend what is shown, and run the check again"

    def __init__(self, checks: Checks) -> None:
        names = ", ".join(f"`{n}` ({command})" for n, command in sorted(checks.commands.items()))
        self.particulars = f" The checks: {names}."
        self.seconds = checks.seconds + _COPY_SECONDS

    def consent(self, arguments: RunCheckArguments, context: ToolContext) -> Permit | Ask:
        """Shut in, it may run; else the person is asked for each new proposal."""
        checks = _configured(context)
        words = checks.words(arguments.check)
        key = checks.key(arguments.check, context.overlay.texts)
        if sandbox.works() or key in context.agreed.keys:
            return Permit()
        return Ask(
            f"Steadyhand wants to run your check `{arguments.check}` ({' '.join(words)}) on a copy "
            "of this workspace with its changes in it. Nothing shuts it in here (bubblewrap is "
            "missing or does not work), so it could do what you can. Run it?",
            _since_the_last_yes(context),
            key,
        )

    def dry_run(self, arguments: RunCheckArguments, context: ToolContext) -> None:
        """Fails where the check is unknown or the workspace too large to be copied."""
        checks = _configured(context)
        checks.words(arguments.check)
        size = scratch.size(context.workspace, context.files)
        if size > checks.most_bytes:
            raise ToolFailed(
                f"The workspace is too large to be copied for a check ({size / 1e6:,.0f} MB; the "
                f"setting `check_megabytes` allows {checks.most_bytes / 1e6:,.0f}). Finish without "
                "it, and say that it was not run."
            )

    def run(self, arguments: RunCheckArguments, context: ToolContext) -> Outcome:
        """The command's output and exit code."""
        checks = _configured(context)
        with scratch.copied(
            context.workspace, context.overlay, context.files, checks.folder, checks.paths
        ) as copy:
            done = checks.run(arguments.check, copy)
            output = done.stdout.decode("utf-8", "replace")
            # The copy's own name tells nothing, and differs from run to run.
            output = output.replace(str(copy.root), ".").replace(str(copy.folder), "<scratch>")
        output = _ESCAPES.sub("", output).strip("\n")
        if done.timed_out:
            head = (
                f"`{arguments.check}` did not end within {checks.seconds:g} s; it was killed with "
                "all it had started. This is no verdict on your changes."
            )
        elif done.code == 0:
            head = f"`{arguments.check}` passed (exit code 0)."
        else:
            head = f"`{arguments.check}` failed (exit code {done.code})."
        # A check that found something wrong has done what it is for.
        broken = done.timed_out or done.code in (126, 127)
        return Outcome(f"{head}\n{output}".rstrip("\n"), error=broken, code=done.code)


def _configured(context: ToolContext) -> Checks:
    if context.checks is None or not context.checks.commands:
        raise ToolFailed("The person configured no checks; finish without one, and say so.")
    return context.checks


def _since_the_last_yes(context: ToolContext) -> str:
    """The diff of the proposal, from what the person last agreed to run."""
    agreed, overlay = context.agreed.texts, context.overlay
    changes = [
        FileChange(path, agreed.get(path, overlay.bases[path]), text)
        for path, text in sorted(overlay.texts.items())
    ]
    diff = "".join(c.diff() for c in changes if c.base != c.new) or "(no change)\n"
    # The question is journaled, and a record holds so much.
    return bounded(diff, _MOST_DETAILS, "look at the proposal for all of it")
