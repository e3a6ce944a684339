"""JavaScript computes after the quick fix what it computed before, as Node itself says."""

from __future__ import annotations

import itertools
import json
import random
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from steadyhand_agent.index.languages import index_text
from steadyhand_agent.proposals.reuse import Code, ReuseRefused, applied, reuse

BODY = "{ const pair = [a, b]; return pair; }"
ESM = (
    ("import {{ mine }} from './old.js';", "mine(1, 2)"),
    ("import {{ mine as m{n} }} from './old.js';", "m{n}(3, 4)"),
    ("import {{ twice, mine }} from './old.js';", "[twice(5), mine(6, 7)]"),
    ("import * as old{n} from './old.js';", "old{n}.mine(8, 9)"),
    ("import * as all{n} from './old.js';", "Object.keys(all{n}).length > 0"),
    ("import {{ mine }} from './again.js';", "mine(10, 11)"),
    ("import {{ mine }} from './everything.js';", "mine(12, 13)"),
    ("import {{ existing }} from './new.js';", "existing(14, 15)"),
    ("const old{n} = await import('./old.js');", "old{n}.mine(16, 17)"),
    ("import {{ mine }} from './old.js';", "((existing) => mine(existing, 1))(18)"),
    ("import {{ mine }} from './old.js';", "({{ mine }}).mine(19, 20)"),
    ("import any{n} from './old.js';", "any{n}(21, 22)"),
)
COMMON = (
    ("const {{ mine }} = require('./old');", "mine(1, 2)"),
    ("const {{ mine: m{n} }} = require('./old');", "m{n}(3, 4)"),
    ("const {{ twice, mine }} = require('./old');", "[twice(5), mine(6, 7)]"),
    ("const old{n} = require('./old');", "old{n}.mine(8, 9)"),
    ("const old{n} = require('./old.js');", "Object.keys(old{n}).length"),
    ("const {{ existing }} = require('./new');", "existing(14, 15)"),
    ("", "require('./old').mine(16, 17)"),
    ("const {{ mine }} = require('./again');", "mine(10, 11)"),
)


def workspace(seed: int) -> dict[str, str]:
    """One small package, of modules or of CommonJS."""
    pick = random.Random(seed)
    common = pick.random() < 0.4
    ways = pick.sample(COMMON if common else ESM, 3)
    # One name is bound once in a file.
    taken: set[str] = set()
    users: list[tuple[str, str]] = []
    for n, (line, value) in enumerate(ways):
        names = {name for name in ("{ mine }", "mine }", "{ existing }") if name in line}
        if names and "mine" in taken:
            continue
        taken |= {"mine"} if names - {"{ existing }"} else set()
        users.append((line.format(n=n), value.format(n=n)))
    lines = [line for line, _ in users]
    values = ", ".join(value for _, value in users)
    twice = "function twice(a) { return mine(mine(a, 1)[0], 2); }\n"
    if common:
        return {
            "package.json": "{}",
            "new.js": f"function existing(a, b) {BODY}\nmodule.exports = {{ existing }};\n",
            "old.js": f"function mine(a, b) {BODY}\n\n{twice}\nmodule.exports = {{ mine, twice }};\n",
            "again.js": "const { mine } = require('./old');\nmodule.exports = { mine };\n",
            "user.js": "\n".join([*lines, f"module.exports.seen = [{values}];", ""]),
        }
    default = any("any" in line for line in lines)
    export = "export default" if default else "export"
    if default:
        lines = [line for line in lines if "any" in line or "new.js" in line]
        values = ", ".join(v for line, v in users if line in lines)
    inline = pick.random() < 0.6 or default
    old = f"{export + ' ' if inline else ''}function mine(a, b) {BODY}\n\nexport {twice}"
    return {
        "package.json": '{"type": "module"}',
        "new.js": pick.choice(
            (
                f"export function existing(a, b) {BODY}\n",
                f"const existing = (a, b) => {BODY};\nexport {{ existing }};\n",
            )
        ),
        "old.js": old if inline else f"{old}export {{ mine }};\n",
        "again.js": "" if default else "export { mine } from './old.js';\n",
        "everything.js": "export * from './old.js';\n",
        "user.js": "\n".join([*lines, f"export const seen = [{values}];", ""]),
    }


def fixed(files: Mapping[str, str]) -> dict[str, str] | None:
    """The workspace after a safe fix; None where there is none."""
    ours, theirs = (
        next(d for d in index_text(path, files[path]).definitions if d.name == name)
        for path, name in (("old.js", "mine"), ("new.js", "existing"))
    )
    try:
        plan = reuse(Code(frozenset(files), dict(files).get), ours, theirs)
    except ReuseRefused:
        return None
    assert plan.safe, plan.checks
    return dict(files) | {path: applied(files[path], edits) for path, edits in plan.edits.items()}


@pytest.mark.editors
def test_modules_compute_what_they_computed(tmp_path: Path) -> None:
    node = shutil.which("node")
    assert node, "node is missing; install Node.js 20 or newer"
    made: list[dict[str, str]] = []
    for seed in itertools.count():
        before = workspace(seed)
        after = fixed(before)
        assert after is not None, before
        for name, files in ((f"{len(made)}-before", before), (f"{len(made)}-after", after)):
            for path, text in files.items():
                target = tmp_path / name / path
                target.parent.mkdir(exist_ok=True)
                target.write_text(text, "utf-8")
        made.append(after)
        if len(made) == 200:
            break
    runner = tmp_path / "run.mjs"
    runner.write_text(
        "const found = {};\n"
        "for (const name of process.argv.slice(2)) {\n"
        "  try {\n"
        "    const user = await import(`./${name}/user.js`);\n"
        "    found[name] = user.seen ?? user.default.seen;\n"
        "  } catch (error) { found[name] = String(error); }\n"
        "}\n"
        "console.log(JSON.stringify(found));\n"
    )
    names = [f"{n}-{when}" for n in range(len(made)) for when in ("before", "after")]
    run = subprocess.run([node, str(runner), *names], capture_output=True, text=True, check=True)
    seen: dict[str, Any] = json.loads(run.stdout)
    for n, after in enumerate(made):
        assert isinstance(seen[f"{n}-before"], list), (seen[f"{n}-before"], after)
        assert seen[f"{n}-after"] == seen[f"{n}-before"], after
        assert "function mine" not in after["old.js"]
