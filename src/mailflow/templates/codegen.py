"""The Python that a template becomes: Jinja's own, but for what every message does hundreds of times.

Values are looked up in mappings, found to be text and found among what a filter has seen before, all without a call,
and what comes in a row is handed out in one go. All else is Jinja's: what runs is what guard.py has passed, and
whatever is not as plain as that goes through environment.py and filters.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.idtracking import VAR_LOAD_RESOLVE

if TYPE_CHECKING:
    from mailflow.templates.environment import MailEnvironment

SHOWN = "__shown_"  # how the names of filters begin whose results are text that can be handed out
COUNTED = "__counted__"  # the filter that hands out two of them: links.py
AT_ONCE = 64  # values and words of a template handed out in one go, at most


class MailCode(CodeGenerator):
    """Writes root functions that yield tuples of text.

    `_v` is a value for the moment in which it is looked at: each is set and read within one expression.
    """

    environment: MailEnvironment

    def pull_dependencies(self, nodes: Iterable[nodes.Node]) -> None:
        """Write what all of a template's code goes by: its filters, and what these have seen."""
        super().pull_dependencies(nodes)
        self.writeline("_look = environment.getattr")
        for name in sorted(self.filters.keys() & self.environment.kept.keys()):
            self.writeline(f"{self.filters[name]}_kept = environment.kept[{name!r}].get")

    def enter_frame(self, frame: Frame) -> None:
        """Write how names get their values: at the top, before a template has set any, straight out of the mapping."""
        if not frame.toplevel:
            super().enter_frame(frame)
            return
        self.writeline("_known = context.parent.get")
        for target, (action, name) in frame.symbols.loads.items():
            is_asked = action == VAR_LOAD_RESOLVE
            self.writeline(f"{target} = _known({name!r}, missing)" if is_asked else f"{target} = missing")

    def visit_Output(self, node: nodes.Output, frame: Frame) -> None:
        children = iter(node.nodes)
        while some := list(islice(children, AT_ONCE)):
            self.writeline("yield (", node)
            self.indent()
            for child in some:
                self._piece(child, frame)
            self.outdent()
            self.writeline(")")

    def _piece(self, child: nodes.Expr, frame: Frame) -> None:
        self.newline(child)
        if isinstance(child, nodes.Filter) and child.name == COUNTED:
            self.write("*")
            self.visit(child, frame)
        elif isinstance(child, nodes.TemplateData):
            self.write(repr(child.data))
        elif isinstance(child, nodes.Filter) and child.name.startswith(SHOWN):
            self.visit(child, frame)
        else:
            self.write("str(")
            self.visit(child, frame)
            self.write(")")
        self.write(",")

    def visit_Getattr(self, node: nodes.Getattr, frame: Frame) -> None:
        self.write(f"(_v[{node.attr!r}] if type(_v := ")
        self.visit(node.node, frame)
        self.write(f") is dict and {node.attr!r} in _v else _look(_v, {node.attr!r}))")

    def visit_Filter(self, node: nodes.Filter, frame: Frame) -> None:
        if node.node is None or node.name not in self.environment.kept:
            super().visit_Filter(node, frame)
            return
        function = self.filters[node.name]
        self.write("(type(_v := ")
        self.visit(node.node, frame)
        self.write(f") is str and {function}_kept(_v) or {function}(_v")
        for argument in node.args:
            self.write(", ")
            self.visit(argument, frame)
        self.write("))")
