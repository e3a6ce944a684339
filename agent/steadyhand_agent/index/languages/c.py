"""C: what the index has to know of it, and how its headers are included.

Owns what C++ takes over, too: how a declarator is taken apart, and which header stands for a file.
"""

from __future__ import annotations

import posixpath

from tree_sitter import Node

from steadyhand_agent.index.definitions import Definition
from steadyhand_agent.index.languages.grouping import Grouping
from steadyhand_agent.index.languages.language import Language, Paths

# Both grammars know these nodes. A guard around a header is not one of several alternatives. A
# typedef of a struct is that struct by the name it is used by. `static` and `inline` say who may
# call a function, not what it does.
QUERY = """
(function_definition) @function
(declaration declarator: [(function_declarator) (pointer_declarator)]) @function
(preproc_function_def) @function
(struct_specifier body: (_)) @class
(union_specifier body: (_)) @class
(enum_specifier body: (_)) @class
(type_definition type: [(struct_specifier body: (_)) (union_specifier body: (_))
                        (enum_specifier body: (_))]) @class
(type_definition type: [(primitive_type) (type_identifier) (sized_type_specifier)
                        (struct_specifier !body) (union_specifier !body)
                        (enum_specifier !body)]) @type
((declaration (type_qualifier) @_const declarator: (init_declarator)) @constant
 (#any-of? @_const "const" "constexpr"))
(preproc_def value: (_)) @constant
(preproc_if) @branch
((preproc_ifdef name: (identifier) @_guard) @branch
 (#not-match? @_guard "(_H|_HH|_HPP|_HXX|_H_|_INCLUDED|__cplusplus)_*$"))
[(preproc_else) (preproc_elif) (preproc_elifdef)] @branch
(attribute_declaration) @decorator
(attribute_specifier) @decorator
(ERROR) @error
(comment) @comment
[(string_literal) (char_literal) (system_lib_string)] @string
(parenthesized_expression) @paren
(function_definition (storage_class_specifier) @drop)
(struct_specifier name: (type_identifier) @key)
(union_specifier name: (type_identifier) @key)
(enum_specifier name: (type_identifier) @key)
(parameter_declaration declarator: (identifier) @bind)
(pointer_declarator declarator: (identifier) @bind)
(array_declarator declarator: (identifier) @bind)
(init_declarator declarator: (identifier) @bind)
(declaration declarator: (identifier) @bind)
(labeled_statement label: (statement_identifier) @bind)
"""

# Macros that stand where the grammar knows none: `class API Name {`, a line of their own, behind a
# list of parameters or a member, around a type; and the
# halves of an `extern "C" { … }`, each in an `#ifdef` of its own. What holds a string is left.
_MACRO = r"""[A-Z][A-Z0-9_]{2,}+(?:\([^()\n"']*+\))?+"""
_LONG = r"""[A-Z][A-Z0-9]*+_[A-Z0-9_]++"""
BLANK = (
    r"\b(?=[A-Z][A-Z0-9_]{2})(?:"
    rf"(?:(?<=class\s)|(?<=struct\s)|(?<=union\s)|(?<=enum\s))(?:{_MACRO}\s+)+"
    r"(?=(?:\[\[[^]\n]*\]\]\s*)?[A-Za-z_]\w*+(?:::\w++)*+(?:<[^;{}()]*>)?\s*+(?:final\s*)?"
    r"(?:\{|:[^:]))"
    rf"|(?:(?<=\)\s)|(?<=const\s)|(?<=override\s)|(?<=noexcept\s))(?:{_MACRO}\s*)+(?=[;{{])"
    rf"""|(?<=[\w>]\s){_LONG}\([^()\n"']*\)(?=\s*(?:;|=[^=]))"""
    rf"|(?<=[*&]\s){_LONG}\s+(?=\w+\s*\()"
    r")"
    r"|\n(?:(?<=[;{}:>/\n]\n)|(?<=endif\n)|(?<=else\n))"
    rf"[ \t]*{_MACRO}[ \t]*(?:\n[ \t]*{_MACRO}[ \t]*)*+"
    r"(?=\r?\n(?!\s*(?:[{,=;()|&+*?:.<>-]|/[^/*])))"
    r"|(?:(?<=__cplusplus\n)|(?<=__cplusplus\)\n))(?:extern \"C\" *\{|\})"
    rf"|(?<=\n)[ \t]*{_LONG}[ \t]+"
    r"(?=[a-z][\w:<>,*&]*[ \t]+[\w:<>,*& \t]*\(|(?:static|extern|inline|const|constexpr)\b)"
    rf"|(?<=\n){_LONG}\((?:[^;{{}}()]|\{{\}}|\([^()]*+\))*+\);"
)

ATOMS = frozenset(
    {
        "identifier", "number_literal", "string_literal", "char_literal", "true", "false", "null",
    }
)  # fmt: skip
CHAINS = frozenset({"call_expression", "field_expression", "subscript_expression"})
FREE = frozenset(
    {
        "return_statement", "init_declarator", "assignment_expression", "argument_list",
        "initializer_list",
    }
)  # fmt: skip
CONDITION = frozenset(
    {
        "if_statement", "while_statement", "do_statement", "switch_statement", "sizeof_expression",
        "condition_clause", "decltype", "alignof_expression",
    }
)  # fmt: skip
NEVER = frozenset({"cast_expression", "comma_expression", "compound_literal_expression"})
PREFIXES = frozenset({"unary_expression", "pointer_expression"})

_GROUPING = Grouping(
    atoms=ATOMS,
    chains=CHAINS,
    prefixes=PREFIXES,
    binary="binary_expression",
    free=FREE,
    condition=CONDITION,
    never=NEVER,
)

_NAMES = frozenset(
    {
        "identifier", "field_identifier", "type_identifier", "destructor_name", "operator_name",
        "operator_cast", "qualified_identifier", "template_function", "primitive_type",
    }
)  # fmt: skip
_HEADERS = ("h", "hpp", "hh", "hxx", "inl")
_SOURCES = ("c", "cc", "cpp", "cxx", "c++")


def declared(node: Node) -> Node | None:
    """The name at the bottom of a declaration's declarators, qualified as it is written."""
    found = node.child_by_field_name("declarator")
    while found is not None and found.type not in _NAMES:
        inner = found.child_by_field_name("declarator")
        if inner is None and found.type in ("parenthesized_declarator", "reference_declarator"):
            inner = found.named_child(found.named_child_count - 1)
        found = inner
    return found


def function_declarator(node: Node) -> Node | None:
    """The declarator with the parameters, where a declaration is that of a function."""
    found = node.child_by_field_name("declarator")
    while found is not None and found.type in ("pointer_declarator", "reference_declarator"):
        last = found.named_child(found.named_child_count - 1)
        found = found.child_by_field_name("declarator") or last
    if found is None or found.type != "function_declarator":
        return None
    inner = found.child_by_field_name("declarator")
    if inner is not None and inner.type == "parenthesized_declarator":
        # `(f)(int)` is a function that no macro may replace, `(*f)(int)` a pointer to one.
        return found if inner.named_child(0).type == "identifier" else None
    return found


def in_body(node: Node) -> bool:
    """True for what stands among statements, where `A b(c);` is a variable."""
    parent = node.parent
    return parent is not None and parent.type in ("compound_statement", "for_statement")


def name_of(node: Node) -> Node | None:
    """The node of a definition's name."""
    kind = node.type
    if kind == "function_definition":
        return declared(node)
    if kind == "declaration":
        declarator = node.child_by_field_name("declarator")
        if declarator is not None and declarator.type == "init_declarator":
            return declared(node)
        if function_declarator(node) is None or in_body(node):
            return None
        return declared(node)
    if kind == "type_definition":
        return declared(node)
    if kind != "preproc_def" and node.parent is not None and node.parent.type == "type_definition":
        return None
    return node.child_by_field_name("name")


def body_of(node: Node) -> Node | None:
    """The body; of a typedef, that of the struct in it."""
    if node.type == "type_definition":
        inner = node.child_by_field_name("type")
        return inner.child_by_field_name("body") if inner is not None else None
    return None


def is_private(name: str, signature: str) -> bool:
    """True for what only its own file can see."""
    return signature.startswith("static ") and " inline " not in f"{signature} "


def module(path: str, _: Paths) -> str:
    """A file's path, its suffix with it: a header and its source are two."""
    return path


def header_of(path: str, paths: Paths) -> str | None:
    """The header that declares what a file defines: the file itself, or one of its name."""
    stem, _, suffix = path.rpartition(".")
    if suffix not in _SOURCES:
        return path
    folder, _, name = stem.rpartition("/")
    above = folder.rpartition("/")[0]
    around = {folder, f"{folder}/include", f"{above}/include", "include"}
    around |= {folder.replace("src", "include", 1)}
    for place in (folder, *sorted(around - {folder})):
        for ending in _HEADERS:
            found = f"{place.strip('/')}/{name}.{ending}".lstrip("/")
            if paths.has(found):
                return found
    return None


def included(header: str, importing: str | None) -> str:
    """How a header is named in an `#include`, as far as paths tell."""
    _, marker, inside = f"/{header}".rpartition("/include/")
    if marker:
        return inside
    if importing is None:
        return header
    return posixpath.relpath(header, posixpath.dirname(importing) or ".")


def import_line(definition: Definition, importing: str | None, paths: Paths) -> str:
    """An `#include` of the header; without one, a declaration."""
    header = header_of(definition.path, paths)
    if header is not None:
        return f'#include "{included(header, importing)}"'
    if definition.kind == "function" and definition.module_level and not definition.private:
        return f"{definition.signature};"
    return ""


# Compilers, systems, processors, versions, and what `configure` found.
PLATFORM = (
    r"\b_?WIN(?:32|64|DOWS|NT|CE)?\b|\b_MSC_VER\b|\b_?_?(?:linux|unix|APPLE|MACH|ANDROID|CYGWIN"
    r"|MINGW\w*|GNUC|clang|EMSCRIPTEN|wasm\w*|sun|hpux|QNX\w*|\w+BSD|i386|x86_64|amd64|arm|aarch64"
    r"|powerpc\w*|riscv|mips|s390x?|SSE\w*|AVX\w*|ARM_\w+|STDC_VERSION)(?:__)?\b"
    r"|\b__cplusplus\b|\bHAVE_\w+"
)

C = Language(
    name="c",
    suffixes=(".c",),
    nests=(b"=",),
    grammar=("tree_sitter_c", "language"),
    query=QUERY + "(parameter_list (identifier) @bind)",
    test_name=r"test_|Test[A-Z]",
    name_of=name_of,
    is_private=is_private,
    module=module,
    import_line=import_line,
    keeps_paren=_GROUPING.keeps,
    body_of=body_of,
    blank=BLANK,
    one_name=True,
    platform=PLATFORM,
    overloads="parameters",
)
