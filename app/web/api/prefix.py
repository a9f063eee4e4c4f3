"""Where the API's first version stands."""

from __future__ import annotations

PREFIX = "/api/v1"
