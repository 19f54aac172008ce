"""Limits of a document, as validation rules.

Strawberry's own rules visit a fragment as often as it is spread, so that twenty-five small fragments keep a server busy
for minutes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    OperationDefinitionNode,
    SelectionSetNode,
    ValidationContext,
    ValidationRule,
)

from resolvers.errors import ApiError, Code
from resolvers.limits import Limits


class Size(NamedTuple):
    """How deep fields nest, how many aliases there are once every fragment is written out, and how long one is."""

    depth: int = 0
    aliases: int = 0
    length: int = 0


class _Measure:
    """Sizes of selections; each fragment is measured once."""

    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {
            one.name.value: one.selection_set for one in document.definitions if isinstance(one, FragmentDefinitionNode)
        }
        self._known: dict[str, Size] = {}

    def selections(self, given: SelectionSetNode | None) -> Size:
        if given is None:
            return Size()
        sizes = [self._selection(one) for one in given.selections]
        return Size(
            max(size.depth for size in sizes), sum(size.aliases for size in sizes), max(size.length for size in sizes)
        )

    def _selection(self, node: Any) -> Size:
        if isinstance(node, FragmentSpreadNode):
            return self._fragment(node.name.value)
        inner = self.selections(node.selection_set)
        if not isinstance(node, FieldNode):
            return inner
        # The depth of introspection has a rule of its own among the standard ones.
        nests = node.selection_set is not None and not node.name.value.startswith("__")
        length = len(node.alias.value) if node.alias else 0
        return Size(
            inner.depth + 1 if nests else 0, inner.aliases + (node.alias is not None), max(length, inner.length)
        )

    def _fragment(self, name: str) -> Size:
        if name not in self._known:
            self._known[name] = Size()  # where a fragment spreads itself; a standard rule refuses that
            self._known[name] = self.selections(self._fragments.get(name))
        return self._known[name]


def limit_rule(limits: Limits) -> type[ValidationRule]:
    """Refuses documents that are too deep or have too many aliases."""

    class LimitRule(ValidationRule):
        def __init__(self, context: ValidationContext) -> None:
            super().__init__(context)
            measure = _Measure(context.document)
            operations = [one for one in context.document.definitions if isinstance(one, OperationDefinitionNode)]
            sizes = [measure.selections(one.selection_set) for one in operations]
            self._check("levels of fields", max((size.depth for size in sizes), default=0), limits.max_depth)
            self._check("aliases", sum(size.aliases for size in sizes), limits.max_aliases)
            length = max((size.length for size in sizes), default=0)
            self._check("characters of an alias", length, limits.max_alias_length)

        def _check(self, what: str, found: int, limit: int) -> None:
            if found > limit:
                problem = ApiError(Code.COST_EXCEEDED, f"{found:,} {what} are more than the {limit} that are allowed")
                self.context.report_error(GraphQLError(problem.message, original_error=problem))

    return LimitRule
