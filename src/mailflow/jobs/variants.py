"""Find the variants of a template that real people get, and make one of each. Branches: templates/branches.py."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mailflow.errors import MailflowError, ProblemsError
from mailflow.jobs import offering, personal, preview, readers
from mailflow.jobs.preview import TOKEN, Preview
from mailflow.jobs.variant_footers import Footers
from mailflow.templates.conditions import OF_COUNTRIES
from mailflow.templates.source import SHIPPED
from mailflow.workspace import Workspace

if TYPE_CHECKING:
    from mailflow.templates.branches import Branch, Branches
    from mailflow.templates.compiled import CompiledTemplate

MOST = 200  # variants that are rendered; the rest is counted
MOST_APART = 20_000  # variants that are told apart
_TRIED = 5  # people of a variant that are tried until one can be rendered
_Shown = tuple[int, int, tuple[Preview | None, str | None]]  # branches taken, people, the message or what keeps it
_NO_PROGRESS: Callable[[int], None] = lambda people: None  # noqa: E731


@dataclass(frozen=True, slots=True)
class Variant:
    """What everybody gets who takes the same branches; `made` for one of them, or the `problem` with making it.

    `told` says for whom it is: the names of the branches that not all variants take. Nobody gets a variant of 0
    people: it is the sample person's, rendered for the sake of a branch that no reader takes.
    """

    people: int
    branches: Sequence[Branch]
    told: Sequence[str]
    made: Preview | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that keeps a message from being made at all, with how many people it concerns and one of them."""

    problem: str
    people: int


@dataclass(frozen=True, slots=True)
class Variants:
    """All variants of a template, those of most people first; `unreached` are branches that no reader takes.

    `further` and `further_people` count variants beyond `MOST`; `untold` people get one beyond `MOST_APART`.
    """

    template: str
    campaigns: tuple[str, ...]
    people: int
    variants: Sequence[Variant]
    unreached: Sequence[Branch]
    failures: Sequence[Failure]
    further: int = 0
    further_people: int = 0
    untold: int = 0


@dataclass(slots=True)
class _Seen:
    """What the readers of a template take: by set of branches how many people, and the first few."""

    people: Counter[int] = field(default_factory=Counter)
    first: dict[int, list[int]] = field(default_factory=dict)
    failures: Counter[str] = field(default_factory=Counter)
    wordings: dict[str, str] = field(default_factory=dict)
    reached: int = 0
    untold: int = 0

    def add(self, taken: int, contact_id: int) -> None:
        self.reached |= taken
        if taken not in self.people and len(self.people) >= MOST_APART:
            self.untold += 1
            return
        self.people[taken] += 1
        known = self.first.setdefault(taken, [])
        if len(known) < _TRIED:
            known.append(contact_id)

    def fail(self, error: ProblemsError) -> None:
        problem = error.problems[0]
        place = f"{problem.file}:{problem.line}:{problem.column}"
        self.failures[place] += 1
        self.wordings.setdefault(place, str(problem))


def variants(workspace: Workspace, name: str, *, now: datetime, tell: Callable[[int], None] = _NO_PROGRESS) -> Variants:
    """Return each combination of branches that a reader of the template takes, rendered once.

    All readers are looked at, in blocks; `tell` is told how many were. A template without branches is looked at for
    one of them.
    """
    from mailflow.templates.branches import Branches

    template = preview.load(workspace, name)
    branches = Branches(template, {name: field.type for name, field in workspace.settings.fields.items()})
    people = readers.of_template(workspace, template, now=now)
    finder = _Finder(workspace, template, branches, Footers.of(workspace, template), now)
    return finder.found(people.campaigns, finder.look(people.blocks, tell))


@dataclass(frozen=True, slots=True)
class _Finder:
    workspace: Workspace
    template: CompiledTemplate
    branches: Branches
    footers: Footers
    now: datetime

    def look(self, blocks: Iterator[list[int]], tell: Callable[[int], None]) -> _Seen:
        """Return which branches the readers take."""
        seen = _Seen()
        every = self._beside_the_person()
        asked = personal.asked(self.workspace, [self.template], now=self.now)
        for block in blocks:
            if not self._all and seen.first:
                seen.people[0] += len(block)
            else:
                known = personal.contexts_of(self.workspace, asked, block, now=self.now)
                self._note(seen, known, every)
            tell(len(block))
        return seen

    def _note(self, seen: _Seen, known: Mapping[int, Mapping[str, Any]], every: Mapping[str, Any]) -> None:
        for contact_id, context in known.items():
            try:
                seen.add(self._taken({**context, **every}), contact_id)
            except ProblemsError as error:
                seen.fail(error)

    def found(self, campaigns: tuple[str, ...], seen: _Seen) -> Variants:
        """Return what was seen, with a message of each variant."""
        counted = sorted(seen.people.items(), key=lambda item: (-item[1], item[0]))
        reached = seen.reached
        taken_by_all = ~0
        for taken in seen.people:
            taken_by_all &= taken
        shown = [(taken, people, self._made(seen.first[taken])) for taken, people in counted[:MOST]]
        shown += self._samples(reached, is_needed=not seen.people)
        rest = counted[MOST:]
        return Variants(
            template=self.template.name,
            campaigns=campaigns,
            people=sum(seen.people.values()) + sum(seen.failures.values()) + seen.untold,
            variants=[
                Variant(people, self._own(taken), self._told(taken & ~taken_by_all), *made)
                for taken, people, made in shown
            ],
            unreached=self._written(~reached),
            failures=[Failure(seen.wordings[place], people) for place, people in seen.failures.most_common()],
            further=len(rest),
            further_people=sum(people for _, people in rest),
            untold=seen.untold,
        )

    def _made(self, contact_ids: Sequence[int]) -> tuple[Preview | None, str | None]:
        """Return the message of the first of some people whose message can be made, else why it cannot."""
        problem = None
        known = personal.contexts(self.workspace, self.template, contact_ids, now=self.now)
        for contact_id in contact_ids:
            try:
                return self._preview(known[contact_id], is_sample=False), None
            except MailflowError as error:
                problem = problem or str(error)
        return None, problem

    def _samples(self, reached: int, *, is_needed: bool) -> Iterator[_Shown]:
        """Yield the sample person's variant where nobody reads, and where it takes a branch that no reader takes.

        A translation that no reader gets is one: they read it in its language then.
        """
        for language in (None, *self.template.translations):
            known = personal.sample(self.workspace, self.template, now=self.now)
            if language is not None:
                known["contact"]["language"] = language
            try:
                taken = self._taken({**known, **self._beside_the_person()})
                if is_needed or self._written(taken & ~reached):
                    yield taken, 0, (self._preview(known, is_sample=True), None)
            except MailflowError:
                continue
            is_needed, reached = False, reached | taken

    def _preview(self, known: Mapping[str, Any], *, is_sample: bool) -> Preview:
        return preview.of_context(self.workspace, self.template, known, is_sample=is_sample, now=self.now)

    def _beside_the_person(self) -> dict[str, Any]:
        """Return what templates know that is not looked up for each person: links, names, a sample of a code."""
        return {
            **preview.renderer_of(self.workspace, self.template).known({}, token=TOKEN),
            **offering.sample(self.workspace, self.template, TOKEN, self.now),
        }

    @property
    def _all(self) -> Sequence[Branch]:
        return [*self.branches.all, *self.footers.branches.values()]

    def _taken(self, context: Mapping[str, Any]) -> int:
        """Return a number with a bit for each branch that somebody's message takes, by its place in `_all`."""
        return self.branches.taken(context) | self.footers.taken(context["shop"]) << len(self.branches.all)

    def _of(self, taken: int) -> list[Branch]:
        return [branch for number, branch in enumerate(self._all) if taken >> number & 1]

    def _own(self, taken: int) -> list[Branch]:
        """Return branches in the shop's own files, of those with a bit in `taken`."""
        return [branch for branch in self._of(taken) if not branch.file.startswith(SHIPPED)]

    def _written(self, taken: int) -> list[Branch]:
        """Return what the template itself says for somebody, of branches with a bit in `taken`; footers are no part."""
        known = (1 << len(self.branches.all)) - 1
        return [branch for branch in self._own(taken & known) if branch.is_written]

    def _told(self, taken: int) -> list[str]:
        """Return for whom a variant is: by what it has that not all have, else by what it lacks."""
        branches = self._of(taken)
        written = [branch for branch in branches if branch.is_written]
        names = dict.fromkeys(branch.name for branch in written or branches)
        said = OF_COUNTRIES if self.footers.branches else ()  # footers say whose
        return [name for name in names if name not in said]
