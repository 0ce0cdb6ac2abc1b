"""Check what a template may say, on its syntax tree, before anything runs, and put the limits into it.

An allow-list of Jinja's nodes: conditions, loops over given lists, values, filters. No calls, macros, imports or
captured blocks: each is either a way out of the sandbox or a way to make a short template produce a huge text.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, NoReturn

from jinja2 import nodes
from jinja2.exceptions import TemplateSyntaxError
from jinja2.visitor import NodeTransformer

from mailflow.templates.codegen import COUNTED
from mailflow.templates.filters import AND_SHOWN, FILTERS, TESTS

if TYPE_CHECKING:
    from jinja2 import Environment

# Written into the source by markup.py and links.py.
PLACE_FILTERS = frozenset("__link__ __host__ __path__ __query__ __css__ __counted__ __tagged__ __pixel__".split())
MAX_SOURCE = 256 * 1024
MAX_DEPTH = 8
MAX_EXPRESSION = 60  # parts inside parts of one expression
MAX_BITS = 512  # of a number

_HELD = frozenset(("never_show",))  # names that filters go by, which a template cannot give another value

_EXPRESSIONS = (
    nodes.Const, nodes.Name, nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Filter, nodes.Test, nodes.Compare,
    nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv,
    nodes.Mod, nodes.Pow, nodes.Neg, nodes.Pos, nodes.Concat, nodes.CondExpr, nodes.List,
    nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Keyword, nodes.Call,
)  # fmt: skip
_STATEMENTS = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.If,
    nodes.For,
    nodes.Assign,
    nodes.With,
    nodes.Include,
)
_ALLOWED = frozenset((*_EXPRESSIONS, *_STATEMENTS))

_REFUSED = {
    nodes.Macro: "{% macro %} is not available: put what is repeated into a block and {% include %} it",
    nodes.CallBlock: "{% call %} is not available",
    nodes.FilterBlock: "{% filter %} is not available: put the filter behind the value, {{ value | upper }}",
    nodes.AssignBlock: "{% set %} without = is not available: write {% set name = value %}",
    nodes.Extends: "{% extends %} is not available: a template names its layout in its front matter, layout: NAME",
    nodes.Block: "{% block %} is not available: a layout has one place, {{ content }}",
    nodes.Import: "{% import %} is not available: use {% include %}",
    nodes.FromImport: "{% import %} is not available: use {% include %}",
    nodes.NSRef: "namespace() is not available",
    nodes.Scope: "{% autoescape %} is not available: every value is escaped",
}
_RESERVED_NAMES = frozenset("self super caller varargs kwargs range lipsum cycler joiner namespace dict".split())
# What people write as a method of Python, and what to write here.
_METHODS = {"strip": "trim", "strftime": "date"}


class Guard(NodeTransformer):
    """Walks one template's tree; raises `TemplateSyntaxError` with the line of what is not allowed."""

    def __init__(self, environment: Environment, name: str | None, filename: str | None) -> None:
        self.environment = environment
        self.name = name
        self.filename = filename
        self.depth = 0
        self.inside = 0  # parts of an expression around the one looked at

    def visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> Any:
        if type(node) not in _ALLOWED:
            self._fail(node, _REFUSED.get(type(node), f"{type(node).__name__.lower()} is not available in a template"))
        self.inside = self.inside + 1 if isinstance(node, nodes.Expr) else 0
        if self.inside > MAX_EXPRESSION:
            self._fail(node, f"an expression has more than {MAX_EXPRESSION} parts inside each other: split it up")
        around = self.inside
        visited = super().visit(node, *args, **kwargs)
        self.inside = max(0, around - 1)
        return visited

    def visit_Const(self, node: nodes.Const) -> nodes.Node:
        value = node.value
        is_huge = isinstance(value, int) and value.bit_length() > MAX_BITS
        if is_huge or (isinstance(value, float) and value - value != 0):
            self._fail(node, "a number in this template is too large")
        return node

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:
        self.generic_visit(node)
        node.expr = self._weighed(node.expr)
        for operand in node.ops:
            operand.expr = self._weighed(operand.expr)
        return node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:
        self.generic_visit(node)
        if isinstance(node.arg, nodes.Slice):
            node.node = self._filtered(node.node, "__weighed__")
        return node

    def visit_For(self, node: nodes.For) -> nodes.Node:
        if node.recursive:
            self._fail(node, "a recursive loop is not available")
        each_round = [*node.body, *node.else_, *([node.test] if node.test is not None else [])]
        weight = 1 + sum(1 for child in each_round for _ in child.find_all(nodes.Node))
        self._nested(node)
        node.iter = self._filtered(node.iter, "__each__", nodes.Const(weight))
        return node

    def visit_If(self, node: nodes.If) -> nodes.Node:
        return self._nested(node)

    def visit_With(self, node: nodes.With) -> nodes.Node:
        return self._nested(node)

    def visit_Output(self, node: nodes.Output) -> nodes.Node:
        self.generic_visit(node)
        node.nodes = [child if isinstance(child, nodes.TemplateData) else self._shown(child) for child in node.nodes]
        return node

    def _shown(self, child: nodes.Expr) -> nodes.Filter:
        """Return a value with `__shown__` behind it; a value in a link or style with its filter and this in one."""
        if isinstance(child, nodes.Filter) and child.name in AND_SHOWN:
            return self._filtered(child.node, AND_SHOWN[child.name], *child.args)
        if isinstance(child, nodes.Filter) and child.name == COUNTED:
            return self._filtered(child.node, child.name, nodes.Const(label(child)), *child.args)
        return self._filtered(child, "__shown__", nodes.Const(label(child)))

    def visit_Name(self, node: nodes.Name) -> nodes.Node:
        if node.ctx != "load" and node.name in _HELD:
            self._fail(node, f"{node.name!r} is what mailflow knows of the reader: a template cannot change it")
        if node.name in _RESERVED_NAMES or node.name.startswith("__"):
            self._fail(node, f"the name {node.name!r} is not available in a template")
        return node

    def visit_Getattr(self, node: nodes.Getattr) -> nodes.Node:
        if node.attr.startswith("_"):
            self._fail(node, f"the name {node.attr!r} is not available in a template")
        return self.generic_visit(node)

    def visit_Call(self, node: nodes.Call) -> nodes.Node:
        called = node.node
        if isinstance(called, nodes.Getattr) and called.attr == "cycle" and label(called.node) == "loop":
            return self.generic_visit(node)
        if isinstance(called, nodes.Getattr):
            wanted = _METHODS.get(called.attr, called.attr)
            if wanted in FILTERS:
                self._fail(node, f"write {{{{ {label(called.node)} | {wanted} }}}} instead of .{called.attr}()")
        return self._fail(node, f"{label(called)}() cannot be called: templates get plain data and filters")

    def visit_Filter(self, node: nodes.Filter) -> nodes.Node:
        if node.name == "safe":
            self._fail(node, "the filter 'safe' is not available: what comes from data is never put in as HTML")
        if node.name not in FILTERS or (node.name.startswith("__") and node.name not in PLACE_FILTERS):
            self._fail(node, f"there is no filter {node.name!r}{_near(node.name, FILTERS)}")
        return self.generic_visit(node)

    def visit_Test(self, node: nodes.Test) -> nodes.Node:
        if node.name not in TESTS:
            self._fail(node, f"there is no test {node.name!r}{_near(node.name, TESTS)}")
        return self.generic_visit(node)

    def visit_Include(self, node: nodes.Include) -> nodes.Node:
        if not isinstance(node.template, nodes.Const) or not isinstance(node.template.value, str):
            self._fail(node, 'say which block in quotes: {% include "blocks/NAME.md" %}')
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        return self._filtered(nodes.List(node.nodes, lineno=node.lineno), "__concat__")

    def visit_List(self, node: nodes.List) -> nodes.Node:
        return self._plain(node, node.items)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:
        return node if node.ctx == "store" else self._plain(node, node.items)

    def visit_Dict(self, node: nodes.Dict) -> nodes.Node:
        return self._plain(node, [pair.value for pair in node.items])

    def _plain(self, node: Any, values: list[Any]) -> nodes.Node:
        self.generic_visit(node)
        if all(isinstance(value, nodes.Const) for value in values):
            return node  # type: ignore[no-any-return]
        return self._filtered(node, "__plain__")

    def _weighed(self, node: Any) -> Any:
        return node if self.depth == 0 or isinstance(node, nodes.Const) else self._filtered(node, "__weighed__")

    def _nested(self, node: nodes.Node) -> nodes.Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self._fail(node, f"conditions and loops are nested more than {MAX_DEPTH} deep")
        self.generic_visit(node)
        self.depth -= 1
        return node

    def _filtered(self, node: Any, name: str, *arguments: nodes.Expr) -> nodes.Filter:
        return nodes.Filter(
            node, name, list(arguments), [], None, None, lineno=node.lineno, environment=self.environment
        )

    def _fail(self, node: nodes.Node, message: str) -> NoReturn:
        lines = (each.lineno for each in (node, *node.iter_child_nodes()))
        line = next((line for line in lines if line is not None), 1)  # a scope has none of its own
        raise TemplateSyntaxError(message, line, self.name, self.filename)


def label(node: nodes.Node) -> str:
    """Return the words of an expression for a message: `contact.first_name` for it and whatever filters are behind."""
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr):
        return f"{label(node.node)}.{node.attr}"
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        return f"{label(node.node)}[{node.arg.value!r}]"
    if isinstance(node, nodes.Filter) and node.node is not None:
        return label(node.node)
    return "the value"


def _near(word: str, known: Any) -> str:
    names = [name for name in known if name.isalpha()]
    near = difflib.get_close_matches(word, names, n=1)
    return f" (did you mean {near[0]!r}?)" if near else f": there are {', '.join(sorted(names))}"
