"""The limit of open files: every connection of a station takes one of them."""

from __future__ import annotations

import resource

WANTED = 65_536
"""As many connections as the endpoint takes on (50,000), and room for stores and pages."""


def raise_file_limit() -> int:
    """Raise our own limit as far as we may, for every process below us, too; return it.

    Systems allow a process 1,024 open files unless it asks for more: without this, the
    thousandth station would be refused.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted
