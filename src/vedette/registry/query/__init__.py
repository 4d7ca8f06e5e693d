"""The query language of the hub, over devices and modules: one language for queries, lists and groups.

Terms: a *condition* is what stands after ``WHERE``; a *path* leads into an identity's document, ``tags.site``; a path
that leads nowhere is *undefined*; a *source* is the kind of identities a query is about.

Invariants: logic has two values, and what is undefined or of another type compares as false. The evaluator in Python
defines the language; SQL may only find the same. Nothing a person writes becomes part of an SQL text.
"""

from __future__ import annotations

from vedette.registry.query.check import check_condition, check_group_condition, check_query, fields_of
from vedette.registry.query.completion import Completion, complete
from vedette.registry.query.errors import InvalidCursor, InvalidQuery, QueryTooBroad
from vedette.registry.query.evaluate import condition, evaluator
from vedette.registry.query.parser import parse_condition, parse_query
from vedette.registry.query.service import QueryPage, QueryService

__all__ = [
    "Completion",
    "InvalidCursor",
    "InvalidQuery",
    "QueryPage",
    "QueryService",
    "QueryTooBroad",
    "check_condition",
    "check_group_condition",
    "check_query",
    "complete",
    "condition",
    "evaluator",
    "fields_of",
    "parse_condition",
    "parse_query",
]
