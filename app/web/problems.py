"""Errors as the API words them: RFC 9457 problem details, one shape for every status."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

MEDIA_TYPE = "application/problem+json"


class FieldMistake(BaseModel):
    """One thing wrong with what was sent."""

    where: str = Field(examples=["body.until"])
    why: str = Field(examples=["Field required"])


class Problem(BaseModel):
    """What went wrong (RFC 9457). `detail` is a sentence for the person who asked."""

    type: str = Field(default="about:blank")
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(default="", examples=["there is no ticket T-1"])
    instance: str = Field(default="", examples=["/api/v1/tickets/T-1"])
    errors: list[FieldMistake] = Field(default=[])


class ProblemError(Exception):
    """An answer other than the one asked for. `detail` says why, in a sentence."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        headers: dict[str, str] | None = None,
        errors: list[FieldMistake] | None = None,
    ) -> None:
        super().__init__(detail)
        self.errors = errors or []
        self.status = status
        self.detail = detail
        self.headers = headers or {}


def missing(what: str) -> ProblemError:
    """Return the error for something that is not there."""
    return ProblemError(404, f"there is no {what}")


def core_is_away(reason: str) -> ProblemError:
    """Return the error for a core that cannot be asked just now."""
    return ProblemError(503, reason, headers={"Retry-After": "2"})


def title_of(status: int) -> str:
    """Return the standard's phrase for a status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def problem_response(
    request: Request,
    status: int,
    detail: str,
    *,
    headers: dict[str, str] | None = None,
    errors: list[FieldMistake] | None = None,
) -> JSONResponse:
    """Build the answer."""
    problem = Problem(
        title=title_of(status),
        status=status,
        detail=detail,
        instance=request.url.path,
        errors=errors or [],
    )
    return JSONResponse(
        problem.model_dump(), status_code=status, headers=headers, media_type=MEDIA_TYPE
    )


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe error answers for the OpenAPI schema. 401, 403, 422 and 503 are in all."""
    return {
        status: {
            "description": title_of(status),
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in sorted({401, 403, 422, 503, *statuses})
    }
