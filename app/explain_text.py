"""An explanation as text for a terminal. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from app.explain import ExplanationView, FaultShown, FrameShown, NoticeShown
from rules.found import in_words


def explanation_text(shown: ExplanationView) -> str:
    """Write an explanation: the faults, every step with its frames, and the notices."""
    return "\n".join(_lines(shown))


def _lines(shown: ExplanationView) -> Iterator[str]:
    yield f"{shown['ticket']}  {shown['title']}"
    ended = f", resolved {shown['resolved_at']}" if shown["resolved_at"] else ""
    whose = f"; customer {shown['customer'] or '-'}, site {shown['site'] or '-'}"
    yield f"  {shown['kind']}, {shown['severity']}, {shown['state']}{whose}"
    yield f"  opened {shown['opened_at']}{ended}"
    for fault in shown["faults"]:
        yield ""
        yield from _fault(fault)
    yield ""
    yield "Step by step"
    for step in shown["steps"]:
        by = "" if step["who"] == "foretell" else f" by {step['who']}"
        version = f"  [rules {step['rules_version']}]" if step["rules_version"] else ""
        why = f": {step['why']}" if step["why"] else ""
        yield f"  {step['at']}  {step['what']}{by}{why}{version}"
        for frame in step["frames"]:
            yield f"      {_frame(frame)}"
    yield ""
    yield "Notices"
    for notice in shown["notices"]:
        yield f"  {_notice(notice)}"
    if not shown["notices"]:
        yield f"  none: {shown['untold']}"


def _fault(fault: FaultShown) -> Iterator[str]:
    marks = "".join(f", {mark}" for mark in ("danger", "flapping") if fault[mark])
    yield (
        f"{fault['rule']} at {fault['place']}: {fault['severity']}{marks},"
        f" {', '.join(fault['codes'])}"
    )
    if fault["rule_finds"]:
        yield f"  the rule: {fault['rule_finds']} (version {fault['rule_version']})"
    yield f"  patience: {_patience(fault)}"
    if fault["why"]:
        yield f"  seen: {fault['why']}"
    for said in fault["said"]:
        yield f"  the station said: {said}"
    waited = _span(fault["waited_s"])
    yield f"  since {fault['seen_at']}, active {fault['raised_at']} ({waited} later)"
    if fault["inhibited_by"]:
        yield f"  spoken for by {fault['inhibited_by']}"
    if fault["part_of"]:
        yield f"  part of {fault['part_of']}"
    if fault["cleared_at"]:
        by = f" ({fault['cleared_by']})" if fault["cleared_by"] else ""
        yield f"  cleared {fault['cleared_at']}{by}"
    if fault["owners"]:
        part = f"; part: {fault['part']}" if fault["part"] else ""
        remote = f"; from here: {fault['remote']}" if fault["remote"] else ""
        yield f"  likely {' or '.join(fault['owners'])}{part}{remote}"
    if fault["advice"]:
        yield f"  advice: {fault['advice']}"


def _patience(fault: FaultShown) -> str:
    raise_after, clear_after = fault["raise_after_s"], fault["clear_after_s"]
    if raise_after is None or clear_after is None:
        return "not known: the rule is not in force, or the service is away"
    if fault["danger"]:
        return f"none, a danger counts at once; clears after {_span(clear_after)} clean"
    return f"counts after {_span(raise_after)}, clears after {_span(clear_after)} clean"


def _frame(frame: FrameShown) -> str:
    if not frame["direction"]:
        return f"#{frame['position']}  not in the journal any more"
    station = f" {frame['station']}" if frame["station"] else ""
    return (
        f"#{frame['position']}  {frame['at']} {frame['direction']}{station}: {frame['frame']}"
    )


def _notice(notice: NoticeShown) -> str:
    reason = f" ({notice['last_reason']})" if notice["last_reason"] else ""
    return (
        f"{notice['at']}  {notice['reason']} to {notice['to']} by {notice['channel']},"
        f" {notice['state']}{reason}: {notice['subject']}"
    )


def _span(seconds: float) -> str:
    return in_words(timedelta(seconds=seconds)) if seconds else "0 seconds"
