"""JavaScript with JSX: what the index has to know of it, and what TypeScript shares with it."""

from __future__ import annotations

import posixpath

from tree_sitter import Node

from steadyhand_agent.index.definitions import Definition
from steadyhand_agent.index.languages.grouping import Grouping
from steadyhand_agent.index.languages.language import Language, Paths

_FUNCTION = "[(arrow_function) (function_expression) (generator_function)]"

# What both grammars know by the same names. Declared functions, functions in variables and methods
# are one once the words between the name and the parameters are dropped.
QUERY = f"""
(function_declaration) @function
(generator_function_declaration) @function
(variable_declarator name: (identifier) value: {_FUNCTION}) @function
(expression_statement
 (assignment_expression
  left: (member_expression object: [(identifier) (member_expression)]) right: {_FUNCTION})
 @function)
(class_declaration) @class
(variable_declarator name: (identifier) value: (class)) @class
(method_definition) @method
(variable_declarator value: (object (pair value: {_FUNCTION}) @method))
(variable_declarator value: (object (pair value: {_FUNCTION})) @scope)
(object (method_definition)) @scope
(class) @closure
(arrow_function body: (statement_block)) @closure
(function_expression) @closure
(generator_function) @closure
(class_static_block) @closure
(program (statement_block) @closure)
(export_statement) @wrap
(program (lexical_declaration) @wrap)
(lexical_declaration . (variable_declarator value: {_FUNCTION})) @wrap
(variable_declaration . (variable_declarator value: {_FUNCTION})) @wrap
(decorator) @decorator
(decorator) @drop
(ERROR) @error
[(if_statement) (else_clause) (switch_case) (switch_default) (try_statement) (catch_clause)
 (finally_clause) (for_statement) (for_in_statement) (while_statement) (do_statement)] @branch
(comment) @comment
(string) @string
(template_string) @string
(template_substitution) @interpolation
(regex) @string
(parenthesized_expression) @paren
(formal_parameters) @paren
(function_declaration "function" @drop)
(generator_function_declaration "function" @drop)
(variable_declarator "=" @drop value: {_FUNCTION})
(variable_declarator value: [(arrow_function "=>" @drop) (function_expression "function" @drop)])
(variable_declarator value: (function_expression name: (identifier) @drop))
(pair ":" @drop value: {_FUNCTION})
(pair value: [(arrow_function "=>" @drop) (function_expression "function" @drop)])
(expression_statement
 (assignment_expression left: (member_expression object: (_) @drop "." @drop) "=" @drop
  right: {_FUNCTION}))
(expression_statement
 (assignment_expression left: (member_expression)
  right: [(arrow_function "=>" @drop) (function_expression "function" @drop)]))
(expression_statement
 (assignment_expression right: (function_expression name: (identifier) @drop)))
(method_definition "static" @drop)
(shorthand_property_identifier) @outside
(shorthand_property_identifier_pattern) @outside
(pair key: (property_identifier) @key)
(pair_pattern key: (property_identifier) @key)
(method_definition name: (property_identifier) @key)
(labeled_statement label: (statement_identifier) @key)
(break_statement label: (statement_identifier) @key)
(continue_statement label: (statement_identifier) @key)
(arrow_function parameter: (identifier) @bind)
(assignment_pattern left: (identifier) @bind)
(rest_pattern (identifier) @bind)
(array_pattern (identifier) @bind)
(pair_pattern value: (identifier) @bind)
(variable_declarator name: (identifier) @bind)
(for_in_statement kind: _ left: (identifier) @bind)
(catch_clause parameter: (identifier) @bind)
(function_declaration name: (identifier) @bind)
(generator_function_declaration name: (identifier) @bind)
(function_expression name: (identifier) @drop)
"""

# Constants of a module; what a call of `require` gives is somebody else's.
CONSTANTS = """
({around} (lexical_declaration kind: "const"
 (variable_declarator name: (identifier) value: [(number) (string) (template_string) (array)
  (object) (true) (false) (null) (regex) (unary_expression) (binary_expression) (new_expression)
  {more}]) @constant))
({around} (lexical_declaration kind: "const"
 (variable_declarator name: (identifier)
  value: (call_expression function: (_) @_called)) @constant)
 (#not-eq? @_called "require"))
"""

JSX = """
(jsx_attribute (property_identifier) @key)
"""

_ONLY_HERE = """
(formal_parameters (identifier) @bind)
(class_declaration name: (identifier) @bind)
(field_definition value: [(arrow_function) (function_expression)]) @method
(field_definition "=" @drop value: [(arrow_function) (function_expression)])
(field_definition "static" @drop value: [(arrow_function) (function_expression)])
(field_definition value: [(arrow_function "=>" @drop) (function_expression "function" @drop)])
"""

_GROUPING = Grouping(
    atoms=frozenset(
        {
            "identifier", "this", "string", "template_string", "regex", "array", "true", "false",
            "null", "undefined",
        }
    ),
    chains=frozenset(
        {"member_expression", "call_expression", "subscript_expression", "new_expression",
         "non_null_expression"}
    ),
    prefixes=frozenset({"unary_expression", "await_expression"}),
    binary="binary_expression",
    free=frozenset(
        {
            "return_statement", "throw_statement", "variable_declarator", "assignment_expression",
            "augmented_assignment_expression", "assignment_pattern", "arguments", "array", "pair",
            "template_substitution", "jsx_expression", "arrow_function", "required_parameter",
        }
    ),
    condition=frozenset(
        {"if_statement", "while_statement", "do_statement", "switch_statement", "with_statement"}
    ),
    never=frozenset({"sequence_expression", "object", "function_expression", "class"}),
)  # fmt: skip


# Here a brace is an object's; behind `=>`, or where a statement begins, it would open a block.
_BEFORE_OBJECT = _GROUPING.free - {"arrow_function"}


def keeps_paren(pair: Node) -> bool:
    """True where a pair must stay; around a lone parameter it may be left out."""
    if pair.type == "formal_parameters":
        return not _is_lone_name(pair)
    inside = pair.named_child(0) if pair.named_child_count == 1 else None
    if inside is not None and inside.type in ("object", "function_expression"):
        return pair.parent is None or pair.parent.type not in _BEFORE_OBJECT
    return _GROUPING.keeps(pair)


def _is_lone_name(parameters: Node) -> bool:
    if not 0 < parameters.named_child_count < 3:
        return False
    inside = [child for child in parameters.named_children if child.type != "comment"]
    if len(inside) != 1:
        return False
    if inside[0].type not in ("required_parameter", "optional_parameter"):
        return inside[0].type == "identifier"
    name = inside[0].child_by_field_name("pattern")
    valued = inside[0].child_by_field_name("value") is not None
    return not valued and name is not None and name.type == "identifier"


def name_of(node: Node) -> Node | None:
    """The name of a definition, or of what holds an object's methods."""
    kind = node.type
    if kind == "object":
        return _holder(node)
    if kind == "assignment_expression":
        name = _assigned(node)
    elif kind == "pair":
        name = node.child_by_field_name("key")
    else:
        name = node.child_by_field_name("name") or node.child_by_field_name("property")
    if name is not None and name.type == "computed_property_name":
        # `[Symbol.iterator]` is a name; nobody can say `["a b"]` or `[key(1)]`.
        inside = name.named_children
        return name if [child.type for child in inside] == ["member_expression"] else None
    return None if name is None or name.type == "string" else name


def _assigned(node: Node) -> Node | None:
    left = node.child_by_field_name("left")
    if left is None or left.type != "member_expression" or left.text == b"module.exports":
        return left if left is not None and left.type == "identifier" else None
    return left.child_by_field_name("property")


def _holder(node: Node) -> Node | None:
    """What an object is assigned to, through `as const`, `Object.freeze(...)` and the like."""
    above = node.parent
    for _ in range(6):
        if above is None:
            break
        if above.type in ("variable_declarator", "pair"):
            name = above.child_by_field_name("name") or above.child_by_field_name("key")
            return name if name is not None and name.type.endswith("identifier") else None
        if above.type == "assignment_expression":
            return _assigned(above)
        if above.type not in (
            "as_expression", "satisfies_expression", "parenthesized_expression", "arguments",
            "call_expression", "non_null_expression",
        ):  # fmt: skip
            break
        above = above.parent
    return None


def owner_of(node: Node) -> str:
    """`Foo` of `Foo.prototype.bar = function () {}`."""
    if node.type != "assignment_expression":
        return ""
    left = node.child_by_field_name("left")
    owner = left.child_by_field_name("object") if left is not None else None
    text = (owner.text or b"").decode("utf-8", "replace") if owner is not None else ""
    text = text.removesuffix(".prototype")
    return "" if text in ("exports", "module.exports", "globalThis", "window") else text


def is_private(name: str, signature: str) -> bool:
    """True for `_a`, `#a` and what says `private`."""
    return name.startswith(("_", "#")) or signature.startswith(("private ", "protected "))


def specifier(path: str, importing: str | None) -> str:
    """How a module is named in an import: relative, and as a folder where it is its index."""
    if path.endswith((".mjs", ".mts")):
        path = path[:-4] + ".mjs"
    else:
        stem = path.rpartition(".")[0]
        path = stem.removesuffix("/index") if "/" in stem else stem
    if importing is None:
        return f"./{path}"
    relative = posixpath.relpath(path, posixpath.dirname(importing) or ".")
    return relative if relative.startswith("../") else f"./{relative}"


def import_line(definition: Definition, importing: str | None, _: Paths) -> str:
    """An ECMAScript import, or `require` in CommonJS."""
    name = definition.qualified.split(".")[0]
    source = specifier(definition.path, importing)
    if (importing or definition.path).endswith((".cjs", ".cts")):
        return f'const {{ {name} }} = require("{source}");'
    return f'import {{ {name} }} from "{source}";'


STUB = r'(?:\{(?:\s|;|throw new \w*Error\(\s*"?\s*\);?)*\}|;?|undefined|null|void 0)'

PLATFORM = (
    r"\bprocess\.(?:platform|arch|versions?|browser)\b|\bPlatform\.OS\b"
    r"|\bnavigator\.(?:platform|userAgent)\b|\bos\.platform\("
    r"|\btypeof (?:window|document|process|navigator|Deno|Bun)\b"
)

JAVASCRIPT = Language(
    name="javascript",
    suffixes=(".js", ".jsx", ".mjs", ".cjs"),
    grammar=("tree_sitter_javascript", "language"),
    query=QUERY
    + _ONLY_HERE
    + JSX
    + "".join(CONSTANTS.format(around=where, more="") for where in ("program", "export_statement")),
    stub=STUB,
    overwrites=True,
    platform=PLATFORM,
    name_of=name_of,
    owner_of=owner_of,
    is_private=is_private,
    import_line=import_line,
    keeps_paren=keeps_paren,
)
