"""C#: what the index has to know of it, and how its namespaces are used."""

from __future__ import annotations

from tree_sitter import Node

from steadyhand_agent.index.definitions import Definition
from steadyhand_agent.index.languages.grouping import Grouping
from steadyhand_agent.index.languages.language import TEST_PATH, Language, Paths, said_private

_CLASSES = (
    "class_declaration", "struct_declaration", "interface_declaration", "record_declaration",
    "enum_declaration",
)  # fmt: skip
_METHODS = ("method_declaration", "constructor_declaration", "property_declaration")
# Modifiers say who may call a method, not what it does; `override` and `partial` say that there is
# another one by right, and stand among the attributes for that.
_QUERY = """
[(method_declaration) (constructor_declaration) (property_declaration)] @method
(local_function_statement) @function
[(class_declaration) (struct_declaration) (interface_declaration) (record_declaration)
 (enum_declaration)] @class
(delegate_declaration) @type
(field_declaration (modifier) @_const (#any-of? @_const "const" "static")) @constant
(file_scoped_namespace_declaration) @header
(namespace_declaration) @namespace
[(lambda_expression) (anonymous_method_expression)] @closure
[(preproc_if) (preproc_else) (preproc_elif)] @branch
(ERROR) @error
[(comment) (preproc_region) (preproc_endregion) (preproc_pragma)] @comment
[(string_literal) (verbatim_string_literal) (raw_string_literal) (character_literal)
 (interpolated_string_expression)] @string
(interpolation) @interpolation
(parenthesized_expression) @paren
(argument name: (identifier) @key)
(object_creation_expression type: (identifier) @key)
(object_creation_expression type: (generic_name . (identifier) @key))
(initializer_expression (assignment_expression left: (identifier) @key))
(parameter name: (identifier) @bind)
(parameter_list name: (identifier) @bind)
(implicit_parameter) @bind
(local_declaration_statement
  (variable_declaration (variable_declarator name: (identifier) @bind)))
(for_statement (variable_declaration (variable_declarator name: (identifier) @bind)))
(using_statement (variable_declaration (variable_declarator name: (identifier) @bind)))
(fixed_statement (variable_declaration (variable_declarator name: (identifier) @bind)))
(tuple_pattern name: (identifier) @bind)
(foreach_statement left: (identifier) @bind)
(declaration_expression name: (identifier) @bind)
(catch_declaration name: (identifier) @bind)
(declaration_pattern name: (identifier) @bind)
(recursive_pattern name: (identifier) @bind)
(var_pattern name: (identifier) @bind)
(from_clause name: (identifier) @bind)
(let_clause . (identifier) @bind)
(local_function_statement name: (identifier) @bind)
(type_parameter name: (identifier) @bind)
""" + "".join(
    [f"({node} (attribute_list) @decorator)\n" for node in (*_METHODS, *_CLASSES)]
    + [
        f'({node} (modifier) @decorator (#any-of? @decorator "override" "partial"))\n'
        for node in (*_METHODS, *_CLASSES)
    ]
    + [
        f'({node} (modifier) @drop (#not-match? @drop "^(override|partial|async|unsafe)$"))\n'
        for node in _METHODS
    ]
)

_GROUPING = Grouping(
    atoms=frozenset(
        {
            "identifier", "this", "boolean_literal", "null_literal", "string_literal",
            "character_literal", "integer_literal", "real_literal",
        }
    ),
    chains=frozenset(
        {
            "invocation_expression", "member_access_expression", "element_access_expression",
            "object_creation_expression",
        }
    ),
    prefixes=frozenset({"prefix_unary_expression"}),
    binary="binary_expression",
    free=frozenset(
        {
            "return_statement", "throw_statement", "variable_declarator", "assignment_expression",
            "argument", "arrow_expression_clause",
        }
    ),
    condition=frozenset(
        {
            "if_statement", "while_statement", "do_statement", "switch_statement", "lock_statement",
            "using_statement", "fixed_statement",
        }
    ),
    never=frozenset(
        {
            "cast_expression", "lambda_expression", "anonymous_method_expression",
            "await_expression", "switch_expression", "query_expression",
        }
    ),
)  # fmt: skip


def _name_of(node: Node) -> Node | None:
    """The name field; of a field, its first declarator's; none of a property without code."""
    if node.type == "field_declaration":
        declared = next((n for n in node.named_children if n.type == "variable_declaration"), None)
        first = declared.named_children[-1] if declared is not None else None
        return first.child_by_field_name("name") if first is not None else None
    if node.type == "property_declaration" and _code_of(node) is None:
        return None
    return node.child_by_field_name("name")


def _code_of(node: Node) -> Node | None:
    """The body of a property: `=> …`, or accessors of which one has a body."""
    accessors = node.child_by_field_name("accessors")
    if accessors is None:
        value = node.child_by_field_name("value")
        return value if value is not None and value.type == "arrow_expression_clause" else None
    written = any(one.child_by_field_name("body") is not None for one in accessors.named_children)
    return accessors if written else None


def _body_of(node: Node) -> Node | None:
    return _code_of(node) if node.type == "property_declaration" else None


def _namespace(definition: Definition) -> str:
    """What stands before the outermost class; nothing tells one that is nested from a namespace."""
    parts = definition.qualified.split(".")[:-1]
    if definition.kind in ("method", "constant") and parts:
        parts.pop()
    return ".".join(parts)


def _import_line(definition: Definition, _importing: str | None, _paths: Paths) -> str:
    namespace = _namespace(definition)
    return f"using {namespace};" if namespace else ""


CSHARP = Language(
    name="csharp",
    suffixes=(".cs",),
    nests=(b"<",),
    grammar=("tree_sitter_c_sharp", "language"),
    query=_QUERY,
    stub=r'\{(?:\s|;|throw new (?:\w+\.)*Not(?:Implemented|Supported)Exception\(\s*"?\s*\);)*\}'
    r'|=>\s*throw new (?:\w+\.)*Not(?:Implemented|Supported)Exception\(\s*"?\s*\)|;?',
    test_path=TEST_PATH + r"|(^|/)[^/]*\.?Tests?/",
    test_decorator=r"^\[\s*(?:\w+\.)*(?:Fact|Theory|Test\w*|UnityTest|SetUp|TearDown|DataTestMethod)\b",
    platform=r"\b(?:NET(?:\d|STANDARD|FRAMEWORK|COREAPP|CORE)\w*|WINDOWS\w*|LINUX|UNIX|MACOS\w*|OSX"
    r"|ANDROID|IOS|MONO|WASM|BROWSER|UNITY_\w+)\b",
    class_constants=True,
    name_of=_name_of,
    is_private=said_private,
    import_line=_import_line,
    keeps_paren=_GROUPING.keeps,
    body_of=_body_of,
    overloads="parameters",
)
