"""The rules in force, and reading them again."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field

from app.messages import (
    ClassifyWord,
    GetOwnWords,
    GetRules,
    OwnWords,
    ReloadRules,
    RulesInForce,
)
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


class WordBody(BaseModel):
    """What a vendor's word means. `vendor` empty: whoever says it."""

    word: str = Field(min_length=1, max_length=200)
    meaning: str = Field(description="A canonical code, or `none`: it reports no fault.")
    vendor: str = Field(default="", max_length=200)
    model: str = Field(default="", max_length=200)
    severity: str = Field(default="", description="Where it differs from the status.")
    owner: list[str] = Field(
        default=[], description="driver, site, operator, vehicle, hardware"
    )
    part: str = Field(default="", max_length=200)
    note: str = Field(default="", max_length=500, description="Where it is known from.")


@router.get("/dictionary", responses=responses(), response_class=PlainTextResponse)
async def own_words(request: Request, _: Reader) -> PlainTextResponse:
    """Return what people here classified, as YAML in the form of the shipped dictionary."""
    answer = await context_of(request).ask(GetOwnWords())
    text = answer.text if isinstance(answer, OwnWords) else ""
    return PlainTextResponse(text, media_type="application/yaml")


@router.post("/dictionary", responses=responses(409))
async def classify(request: Request, principal: Admin, body: WordBody) -> RulesView:
    """Say what a vendor's word means: from now on, for what is open, and for its task."""
    said = ClassifyWord(
        word=body.word,
        meaning=body.meaning,
        vendor=body.vendor,
        model=body.model,
        severity=body.severity,
        owner=tuple(body.owner),
        part=body.part,
        note=body.note,
        who=principal.name,
    )
    return _view(await rules_in_force(context_of(request), said))


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
