"""Where grouping parentheses change nothing, in languages whose expressions are like C's.

Owns what these languages have in common; each says what its nodes are called. When in doubt a pair
stays: two copies of which one has it are then missed, which is better than a false word.
"""

from __future__ import annotations

from dataclasses import dataclass

from tree_sitter import Node

# Only what all of these languages agree on; a bit operation binds differently in each.
_LEVELS = {
    "*": 5, "/": 5, "%": 5, "+": 4, "-": 4,
    "<": 3, ">": 3, "<=": 3, ">=": 3, "==": 3, "!=": 3, "===": 3, "!==": 3,
    "&&": 2, "||": 1,
}  # fmt: skip
_COMPARISON = 3


@dataclass(frozen=True)
class Grouping:
    """What a grammar calls the things around and inside a pair of parentheses.

    Attributes:
        atoms: What needs no parentheses anywhere.
        chains: Calls, members and subscripts: they need none but in front of another of these.
        prefixes: Unary operations: they need none as an operand of a binary one.
        binary: The binary operation.
        free: What encloses one whole expression.
        condition: What a pair belongs to that must be written.
        never: What keeps its parentheses.
    """

    atoms: frozenset[str]
    chains: frozenset[str]
    prefixes: frozenset[str]
    binary: str
    free: frozenset[str]
    condition: frozenset[str] = frozenset()
    never: frozenset[str] = frozenset()

    def keeps(self, pair: Node) -> bool:
        """True where a pair of parentheses must stay."""
        if pair.named_child_count != 1:
            return True
        parent, inside = pair.parent, pair.named_child(0)
        if parent is None or parent.type in self.condition:
            return True
        if parent.type == pair.type:
            return False  # Of several pairs one is enough; the outermost answers for all.
        while inside.type == pair.type and inside.named_child_count == 1:
            inside = inside.named_children[0]
        kind = inside.type
        if kind in self.never:
            return True
        if kind in self.atoms:
            return False
        if kind in self.chains:
            return parent.type in self.chains or parent.type in self.never
        if parent.type == self.binary:
            return not (
                (kind in self.prefixes and _level(parent) > 0)
                or (kind == self.binary and _binds_tighter(inside, parent, pair))
            )
        return parent.type not in self.free


def _level(node: Node) -> int:
    sign = node.child_by_field_name("operator")
    return _LEVELS.get(sign.type, 0) if sign is not None else 0


def _binds_tighter(inner: Node, outer: Node, pair: Node) -> bool:
    """True for a product in a sum, and for the left one of two that are read from the left."""
    inside, outside = _level(inner), _level(outer)
    if not inside or not outside:
        return False
    return inside > outside or (
        inside == outside != _COMPARISON and outer.child_by_field_name("left") == pair
    )
