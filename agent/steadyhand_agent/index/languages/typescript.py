"""TypeScript and TSX: JavaScript, and types, which do not count."""

from __future__ import annotations

from steadyhand_agent.index.languages import javascript
from steadyhand_agent.index.languages.language import Language

_QUERY = """
(abstract_class_declaration) @class
(interface_declaration) @class
(enum_declaration) @class
(type_alias_declaration) @type
(function_signature) @function
(method_signature) @method
(abstract_method_signature) @method
(internal_module) @namespace
(module) @namespace
(public_field_definition value: [(arrow_function) (function_expression)]) @method
(variable_declarator
 value: (as_expression (object (pair value: [(arrow_function) (function_expression)])) @scope))
(variable_declarator value:
 (satisfies_expression (object (pair value: [(arrow_function) (function_expression)])) @scope))
(variable_declarator
 value: (as_expression (object (pair value: [(arrow_function) (function_expression)]) @method)))
(variable_declarator value:
 (satisfies_expression (object (pair value: [(arrow_function) (function_expression)]) @method)))
(ambient_declaration) @wrap
(type_annotation) @drop
(type_predicate_annotation) @drop
(asserts_annotation) @drop
(type_parameters) @drop
(type_arguments) @drop
(implements_clause) @drop
(accessibility_modifier) @drop
(override_modifier) @drop
(override_modifier) @decorator
(as_expression (_) "as" @drop (_) @drop)
(as_expression (_) "as" @drop "const" @drop)
(satisfies_expression (_) "satisfies" @drop (_) @drop)
(non_null_expression "!" @drop)
(optional_parameter "?" @drop)
(required_parameter "readonly" @drop)
(method_definition "?" @drop)
(variable_declarator "!" @drop)
(public_field_definition "=" @drop value: [(arrow_function) (function_expression)])
(public_field_definition "static" @drop value: [(arrow_function) (function_expression)])
(public_field_definition "readonly" @drop value: [(arrow_function) (function_expression)])
(public_field_definition
 value: [(arrow_function "=>" @drop) (function_expression "function" @drop)])
(required_parameter pattern: (identifier) @bind)
(optional_parameter pattern: (identifier) @bind)
(class_declaration name: (type_identifier) @bind)
"""
_AROUND = ("program", "export_statement")
_MORE = "(as_expression) (satisfies_expression)"


def _language(name: str, suffixes: tuple[str, ...], function: str, more: str) -> Language:
    constants = "".join(javascript.CONSTANTS.format(around=w, more=_MORE) for w in _AROUND)
    return Language(
        name=name,
        suffixes=suffixes,
        nests=(b"<",),
        grammar=("tree_sitter_typescript", function),
        query=javascript.QUERY + _QUERY + more + constants,
        stub=javascript.STUB,
        platform=javascript.PLATFORM,
        name_of=javascript.name_of,
        owner_of=javascript.owner_of,
        is_private=javascript.is_private,
        import_line=javascript.import_line,
        keeps_paren=javascript.keeps_paren,
    )


TYPESCRIPT = _language("typescript", (".ts", ".mts", ".cts"), "language_typescript", "")
TSX = _language("tsx", (".tsx",), "language_tsx", javascript.JSX)
