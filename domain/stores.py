"""What every store of ours may answer: errors that carry their reason. No I/O."""

from __future__ import annotations


class StoreTooNewError(Exception):
    """A store was written by a newer release; it was not touched.

    `path` names the file, `found` its schema version and `known` the newest this release knows.
    """

    def __init__(self, path: str, *, found: str, known: str) -> None:
        super().__init__(
            f"{path} has schema version {found}, newer than the {known} this release knows: "
            "start the newer release, or restore a backup made before the upgrade"
        )
        self.path = path
        self.found = found
        self.known = known


class StoreUnavailableError(Exception):
    """A store could not be read or written just now; `reason` is what it said."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
