"""What is linted: each template with the campaigns that use it, each of those with its recipients."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mailflow.campaigns.people import People
from mailflow.campaigns.planning import CampaignPlan
from mailflow.campaigns.spec import CampaignFile, CampaignSpec
from mailflow.config.yaml_files import parse_spec, parse_yaml, suggestion
from mailflow.errors import ConfigError, UsageError
from mailflow.jobs.campaign import OpenCampaign
from mailflow.policy import Reason
from mailflow.workspace import Workspace

if TYPE_CHECKING:
    from mailflow.templates.compiled import CompiledTemplate

_NO_CAMPAIGN = "lint"  # the id of the campaign to everybody that a template without one is tried with


@dataclass(frozen=True, slots=True)
class Task:
    """One template, and one campaign that sends it; None where none does."""

    template: CompiledTemplate
    campaign: OpenCampaign | None

    @property
    def name(self) -> str:
        """What it is called in talk."""
        return self.campaign.file.spec.id if self.campaign else self.template.name


def tasks(
    templates: Mapping[str, CompiledTemplate], campaigns: Mapping[str, OpenCampaign], names: Collection[str]
) -> list[Task]:
    """Return what is to be linted: everything, or the templates and campaigns that are named."""
    used = [
        Task(template, c)
        for c in campaigns.values()
        if c.file.spec.template in templates and (template := _template_of(c)) is not None
    ]
    sent = {task.template.name for task in used}
    found = [*used, *(Task(template, None) for name, template in templates.items() if name not in sent)]
    if not names:
        return found
    return [task for task in found if {task.template.name, task.name, *_file_names(task)} & set(names)]


def _template_of(campaign: OpenCampaign) -> CompiledTemplate | None:
    """Return a campaign's template; None for a draft nobody reviewed, of which the examination of the files tells."""
    try:
        return campaign.template
    except ConfigError:
        return None


def check_names(names: Collection[str], templates: Collection[str], campaigns: Collection[OpenCampaign]) -> None:
    """Raise `UsageError` for a name that is neither of a template nor of a campaign."""
    known = {*templates, *(c.file.spec.id for c in campaigns), *(c.file.name for c in campaigns)}
    for name in names:
        if name not in known:
            raise UsageError(f"there is no template or campaign {name!r}{suggestion(name, sorted(known))}")


def _file_names(task: Task) -> tuple[str, ...]:
    return (task.campaign.file.name,) if task.campaign else ()


def to_everybody(workspace: Workspace, template: CompiledTemplate) -> OpenCampaign:
    """Return a campaign that would send a template to everybody who may be mailed; it is in no file."""
    text = f"id: {_NO_CAMPAIGN}\naudience: everyone\ntemplate: {template.name}\n"
    document = parse_yaml(text, template.file)
    return OpenCampaign(workspace, CampaignFile(parse_spec(CampaignSpec, document), text, document))


def recipients(plan: CampaignPlan) -> People:
    """Return who would get a campaign now; of a rehearsal also who has it, for whom the next send is the first."""
    return _served(plan) if plan.scope.is_rehearsal and not plan.recipients else plan.recipients


def is_done(plan: CampaignPlan) -> bool:
    """Whether somebody has a campaign and nobody else would get it: what is wrong with it now comes too late."""
    return not plan.recipients and len(_served(plan)) > 0


def _served(plan: CampaignPlan) -> People:
    return plan.people.where(lambda _, said: said.reason == Reason.ALREADY_SENT)


def spread(people: People, count: int) -> People:
    """Return `count` people from the whole length of a list: always the same ones."""
    if len(people) <= count:
        return people
    return people.at(number * len(people) // count for number in range(count))
