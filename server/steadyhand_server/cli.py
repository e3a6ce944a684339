"""The command line: `steadyhand lsp`, `check`, `task` and the rest.

Imports are made where a command needs them: `lsp` must answer `initialize` quickly. Whatever a
person can cause ends in a sentence, without a traceback.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

EPILOG = """exit codes: 0 all is well, 1 findings or a task that did not end well, 2 wrong usage or
settings. Settings: STEADYHAND_<NAME> in the environment, or config.toml (see `doctor`)."""


def main(arguments: list[str] | None = None) -> None:
    """Runs one command and exits."""
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["lsp"]:
        # Imports leave no garbage; the server collects again once it has started.
        gc.disable()
        # Nothing else is parsed: editors add flags of their own, such as --stdio.
        from steadyhand_server.app import run_stdio

        _lsp_options(given[1:])
        run_stdio()
        return
    parsed = _parser().parse_args(given)
    from steadyhand_agent.errors import SteadyhandError

    try:
        code = parsed.run(parsed)
    except SteadyhandError as error:
        print(f"steadyhand: {error}", file=sys.stderr)  # noqa: T201
        code = 2
    except KeyboardInterrupt:
        print("steadyhand: stopped.", file=sys.stderr)  # noqa: T201
        code = 130
    except BrokenPipeError:
        # The reader of our output has gone, as `head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 0
    except OSError as error:
        # A folder that may not be read, a disk that is full.
        where = f"{error.filename}: " if error.filename else ""
        print(f"steadyhand: {where}{error.strerror or error}.", file=sys.stderr)  # noqa: T201
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 2
    sys.exit(code)


def _lsp_options(given: list[str]) -> None:
    """`--record FILE` and `--replay FILE` become settings; other flags are editors' own."""
    parser = argparse.ArgumentParser(prog="steadyhand lsp", allow_abbrev=False)
    parser.add_argument("--stdio", action="store_true", help="the default, and the only transport")
    parser.add_argument("--record", metavar="FILE", help="record the next session")
    parser.add_argument("--replay", metavar="FILE", help="play a recorded session as the model")
    known, _ = parser.parse_known_args(given)
    _use(known)


def _use(known: argparse.Namespace) -> None:
    for name in ("record", "replay"):
        if getattr(known, name, None):
            os.environ[f"STEADYHAND_{name.upper()}"] = str(Path(getattr(known, name)).absolute())


def _parser() -> argparse.ArgumentParser:
    import steadyhand_agent
    from steadyhand_server import check, compare, doctor, stats
    from steadyhand_server import terminal_commands as run

    parser = argparse.ArgumentParser(
        prog="steadyhand",
        description="A coding agent in the editor that reuses what exists, remembers, and stops.",
        epilog=EPILOG,
    )
    parser.add_argument(
        "--version", action="version", version=f"steadyhand {steadyhand_agent.__version__}"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, what: str, function: Any) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=what, description=what)
        command.set_defaults(run=function)
        return command

    # For the list of commands; `main` has run it by now.
    add("lsp", "serve an editor on stdio", None)
    what = "list duplicate definitions; exit code 0 for none, 1 for some, 2 for wrong usage"
    check.add_options(add("check", what, check.check))
    task = add("task", "run one task in this folder, in the terminal", run.task)
    task.add_argument("prompt")
    _session_options(task)
    what = "list the sessions of this folder; or search, show, export, import, delete them"
    sessions = add("sessions", what, run.sessions)
    sessions.add_argument(
        "words",
        nargs="*",
        metavar="WORD",
    )
    sessions.add_argument("--path", type=Path, default=Path(), help="the workspace folder")
    resume = add("resume", "go on with a session in the terminal", run.resume)
    resume.add_argument("session")
    resume.add_argument("--rounds", type=int, default=0, help="rounds to add")
    resume.add_argument("--tokens", type=int, default=0, help="tokens to add")
    _session_options(resume)
    what = "tell a session more, and go on with it in the terminal"
    reply = add("reply", what, run.reply)
    reply.add_argument("session")
    reply.add_argument("text", metavar="WORDS", help="what to say to it")
    _session_options(reply)
    _add_decisions(add)
    stats.add_options(
        add("stats", "what the sessions came to: tools, rounds, tokens, refusals", stats.stats)
    )
    trust = add("trust", "let this folder's steadyhand.toml name commands", run.trust)
    trust.add_argument("path", nargs="?", type=Path, default=Path(), metavar="PATH")
    trust.add_argument("--yes", action="store_true", help="do not ask")
    trust.add_argument("--revoke", action="store_true", help="take it back")
    what = "run the same tasks with several models, on copies, and compare"
    compare.add_options(add("compare", what, compare.compare))
    what = "what is configured, reachable, missing, and how to get it"
    asked = add("doctor", what, doctor.doctor)
    asked.add_argument(
        "--root", type=Path, metavar="PATH", help="the folder that is meant; else this one"
    )
    demo = add("demo", "the sample workspace, one guarded task, from finding to undo", run.demo)
    demo.add_argument("--yes", action="store_true", help="apply without asking")
    demo.add_argument("--record", metavar="FILE", help="record the session")
    return parser


def _add_decisions(add: Callable[[str, str, Any], argparse.ArgumentParser]) -> None:
    """The commands that decide about a session's hunks."""
    from steadyhand_server import terminal_commands as run

    whole = "those named, else those accepted, else all that are open"
    for name, what, function, rounds in (
        ("hunks", "list the hunks that a session proposes or has applied", run.hunks, False),
        ("apply", f"apply hunks of a session: {whole}", run.apply, False),
        ("undo", "take back what a session applied, and only that", run.undo, True),
        ("redo", "bring back what was taken back", run.redo, True),
    ):
        command = add(name, what, function)
        command.add_argument("session")
        command.add_argument("--path", type=Path, default=Path(), help="the workspace folder")
        if name != "hunks":
            command.add_argument(
                "--hunk",
                action="append",
                default=[],
                metavar="ID",
                help="a hunk; may be repeated",
            )
        if rounds:
            command.add_argument("--round", type=int, help="the hunks a round had a part in")


def _session_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--yes", action="store_true", help="apply without asking")
    command.add_argument("--path", type=Path, default=Path(), help="the workspace folder")
    command.add_argument("--record", metavar="FILE", help="record the session")
    command.add_argument("--replay", metavar="FILE", help="play a recorded session as the model")


if __name__ == "__main__":
    main()
