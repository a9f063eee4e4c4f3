"""Bodies of the API that are its own; tickets, notices, faults and stations are app.views'."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from app.views import FaultView, TicketView

T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    """A list, or one part of it: `next` leads to the next part and is null at the end."""

    items: list[T]
    next: str | None = None


class _Body(BaseModel):
    """What is sent to us: nothing unknown in it."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class HistoryLine(BaseModel):
    """One line of a ticket's history. `evidence` lists positions in the journal."""

    at: str
    what: str
    who: str
    why: str
    evidence: list[int]


class CallView(BaseModel):
    """One time a customer got in touch."""

    at: str
    customer: str | None
    ticket: str | None
    channel: str
    station: str | None
    site: str | None
    text: str


class TicketDetail(BaseModel):
    """A ticket with everything in it."""

    ticket: TicketView
    faults: list[FaultView]
    history: list[HistoryLine]
    contacts: list[CallView]


class SiteView(BaseModel):
    """A site as registered."""

    id: str
    customer: str
    name: str
    timezone: str
    address: str
    country: str
    region: str
    latitude: float | None
    longitude: float | None
    opening_hours: str
    carrier: str
    gateway: str
    fuse_limit_a: float | None
    stations: list[str]


class CustomerView(BaseModel):
    """A customer as registered, without the people there."""

    id: str
    name: str
    segment: str
    language: str
    sites: list[str]


class FrameView(BaseModel):
    """One raw frame. Without the scope `admin`, ids of cards, numbers and keys are masked."""

    position: int
    at: str
    direction: Literal["received", "sent"]
    frame: str


class CommandBody(_Body):
    """One OCPP command."""

    action: str = Field(min_length=1, max_length=50, pattern=r"^[A-Za-z]+$")
    payload: dict[str, Any] = Field(default={})
    timeout_s: float = Field(default=30.0, gt=0, le=300)


class CommandAnswer(BaseModel):
    """What became of a command: answered, error, timeout or gone (not connected)."""

    outcome: str
    payload: Any


class CallBody(_Body):
    """A customer's call (or mail), at a station or a site of theirs or at neither."""

    customer: str = Field(min_length=1, max_length=100)
    channel: str = Field(min_length=1, max_length=40, examples=["phone"])
    station: str | None = Field(default=None, max_length=100)
    site: str | None = Field(default=None, max_length=100)
    text: str = Field(default="", max_length=10_000)


class Recorded(BaseModel):
    """Where something went: the ticket's id, "" where core named none."""

    ticket: str


class NoteBody(_Body):
    """An internal note."""

    text: str = Field(min_length=1, max_length=10_000)


class CloseBody(_Body):
    """Why a ticket is closed."""

    why: str = Field(min_length=1, max_length=2_000)


class MaintenanceBody(_Body):
    """Work that begins now, at one site or one station."""

    until: AwareDatetime
    site: str | None = Field(default=None, max_length=100)
    station: str | None = Field(default=None, max_length=100)
    note: str = Field(default="", max_length=2_000)

    @model_validator(mode="after")
    def _has_one_place(self) -> MaintenanceBody:
        if (self.site is None) == (self.station is None):
            raise ValueError("name either a site or a station")
        return self


class Planned(BaseModel):
    """Work that was planned."""

    until: datetime
    site: str | None
    station: str | None
