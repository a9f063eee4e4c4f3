"""What helps against a fault: whose it is, what to send, and what is safe from here."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Owner(StrEnum):
    """Who or what has to change for the fault to go away."""

    DRIVER = "driver"  # whoever charges: plugs in again, shows the card, unplugs
    SITE = "site"  # its power, its network, its people
    OPERATOR = "operator"  # us: limits, lists, accounts, our own service
    VEHICLE = "vehicle"
    HARDWARE = "hardware"  # the station: somebody goes there


class RemoteAction(StrEnum):
    """What may be done from here without making it worse."""

    NOTHING = "nothing"  # no remote reset: somebody looks first
    RESTART_WHEN_IDLE = "restart-when-idle"
    UNLOCK = "unlock"  # the plug, then restart when idle
    LOWER_LIMIT = "lower-limit"
    CORRECT_LIMIT = "correct-limit"
    RESTART_MODEM = "restart-modem"
    RECONNECT = "reconnect"  # drop the connection once, then ask for the status
    BLOCK_PLACE = "block-place"  # take the EVSE out of use
    RESEND_LIST = "resend-list"
    SET_CLOCK = "set-clock"
    RETRY_UPDATE = "retry-update"  # once, in a quiet hour
    RENEW_CERTIFICATE = "renew-certificate"


class Remedy(msgspec.Struct, frozen=True, kw_only=True):
    """What is known to help. Empty where nobody knows."""

    owners: tuple[Owner, ...] = ()  # the likeliest first
    remote: RemoteAction | None = None
    part: str = ""  # likely to be needed on site
    agent: str = ""  # what to know beyond the words of the code
    source: str = ""

    def over(self, other: Remedy | None) -> Remedy:
        """Return this remedy, with what it does not say taken from a more general one."""
        if other is None:
            return self
        return Remedy(
            owners=self.owners or other.owners,
            remote=self.remote or other.remote,
            part=self.part or other.part,
            agent=self.agent or other.agent,
            source=self.source or other.source,
        )
