"""Asks a running service over its API, with this machine's token or the environment's."""

from __future__ import annotations

import json
import os
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import ProxyHandler, Request, build_opener

from app.cli_common import CliError

PAGE = 500
"""Items asked for at once: the most the API gives."""

TOKEN_NAME = "cli-token"  # noqa: S105 - a file's name
"""The file in the data directory with this machine's token."""

Json = dict[str, Any]


class ServiceClient:
    """One running service. `url` has no slash at its end."""

    def __init__(self, url: str, token: str) -> None:
        if not url.startswith(("http://", "https://")):
            message = f"{url}: expected an address such as http://127.0.0.1:8000"
            raise CliError(message)
        self._url = url.rstrip("/")
        self._token = token
        # No proxy of the environment between us and a service that is mostly this machine's.
        self._open = build_opener(ProxyHandler({})).open

    def list(self, things: str, *, limit: int) -> Json:
        """Return `{"items", "next"}` of a list, over as many pages as `limit` needs."""
        items: list[Json] = []
        cursor: str | None = None
        while True:
            query = {"limit": min(PAGE, limit - len(items))}
            page = self._ask("GET", f"/{things}?{urlencode(query | _only(cursor=cursor))}")
            if "items" not in page:
                raise CliError(_stranger(self._url))
            items += page["items"]
            cursor = page.get("next")
            if cursor is None or len(items) >= limit:
                return {"items": items, "next": cursor}

    def get(self, path: str) -> Json:
        """Return what the API has at a path below /api/v1."""
        return self._ask("GET", path)

    def text(self, path: str) -> str:
        """Return the text that the API has at a path below /api/v1."""
        return self._read("GET", path).decode()

    def post(self, path: str, body: Json | None = None, *, timeout_s: float = 30.0) -> Json:
        """Do what the API does at a path below /api/v1; return its answer."""
        return self._ask("POST", path, body, timeout_s=timeout_s)

    def send(self, station: str, action: str, payload: Json, *, timeout_s: float) -> Json:
        """Send one OCPP command and return its answer: `{"outcome", "payload"}`."""
        body = {"action": action, "payload": payload, "timeout_s": timeout_s}
        path = f"/stations/{quote(station, safe='')}/commands"
        # The command waits for its turn and for the station before its own time runs.
        return self._ask("POST", path, body, timeout_s=timeout_s * 2 + 90)

    def _ask(
        self, method: str, path: str, body: Json | None = None, *, timeout_s: float = 30.0
    ) -> Json:
        try:
            answer: Json = json.loads(self._read(method, path, body, timeout_s=timeout_s))
        except ValueError as error:
            raise NoServiceError(_unreachable(self._url, error)) from None
        if not isinstance(answer, dict):
            raise CliError(_stranger(self._url))
        return answer

    def _read(
        self, method: str, path: str, body: Json | None = None, *, timeout_s: float = 30.0
    ) -> bytes:
        request = Request(  # noqa: S310 - the scheme was checked
            f"{self._url}/api/v1{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Accept": "application/json"},
        )
        if self._token:
            # Unredirected: a token is for the service that was asked, and for no other.
            request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        try:
            with self._open(request, timeout=timeout_s) as response:
                read: bytes = response.read()
        except HTTPError as error:
            raise _refused(error, has_token=bool(self._token)) from None
        except URLError as error:
            raise NoServiceError(_unreachable(self._url, error.reason)) from None
        except (OSError, ValueError, HTTPException) as error:
            raise NoServiceError(_unreachable(self._url, error)) from None
        return read


def _stranger(url: str) -> str:
    return f"what answers at {url} is not this service: name it with --url"


def _only(**values: str | None) -> dict[str, str]:
    return {key: value for key, value in values.items() if value is not None}


def _unreachable(url: str, why: object) -> str:
    said = getattr(why, "strerror", None) or why
    return (
        f"no service answers at {url} ({said}): start it with `foretell serve`, "
        "or name another with --url"
    )


class NoServiceError(CliError):
    """No service answers at the address."""


class RefusedByServiceError(CliError):
    """What the service answered instead; `mistakes` names each thing that was wrong."""

    def __init__(self, said: str, status: int, mistakes: tuple[str, ...] = ()) -> None:
        super().__init__(said)
        self.status = status
        self.mistakes = mistakes


def _refused(error: HTTPError, *, has_token: bool) -> RefusedByServiceError:
    """Turn a problem document into a sentence."""
    mistakes: tuple[str, ...] = ()
    try:
        problem = json.loads(error.read())
        said = str(problem.get("detail") or problem.get("title") or error.reason)
        mistakes = tuple(str(one.get("why", "")) for one in problem.get("errors") or ())
    except (ValueError, AttributeError, OSError, TypeError):
        said = str(error.reason)
    if error.code in (401, 403) and not has_token:
        said += f" (no token: set FORETELL_TOKEN, or --data to the folder with {TOKEN_NAME})"
    words = f"the service refused ({error.code}): {said}"
    return RefusedByServiceError(words, error.code, mistakes)


def client_for(url: str, data: Path) -> ServiceClient:
    """Make a client with the token of the environment, else of the data directory."""
    token = os.environ.get("FORETELL_TOKEN", "").strip()
    if not token:
        try:
            token = (data / TOKEN_NAME).read_text("utf-8").strip()
        except FileNotFoundError:
            token = ""
    return ServiceClient(url, token)
