"""The quick fix in JavaScript and TypeScript: imports in each file's style, and who else is told."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

import planned_reuse
from steadyhand_agent.index.languages import index_text
from steadyhand_agent.proposals.reuse import Code, Plan, ReuseRefused, reuse

BODY = "{\n  const sum = a + b;\n  return [a, b, sum];\n}"
EXISTING = f"export function existing(a, b) {BODY}\n"
MINE = f"function mine(a, b) {BODY}\n"


def planned(
    files: Mapping[str, str], *, old: str = "src/old.js", new: str = "src/new.js", **how: str
) -> tuple[Plan, dict[str, str]]:
    return planned_reuse.planned(files, old, new, **how)


def changed(more: Mapping[str, str], **how: str) -> dict[str, str]:
    """The texts after a safe fix."""
    plan, after = planned({"src/new.js": EXISTING} | dict(more), **how)
    assert plan.checks == ()
    return after


def alone(text: str, new: str = EXISTING, **how: str) -> str:
    return changed({"src/old.js": text, "src/new.js": new}, **how)["src/old.js"]


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        pytest.param("", 'import { existing } from "./new.js";\n\n', id="nothing"),
        pytest.param("import x from './x';\n", "import x from './x';\nimport { existing } from './new';\n", id="quotes, no suffix"),
        pytest.param('import x from "./x.js"\n', 'import x from "./x.js"\nimport { existing } from "./new.js"\n', id="suffix, no semicolon"),
        pytest.param("import { other } from './new';\n", "import { other, existing } from './new';\n", id="beside another name"),
        pytest.param("import {\n  other,\n} from './new';\n", "import {\n  other,\n  existing,\n} from './new';\n", id="on a line of its own"),
        pytest.param("#!/usr/bin/env node\n'use strict';\n\nimport fs from 'fs';\n", "#!/usr/bin/env node\n'use strict';\n\nimport fs from 'fs';\nimport { existing } from './new.js';\n", id="below directives"),
        pytest.param("/* licence */\n\n", '/* licence */\n\nimport { existing } from "./new.js";\n\n', id="below a licence"),
        pytest.param("const fs = require('fs');\n", "const fs = require('fs');\nimport { existing } from './new';\n", id="mixed"),
    ],
)  # fmt: skip
def test_where_the_import_goes(head: str, expected: str) -> None:
    if "require" in head:
        with pytest.raises(ReuseRefused, match="CommonJS"):
            alone(f"{head}\n{MINE}\nuse(mine(1, 2));\n")
        return
    gap = "" if expected.endswith("\n\n") else "\n"
    text = f"{head}{gap if head else ''}{MINE}\nuse(mine(1, 2));\n"
    assert alone(text) == f"{expected}{gap}use(existing(1, 2));\n"


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        pytest.param(f"module.exports = {{ existing }};\n\nfunction existing(a, b) {BODY}\n", "const { existing } = require('./new');\n", id="listed"),
        pytest.param(f"exports.existing = function (a, b) {BODY};\n", "const { existing } = require('./new');\n", id="assigned"),
        pytest.param(f"function existing(a, b) {BODY}\nmodule.exports.other = existing;\n", "const { other: existing } = require('./new');\n", id="under another name"),
        pytest.param(f"function existing(a, b) {BODY}\nmodule.exports = existing;\n", "const existing = require('./new');\n", id="alone"),
    ],
)  # fmt: skip
def test_commonjs(new: str, expected: str) -> None:
    text = f"const fs = require('fs');\n\n{MINE}\nmodule.exports = () => mine(1, 2);\n"
    assert alone(text, new) == f"const fs = require('fs');\n{expected}\nmodule.exports = () => existing(1, 2);\n"  # fmt: skip


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (f"const existing = (a, b) => {BODY};\nexport {{ existing }};\n", "{ existing }"),
        (f"const existing = (a, b) => {BODY};\nexport {{ existing as sum }};\n", "{ sum as existing }"),
        (f"export default function existing(a, b) {BODY}\n", "existing"),
        (f"function existing(a, b) {BODY}\nexport default existing;\n", "existing"),
        (f"export const existing = function (a, b) {BODY};\n", "{ existing }"),
    ],
)  # fmt: skip
def test_how_the_existing_one_is_exported(new: str, expected: str) -> None:
    assert alone(f"{MINE}\nuse(mine(1, 2));\n", new) == (
        f'import {expected} from "./new.js";\n\nuse(existing(1, 2));\n'
    )


def test_what_is_not_exported_cannot_be_imported() -> None:
    with pytest.raises(ReuseRefused, match="not exported"):
        alone(f"{MINE}\nuse(mine(1, 2));\n", f"function existing(a, b) {BODY}\n")


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        ("use(mine, a.mine, { mine: 1 }, 'mine');", "use(existing, a.mine, { mine: 1 }, 'mine');"),
        ("use({ mine });", "use({ mine: existing });"),
        ("const x = `${mine(1, 2)} mine`;", "const x = `${existing(1, 2)} mine`;"),
        ("class A { mine() { return mine(1, 2); } }", "class A { mine() { return existing(1, 2); } }"),
    ],
)  # fmt: skip
def test_uses_are_renamed_and_properties_are_not(use: str, expected: str) -> None:
    assert alone(f"{MINE}\n{use}\n").endswith(f"\n\n{expected}\n")


@pytest.mark.parametrize(
    "use",
    [
        "const f = (existing) => mine(existing, 1);",
        "const f = ({ existing }) => mine(existing, 1);",
        "function f() { const existing = 1; return mine(existing, 2); }",
        "const f = (mine) => mine; use(mine(1, 2));",
        "for (const existing of mine(1, 2)) use(existing);",
        "try { mine(1, 2); } catch (existing) { use(existing); }",
    ],
)
def test_where_a_rename_could_catch_another_the_old_name_stays(use: str) -> None:
    result = alone(f"{MINE}\n{use}\n")
    assert result == f'import {{ existing as mine }} from "./new.js";\n\n{use}\n'


def test_documentation_and_blank_lines_go_with_the_definition() -> None:
    text = f"const a = 1;\n\n/**\n * Mine.\n */\n{MINE}\n\nuse(a);\nconst b = mine(1, 2);\n"
    result = alone(text)
    assert result.endswith("\nconst a = 1;\n\nuse(a);\nconst b = existing(1, 2);\n")
    assert "Mine." not in result


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("import { mine } from './old';\nuse(mine(1, 2));\n", "import { existing } from './new';\nuse(existing(1, 2));\n", id="named"),
        pytest.param("import { mine as m } from './old';\nuse(m(1, 2));\n", "import { existing as m } from './new';\nuse(m(1, 2));\n", id="aliased"),
        pytest.param("import { mine, x } from './old';\nuse(mine(1, 2), x);\n", "import { x } from './old';\nimport { existing } from './new';\nuse(existing(1, 2), x);\n", id="of two"),
        pytest.param("import { x, mine } from \"./old.js\"\nuse(mine(1, 2), x)\n", "import { x } from \"./old.js\"\nimport { existing } from \"./new.js\"\nuse(existing(1, 2), x)\n", id="last of two"),
        pytest.param("import * as old from './old';\nuse(old.mine(1, 2), old.x);\n", "import * as old from './old';\nimport { existing } from './new';\nuse(existing(1, 2), old.x);\n", id="namespace"),
        pytest.param("export { mine } from './old';\n", "export { existing as mine } from './new';\n", id="passed on"),
        pytest.param("export { mine as m, x } from './old';\n", "export { x } from './old';\nexport { existing as m } from './new';\n", id="passed on under another name"),
        pytest.param("import { mine } from './old';\nimport { existing } from './new';\nuse(mine(1, 2), existing);\n", "import { existing } from './new';\nuse(existing(1, 2), existing);\n", id="both"),
        pytest.param("import { mine } from './old';\nexport { mine };\n", "import { existing as mine } from './new';\nexport { mine };\n", id="exported again"),
    ],
)  # fmt: skip
def test_another_file_is_told(text: str, expected: str) -> None:
    after = changed({"src/old.js": f"export {MINE}export const x = 1;\n", "src/main.js": text})
    assert after == {"src/old.js": "export const x = 1;\n", "src/main.js": expected}


def test_another_file_is_told_in_commonjs() -> None:
    after = changed(
        {
            "src/new.js": f"function existing(a, b) {BODY}\nmodule.exports = {{ existing }};\n",
            "src/old.js": f"{MINE}\nmodule.exports = {{ mine, x: 1 }};\n",
            "src/a.js": "const { mine } = require('./old');\nuse(mine(1, 2));\n",
            "src/b.js": "const { x, mine: m } = require('./old');\nuse(m(1, 2), x);\n",
            "src/c.js": "const old = require('./old');\nuse(old.mine(1, 2));\n",
            "src/d.js": "use(require('./old').mine(1, 2));\n",
        }
    )
    assert after["src/old.js"] == (
        "const { existing: mine } = require('./new');\n\nmodule.exports = { mine, x: 1 };\n"
    )
    assert after["src/a.js"] == "const { existing } = require('./new');\nuse(existing(1, 2));\n"
    assert after["src/b.js"] == (
        "const { x } = require('./old');\nconst { existing: m } = require('./new');\nuse(m(1, 2), x);\n"
    )
    assert after["src/c.js"] == (
        "const old = require('./old');\nconst { existing } = require('./new');\nuse(existing(1, 2));\n"
    )
    assert set(after) == {"src/old.js", "src/a.js", "src/b.js", "src/c.js"}


@pytest.mark.parametrize(
    "user",
    [
        pytest.param("export * from './old';\n", id="all passed on"),
        pytest.param("import('./old').then((old) => old.mine(1, 2));\n", id="dynamic"),
        pytest.param("import { mine } from '@/old';\nmine(1, 2);\n", id="alias of a bundler"),
        pytest.param("import * as old from './old';\nuse(old);\n", id="namespace as a value"),
        pytest.param("import { mine } from './old';\njest.mock('./old');\nmine(1, 2);\n", id="mocked"),
        pytest.param("import * as old from './old';\njest.spyOn(old, 'mine');\n", id="spied on"),
    ],
)  # fmt: skip
def test_what_cannot_be_rewritten_finds_the_name_where_it_was(user: str) -> None:
    after = changed({"src/old.js": f"export {MINE}\nuse(mine(1, 2));\n", "src/main.js": user})
    assert set(after) == {"src/old.js"}
    assert 'import { existing as mine } from "./new' in after["src/old.js"].replace("'", '"')
    assert "export { mine };\n" in after["src/old.js"]


def test_an_export_that_nobody_here_takes_stays() -> None:
    result = alone(f"const a = 1;\n\nexport {MINE}")
    assert result == 'const a = 1;\n\nexport { existing as mine } from "./new.js";\n'
    result = alone(f"export default {MINE}")
    assert result == 'export { existing as default } from "./new.js";\n'


def test_default_imports_are_followed() -> None:
    after = changed(
        {
            "src/old.js": f"export default {MINE}",
            "src/main.js": "import any from './old';\nany(1, 2);\n",
        }
    )
    assert after["src/main.js"] == "import { existing as any } from './new';\nany(1, 2);\n"


def test_typescript_and_its_suffixes() -> None:
    new = "export function existing(a: number, b: number): number[] " + BODY + "\n"
    files = {
        "src/new.ts": new,
        "src/lib/old.ts": f"export const mine = (a: number, b: number) => {BODY};\n",
        "src/app.tsx": "import { mine, type T } from './lib/old.js';\n\nexport const A = () => <B x={mine(1, 2)} />;\n",
        "src/lib/index.ts": "export { mine } from './old.js';\n",
    }
    plan, after = planned(files, old="src/lib/old.ts", new="src/new.ts")
    assert plan.safe
    assert after["src/app.tsx"] == (
        "import { type T } from './lib/old.js';\nimport { existing } from './new.js';\n\n"
        "export const A = () => <B x={existing(1, 2)} />;\n"
    )
    assert after["src/lib/index.ts"] == "export { existing as mine } from '../new.js';\n"


def test_a_folder_is_named_as_others_name_folders() -> None:
    files = {
        "src/text/index.ts": EXISTING,
        "src/old.ts": f"import {{ z }} from './z';\n\n{MINE}\nuse(mine(z, 2));\n",
    }
    _, after = planned(files, old="src/old.ts", new="src/text/index.ts")
    assert after["src/old.ts"].startswith(
        "import { z } from './z';\nimport { existing } from './text';\n"
    )


def test_a_circle_is_refused_and_one_of_types_is_none() -> None:
    text = f"{MINE}\nuse(mine(1, 2));\n"
    for head in (
        "import './old';\n",
        "import { x } from './between';\n",
        "export * from './old.js';\n",
    ):
        with pytest.raises(ReuseRefused, match="circular"):
            changed(
                {
                    "src/old.js": text,
                    "src/new.js": head + EXISTING,
                    "src/between.js": "import './old';\n",
                }
            )
    files = {"src/old.ts": text, "src/new.ts": f"import type {{ T }} from './old';\n{EXISTING}"}
    plan, _ = planned(files, old="src/old.ts", new="src/new.ts")
    assert plan.safe


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("import { help } from './h';\n", "import { help } from './h.js';\n", True),
        ("import { help } from './h';\n", "import { help } from './i';\n", False),
        ("import { help } from './again';\n", "import { help } from './h';\n", True),
        ("const help = 'x';\n", "const help = 'x';\n", True),
        ("const help = 'x';\n", "const help = 'y';\n", False),
        ("const help = {};\n", "const help = {};\n", False),
        ("function help(a) { return a; }\n", "function help(a) { return a; }\n", True),
        ("import help from 'lib';\n", "import help from 'lib';\n", True),
        ("import help from 'lib';\n", "import help from 'bil';\n", False),
    ],
)
def test_names_that_the_body_reads_mean_the_same_in_both(old: str, new: str, same: bool) -> None:
    body = "{ return help(a, Math.PI); }\n"
    files = {
        "src/h.js": "export const help = 1;\n",
        "src/i.js": "export const help = 2;\n",
        "src/again.js": "export { help } from './h';\n",
        "src/old.js": f"{old}function mine(a) {body}use(mine(1));\n",
        "src/new.js": f"{new}export function existing(a) {body}",
    }
    plan, _ = planned(files)
    assert plan.checks == (() if same else ("`help` may be another in src/new.js than here.",))


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        ("use(mine(1, 2));", "use(existing(2, 1));"),
        ("use(mine(x, 'y'));", "use(existing('y', x));"),
    ],
)
def test_arguments_follow_their_parameters(use: str, expected: str) -> None:
    other = f"export function existing(b, a) {BODY}\n"
    assert alone(f"{MINE}\n{use}\n", other).endswith(f"\n\n{expected}\n")


@pytest.mark.parametrize(
    "use", ["use(mine(f(), g()));", "use(mine(...x));", "use(mine);", "mine(1);"]
)
def test_arguments_that_cannot_be_followed_are_refused(use: str) -> None:
    with pytest.raises(ReuseRefused):
        alone(f"{MINE}\n{use}\n", f"export function existing(b, a) {BODY}\n")


def test_what_calls_itself_cannot_take_its_arguments_in_another_order() -> None:
    body = "{ return a > b ? same(a - 1, b) : [a, b]; }\n"
    with pytest.raises(ReuseRefused, match="do not do the same"):
        planned(
            {
                "src/old.js": f"function same(a, b) {body}use(same(1, 2));\n",
                "src/new.js": f"export function same(b, a) {body}",
            },
            gone="same",
            kept="same",
        )


def test_what_differs_is_named_or_refused() -> None:
    text = f"{MINE.replace('sum]', '1]')}\nuse(mine(1, 2));\n"
    plan, _ = planned({"src/old.js": text, "src/new.js": EXISTING.replace("sum]", "2]")})
    assert plan.checks == ("It has `1` where `existing` has `2`.",)
    for other in ("return a;", "return [b, a, sum];"):
        with pytest.raises(ReuseRefused, match="do not do the same"):
            alone(f"{MINE}\nmine();\n", EXISTING.replace("return [a, b, sum];", other))
    for mine, existing in (("this", "this"), ("arguments", "arguments")):
        files = {
            "src/old.js": f"const mine = (a) => {{ return {mine}.x + a; }};\nuse(mine(1));\n",
            "src/new.js": f"export function existing(a) {{ return {existing}.x + a; }}\n",
        }
        with pytest.raises(ReuseRefused, match="arrow"):
            planned(files)


@pytest.mark.parametrize(
    "more",
    ["mine = wrap(mine);\n", "const { mine } = x;\n", "mine++;\n"],
)
def test_a_name_that_is_bound_again_is_refused(more: str) -> None:
    with pytest.raises(ReuseRefused, match="bound or assigned"):
        alone(f"{MINE}\n{more}")


def test_another_package_and_the_other_kind_of_module_are_to_be_checked() -> None:
    files = {
        "a/package.json": "{}",
        "b/package.json": "{}",
        "a/old.js": f"import x from './x';\n{MINE}\nuse(mine(x, 2));\n",
        "b/new.js": f"function existing(a, b) {BODY}\nmodule.exports = {{ existing }};\n",
    }
    plan, _ = planned(files, old="a/old.js", new="b/new.js")
    assert [c.split(";")[0] for c in plan.checks] == [
        "b/new.js is CommonJS",
        "b/new.js belongs to another package",
    ]
    with pytest.raises(ReuseRefused, match="cannot require"):
        planned(
            {"old.cjs": f"{MINE}\nuse(mine(1, 2));\n", "new.mjs": EXISTING},
            old="old.cjs", new="new.mjs",
        )  # fmt: skip


def test_in_one_file_no_import_is_needed() -> None:
    text = f"{EXISTING}\n{MINE}\nuse(mine(1, 2));\n"
    _, after = planned({"src/old.js": text}, new="src/old.js")
    assert after["src/old.js"] == f"{EXISTING}\nuse(existing(1, 2));\n"


def test_line_ends_and_wide_characters() -> None:
    text = f"// é 😀\nimport x from './x';\n\n{MINE}\nuse('😀', mine(x, 'é'));\n".replace(
        "\n", "\r\n"
    )
    result = alone(text)
    assert result.count("\n") == result.count("\r\n")
    assert result.endswith(
        "import { existing } from './new';\r\n\r\nuse('😀', existing(x, 'é'));\r\n"
    )


def test_a_byte_order_mark_outlives_the_only_function_below_it() -> None:
    plan, after = planned({"src/new.js": EXISTING, "src/old.js": f"\ufeff{MINE}"})
    assert plan.checks == ()
    assert after["src/old.js"].startswith("\ufeff")
    assert "mine" not in after["src/old.js"]


def test_commonjs_that_gives_one_name_after_another() -> None:
    after = changed(
        {
            "src/new.js": f"function existing(a, b) {BODY}\nexports.existing = existing;\n",
            "src/old.js": f"{MINE}\nexports.mine = mine;\n",
            "src/a.js": "const { mine } = require('./old');\nuse(mine(1, 2));\n",
        }
    )
    assert after["src/old.js"] == (
        "const { existing: mine } = require('./new');\n\nexports.mine = mine;\n"
    )
    assert after["src/a.js"] == "const { existing } = require('./new');\nuse(existing(1, 2));\n"


def signed(mine: str, existing: str, head: str = "", other: str = "", **more: str) -> list[str]:
    """What is to be checked where two TypeScript functions have these signatures."""
    files = {
        "src/old.ts": f"{head}export function mine{mine} {{ return use(a, b); }}\n",
        "src/new.ts": f"{other}export function existing{existing} {{ return use(a, b); }}\n",
        "src/user.ts": "import { mine } from './old';\n\nmine(x, y);\n",
    }
    plan, _ = planned(files | more, old="src/old.ts", new="src/new.ts")
    return list(plan.checks)


@pytest.mark.parametrize(
    ("mine", "existing", "said"),
    [
        pytest.param("(a: number[], b: X)", "(a: string[], b: X)", "`a` is of type `number[]` here and `string[]` in `existing`", id="a parameter"),
        pytest.param("(a, b)", "(a: string, b)", "`a` is of type `any` here and `string`", id="a parameter that took everything"),
        pytest.param("(a?: string, b?: X)", "(a: string, b?: X)", "`a` may be left out here", id="one that may be left out"),
        pytest.param("(a, b): number", "(a, b): string", "Its result is of type `number` here and `string`", id="the result"),
        pytest.param("(a, b)", "(a, b): Thing", "Its result is of type `not said` here and `Thing`", id="a result that may be wider"),
        pytest.param("(a, b): a is X", "(a, b): boolean", "`a is X`", id="a promise that is missing"),
        pytest.param("(a, b): a is X", "(a, b)", "`a is X`", id="a promise of which nothing is said"),
        pytest.param("<T>(a: T, b: T)", "<T extends X>(a: T, b: T)", "other type parameters", id="a constraint"),
        pytest.param("<T>(a: T, b: T[])", "<S>(a: S, b: S)", "`b` is of type `T0[]` here and `T0`", id="type parameters in other places"),
    ],
)  # fmt: skip
def test_types_that_callers_may_not_fit_are_to_be_checked(
    mine: str, existing: str, said: str
) -> None:
    assert said in " ".join(signed(mine, existing))


@pytest.mark.parametrize(
    ("mine", "existing"),
    [
        pytest.param("(a: Map<string, number>, b: X)", "(a: Map< string,number >, b: X)", id="layout"),
        pytest.param("(a: string, b: X)", "(a, b: unknown)", id="takes everything"),
        pytest.param("(a: string, b: X)", "(a: string, b?: X)", id="may be left out there"),
        pytest.param("(a, b): number", "(a, b)", id="says nothing of its result"),
        pytest.param("(a, b)", "(a, b): Promise<string>", id="says what it is"),
        pytest.param("(a, b): boolean", "(a, b): a is X", id="promises more"),
        pytest.param("<T>(a: T, b: Map<T, X>): T", "<S>(a: S, b: Map<S, X>): S", id="type parameters of other names"),
        pytest.param("(a = 3, b = '')", "(a: number = 3, b: string = '')", id="what a literal is"),
    ],
)  # fmt: skip
def test_types_that_every_caller_fits_are_safe(mine: str, existing: str) -> None:
    assert signed(mine, existing) == []


@pytest.mark.parametrize(
    ("head", "other", "same"),
    [
        ("import type { X } from './x';\n", "import { X } from './x.js';\n", True),
        ("import type { X } from './x';\n", "import type { X } from './y';\n", False),
        ("interface X { a: number }\n", "interface X {\n  a: number\n}\n", True),
        ("interface X { a: number }\n", "interface X { a: string }\n", False),
        ("interface X { a: Y }\ntype Y = 1\n", "interface X { a: Y }\ntype Y = 2\n", False),
        ("enum X { A }\n", "enum X { A }\n", False),
        ("", "", True),
    ],
)
def test_a_type_means_the_same_in_both(head: str, other: str, same: bool) -> None:
    more = {"src/x.ts": "export interface X {}\n", "src/y.ts": "export type X = 1\n"}
    found = signed("(a: X, b)", "(a: X, b)", head, other, **more)
    assert found == ([] if same else ["The type `X` may be another in src/new.ts than here."])


def test_types_of_constants_and_overloads_count() -> None:
    files = {
        "src/old.ts": "export const mine: Handler = (a) => use(a);\n",
        "src/new.ts": "export const existing: Other = (a) => use(a);\n",
    }
    plan, _ = planned(files, old="src/old.ts", new="src/new.ts")
    assert "`Handler` here and `Other` in `existing`" in " ".join(plan.checks)
    files = {
        "old.ts": "export function mine(a: any) { return use(a); }\n",
        "new.ts": "export function existing(a: string): X;\nexport function existing(a: any) { return use(a); }\n",
    }
    *_, existing = index_text("new.ts", files["new.ts"]).definitions
    mine = planned_reuse.defined("old.ts", files["old.ts"], "mine")
    overloaded = reuse(Code(frozenset(files), files.get), mine, existing)
    assert overloaded.checks == ("`existing` has overloads; see that its callers still fit.",)


def test_javascript_alone_knows_no_types() -> None:
    files = {
        "src/old.js": "function mine(a) { return use(a); }\nmine(1);\n",
        "src/new.ts": "export function existing(a: string): Thing { return use(a); }\n",
    }
    plan, _ = planned(files, new="src/new.ts")
    assert plan.safe


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import type { mine as B } from './old';\nlet x: typeof B;\n", "import type { existing as B } from './new';\nlet x: typeof B;\n"),
        ("import type { mine } from './old';\nlet x: typeof mine;\n", "import type { existing as mine } from './new';\nlet x: typeof mine;\n"),
        ("import { type mine, x } from './old';\nlet y: typeof mine = x;\n", "import { x } from './old';\nimport type { existing as mine } from './new';\nlet y: typeof mine = x;\n"),
        ("export type { mine } from './old';\n", "export type { existing as mine } from './new';\n"),
        ("export { type mine as m, x } from './old';\n", "export { x } from './old';\nexport type { existing as m } from './new';\n"),
        # The type alone is there: it cannot be called.
        ("import type { existing } from './new';\nimport { mine } from './old';\nlet x: typeof existing = mine(1, 2);\n", "import type { existing } from './new';\nimport { existing as mine } from './new';\nlet x: typeof existing = mine(1, 2);\n"),
    ],
)  # fmt: skip
def test_what_only_takes_the_type_goes_on_so(text: str, expected: str) -> None:
    files = {
        "src/new.ts": EXISTING,
        "src/old.ts": f"export {MINE}export const x = 1;\n",
        "src/main.ts": text,
    }
    _, after = planned(files, old="src/old.ts", new="src/new.ts")
    assert after["src/main.ts"] == expected


@pytest.mark.parametrize(
    "user",
    [
        pytest.param("const m = await import(`./${n}.js`);\nm.run();\n", id="template"),
        pytest.param("const m = await import('./' + n);\n", id="added"),
        pytest.param("import(/* webpackChunkName: \"x\" */ `../src/${n}`);\n", id="with a comment"),
        pytest.param("const p = `./${n}.js`;\nimport(p);\n", id="by way of a constant"),
        pytest.param("for (const f of fs.readdirSync('.')) require(f);\n", id="a variable"),
        pytest.param("require(path.join(__dirname, f));\n", id="a call"),
        pytest.param("const all = import.meta.glob('./*.js');\n", id="a glob"),
        pytest.param("const all = require.context('./', true);\n", id="a context"),
        pytest.param("import(`@/${n}/old`);\n".replace("@/${n}", "${base}"), id="by its end"),
    ],
)  # fmt: skip
def test_who_makes_the_modules_name_finds_what_it_gave(user: str) -> None:
    files = {"src/old.js": f"export {MINE}\nuse(mine(1, 2));\n", "src/main.js": user}
    after = changed(files)
    assert set(after) == {"src/old.js"}
    assert "export { mine };\n" in after["src/old.js"]


@pytest.mark.parametrize(
    ("path", "user"),
    [
        ("src/main.js", "const m = await import(`./plugins/${n}.js`);\n"),
        ("src/main.js", "const m = await import(`./${n}.json`);\n"),
        ("src/main.js", "const m = await import('./' + n + '-page.js');\n"),
        ("src/main.js", "const all = import.meta.glob('./pages/*.js');\n"),
        ("src/main.js", "const m = await import('./third.js');\n"),
        ("other/main.js", "const m = require(n);\n"),
    ],
)
def test_a_made_name_that_is_another_modules_keeps_nothing(path: str, user: str) -> None:
    files = {
        "src/old.js": f"export {MINE}\nuse(mine(1, 2));\n",
        "src/third.js": "",
        "other/package.json": "{}",
        path: user,
    }
    assert "mine" not in changed(files)["src/old.js"]


def test_what_a_text_names_is_given_as_before() -> None:
    files = {"src/old.js": f"export {MINE}\nuse(mine(1, 2));\n"}
    for path, text in (
        ("serverless.yml", "functions:\n  a:\n    handler: src/old.mine\n"),
        ("routes.json", '{"file": "./src/old.js",\n "call": "mine"}\n'),
    ):
        assert "export { mine };\n" in changed(files | {path: text})["src/old.js"], path
    words = {"README.md": "The old one is mine.\n", "a.yml": "handler: src/older.mine\n"}
    assert "mine" not in changed(files | words)["src/old.js"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("process.exit(1);\n", ["Loading src/new.js calls `process.exit` (line 5); see that it may be."]),
        ("throw new Error('not here');\n", ["Loading src/new.js throws (line 5); see that it may be."]),
        ("import './third.js';\n", ["Loading src/third.js calls `process.chdir` (line 1); see that it may be."]),
        ("if (import.meta.url === here) process.exit(main());\n", []),
        ("function f() { process.exit(1); }\nconst g = () => process.exit(1);\n", []),
    ],
)  # fmt: skip
def test_what_loading_the_other_module_does_is_to_be_checked(text: str, said: list[str]) -> None:
    files = {
        "src/new.js": EXISTING + text,
        "src/old.js": f"{MINE}\nuse(mine(1, 2));\n",
        "src/third.js": "process.chdir('/');\n",
    }
    plan, _ = planned(files)
    assert list(plan.checks) == said
    plan, _ = planned(files | {"src/old.js": "import './new.js';\n\n" + files["src/old.js"]})
    assert plan.safe, "it is loaded already"
