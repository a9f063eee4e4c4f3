"""The rules in force, and reading them again."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel

from app.messages import GetRules, ReloadRules, RulesInForce
from app.messages import Request as LinkRequest
from app.web.api.prefix import PREFIX
from app.web.auth import Admin, Reader
from app.web.context import WebContext, context_of
from app.web.problems import FieldMistake, ProblemError, responses

router = APIRouter(prefix=PREFIX, tags=["rules"])

RELOAD_WITHIN_S = 90.0


class RuleView(BaseModel):
    """A rule that decides now. Durations are seconds."""

    name: str
    summary: str
    detector: str
    severity: str
    raise_after_s: float
    clear_after_s: float
    advice: str
    version: int


class RulesView(BaseModel):
    """The rules that decide now; `version` names them together with the dictionary.

    `mistakes` says why the newest files were not loaded.
    """

    version: str
    rules: list[RuleView]
    mistakes: list[str]


@router.get("/rules", responses=responses())
async def get_rules(request: Request, _: Reader) -> RulesView:
    """Return the rules that decide now."""
    return _view(await rules_in_force(context_of(request), GetRules()))


@router.post("/rules/reload", responses=responses())
async def reload_rules(request: Request, principal: Admin) -> RulesView:
    """Read rules and dictionary again. 422 where they have mistakes: the old ones stay."""
    web = context_of(request)
    rules = await rules_in_force(web, ReloadRules(who=principal.name))
    if rules.mistakes:
        raise ProblemError(
            422,
            f"not loaded, version {rules.version} stays",
            errors=[FieldMistake(where="rules", why=mistake) for mistake in rules.mistakes],
        )
    return _view(rules)


async def rules_in_force(web: WebContext, request: LinkRequest) -> RulesInForce:
    """Ask core about its rules. Raises ProblemError."""
    answer = await web.ask(request, timeout_s=RELOAD_WITHIN_S)
    if not isinstance(answer, RulesInForce):
        raise ProblemError(500, f"core answered with {type(answer).__name__}")
    return answer


def _view(rules: RulesInForce) -> RulesView:
    return RulesView(
        version=rules.version,
        rules=[
            RuleView(
                name=rule.name,
                summary=rule.summary,
                detector=rule.detector,
                severity=rule.severity,
                raise_after_s=rule.raise_after_s,
                clear_after_s=rule.clear_after_s,
                advice=rule.advice,
                version=rule.version,
            )
            for rule in rules.rules
        ],
        mistakes=list(rules.mistakes),
    )
