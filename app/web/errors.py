"""Every error becomes an answer: a problem document, or a page where a person is looking."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from app.web.auth import principal_of
from app.web.pages.customers import plain_page
from app.web.pages.templating import render
from app.web.principals import Principal
from app.web.problems import FieldMistake, ProblemError, problem_response, title_of


def add_error_answers(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(ProblemError, _problem)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)


async def _problem(request: Request, error: Exception) -> Response:
    if not isinstance(error, ProblemError):
        raise error
    return _answer(
        request, error.status, error.detail, headers=error.headers, errors=error.errors
    )


async def _http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    said = str(error.detail)
    detail = "" if said == title_of(error.status_code) else said
    if error.status_code == 404 and not detail:
        detail = f"there is nothing at {request.url.path}"
    if error.status_code == 405:
        detail = f"{request.method} is not possible here"
    return _answer(request, error.status_code, detail, headers=dict(error.headers or {}))


async def _invalid(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    mistakes = [
        FieldMistake(where=".".join(str(part) for part in one["loc"]), why=one["msg"])
        for one in error.errors()
    ]
    detail = "; ".join(f"{mistake.where}: {mistake.why}" for mistake in mistakes)
    return _answer(request, 422, detail, errors=mistakes)


def apologise(request: Request) -> Response:
    """Answer for a fault of ours; it says nothing of the inside."""
    return _answer(request, 500, "this is our mistake; the log has the details")


def _is_page(request: Request) -> bool:
    """Tell whether a person is looking: then a page answers."""
    path = request.url.path
    if path.startswith(("/api/", "/healthz", "/readyz", "/metrics", "/openapi")):
        return False
    return "text/html" in request.headers.get("accept", "")


def _answer(
    request: Request,
    status: int,
    detail: str,
    *,
    headers: dict[str, str] | None = None,
    errors: list[FieldMistake] | None = None,
) -> Response:
    if not _is_page(request):
        return problem_response(request, status, detail, headers=headers, errors=errors)
    if request.url.path.startswith("/s/"):
        return plain_page(request, status, "gone" if status == 404 else "failed")
    if status == 401:
        wanted = request.url.path
        if request.url.query:
            wanted += f"?{request.url.query}"
        if request.method != "GET" or not wanted.startswith("/console"):
            wanted = "/console/"
        return RedirectResponse(f"/login?next={quote(wanted, safe='/')}", status_code=303)
    values = {"code": status, "title": title_of(status), "detail": detail}
    principal = _principal_or_none(request)
    page = render("error.html", request, values, status=status, principal=principal)
    page.headers.update(headers or {})
    return page


def _principal_or_none(request: Request) -> Principal | None:
    try:
        return principal_of(request)
    except ProblemError:
        return None
