"""Go: what the index has to know of it, and how its packages are named."""

from __future__ import annotations

import re

from tree_sitter import Node

from steadyhand_agent.index.definitions import Definition
from steadyhand_agent.index.languages.grouping import Grouping
from steadyhand_agent.index.languages.language import TEST_PATH, Language, Paths

# A receiver's type is dropped: a method copied to another type is a copy.
_QUERY = """
(function_declaration) @function
(method_declaration) @method
(method_elem) @method
(type_spec type: [(struct_type) (interface_type)]) @class
(type_spec type: [(type_identifier) (qualified_type) (pointer_type) (function_type) (map_type)
 (slice_type) (array_type) (channel_type) (generic_type)]) @type
(type_alias) @type
(source_file (const_declaration (const_spec) @constant))
(source_file (var_declaration (var_spec) @constant))
(source_file (var_declaration (var_spec_list (var_spec) @constant)))
(type_declaration) @wrap
(source_file (const_declaration) @wrap)
(source_file (var_declaration) @wrap)
(ERROR) @error
(comment) @comment
[(interpreted_string_literal) (raw_string_literal) (rune_literal)] @string
(parenthesized_expression) @paren
(method_declaration receiver: (parameter_list (parameter_declaration type: (_) @drop)))
(keyed_element key: (literal_element (identifier) @key))
(label_name) @key
(parameter_declaration name: (identifier) @bind)
(variadic_parameter_declaration name: (identifier) @bind)
(type_parameter_declaration name: (identifier) @bind)
(short_var_declaration left: (expression_list (identifier) @bind))
(range_clause left: (expression_list (identifier) @bind))
(receive_statement left: (expression_list (identifier) @bind))
(type_switch_statement alias: (expression_list (identifier) @bind))
(var_spec name: (identifier) @bind)
(const_spec name: (identifier) @bind)
(type_spec name: (type_identifier) @bind)
"""

_GROUPING = Grouping(
    atoms=frozenset(
        {
            "identifier", "nil", "true", "false", "iota", "interpreted_string_literal",
            "raw_string_literal", "rune_literal", "int_literal", "float_literal",
        }
    ),
    chains=frozenset(
        {
            "call_expression", "selector_expression", "index_expression", "slice_expression",
            "type_assertion_expression", "type_conversion_expression",
        }
    ),
    prefixes=frozenset({"unary_expression"}),
    binary="binary_expression",
    free=frozenset(
        {
            "expression_list", "argument_list", "if_statement", "for_clause", "for_statement",
            "literal_element", "expression_switch_statement", "range_clause", "send_statement",
        }
    ),
    never=frozenset({"composite_literal", "func_literal"}),
)  # fmt: skip

_RECEIVER = re.compile(rb"(\w+)\s*(?:\[[^\]]*\]\s*)?\)*\s*,?\s*\)\Z")
_SYSTEMS = "aix|android|darwin|dragonfly|freebsd|illumos|ios|js|linux|netbsd|openbsd|plan9|solaris"
_VARIANT = (
    rf"(_({_SYSTEMS}|wasip1|windows|unix|posix|bsd|386|amd64|arm|arm64|loong64|mips\w*|ppc64\w*"
    r"|riscv64|s390x|wasm|cgo|nocgo|asm|noasm|generic|stub|stubs|other|others|fallback|purego"
    r"|supported|unsupported))+"
)


def _owner_of(node: Node) -> str:
    """`Store` of `func (s *Store) Get(...)`."""
    receiver = node.child_by_field_name("receiver")
    if receiver is None:
        return ""
    found = _RECEIVER.search(receiver.text or b"")
    return found.group(1).decode("utf-8", "replace") if found else ""


def _package(path: str, _: Paths) -> str:
    return path.rpartition("/")[0] or "the root package"


def _import_line(definition: Definition, importing: str | None, paths: Paths) -> str:
    """The import with the name as it is then written; the module's own path is not known here."""
    folder = definition.path.rpartition("/")[0]
    if importing is not None and importing.rpartition("/")[0] == folder:
        return ""
    parts = [part for part in folder.split("/") if not re.fullmatch(r"v\d+", part)]
    name = definition.qualified.split(".")[0]
    package = f"{parts[-1]}." if parts and parts[-1] else ""
    return f'import "{"/".join(["<module>", *([folder] if folder else [])])}" // {package}{name}'


GO = Language(
    name="go",
    suffixes=(".go",),
    grammar=("tree_sitter_go", "language"),
    query=_QUERY,
    stub=r'\{(?:\s|;|return(?: nil)?(?=[\s;}])|panic\(\s*"?\s*\))*\}|;?',
    test_path=TEST_PATH + r"|(^|/)(testdata|_?examples?)/",
    test_name=r"(Test|Benchmark|Fuzz|Example)[A-Z_]",
    constant=r"[^\W_]\w*|_\w+",
    variant=_VARIANT,
    conditional_file=rb"(?m)^//(?:go:build| ?\+build) ",
    owner_of=_owner_of,
    is_private=lambda name, _: not name[:1].isupper(),
    module=_package,
    import_line=_import_line,
    keeps_paren=_GROUPING.keeps,
    uncalled="init",
)
