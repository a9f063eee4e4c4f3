"""Rules and explanations over the API."""

from __future__ import annotations

import msgspec

from app.messages import GetRules, ReloadRules, RuleInForce, RulesInForce

RULE = RuleInForce(
    name="connector-faulted",
    summary="An EVSE is Faulted.",
    detector="reported-fault",
    severity="major",
    raise_after_s=120.0,
    clear_after_s=300.0,
    advice="Look.",
    version=1,
)
IN_FORCE = RulesInForce(version="abc", rules=(RULE,))


async def test_an_explanation_names_rule_reason_frames_and_notices(world) -> None:
    world.core.answers[GetRules] = IN_FORCE
    async with world.client("reader") as client:
        shown = (await client.get("/api/v1/tickets/T-1001/explanation")).json()
    [fault] = shown["faults"]
    assert (fault["rule_finds"], fault["raise_after_s"]) == ("An EVSE is Faulted.", 120.0)
    assert fault["waited_s"] == 120.0
    assert fault["said"] == ["GroundFailure, alfen, 302"]
    first, second = shown["steps"]
    assert first["why"] == "Faulted for 2 min"
    [frame] = first["frames"]
    assert (frame["position"], frame["direction"], frame["station"]) == (3, "received", "N-001")
    assert "StatusNotification" in frame["frame"]
    assert second["frames"] == [
        {"position": 77, "at": "", "station": "", "direction": "", "frame": ""}
    ]
    assert [one["reason"] for one in shown["notices"]] == ["opened"]
    assert (shown["rules_version"], shown["untold"]) == ("abc", "")


async def test_frames_of_an_explanation_are_masked_for_all_but_admins(world) -> None:
    [ticket] = [t for t in world.core.store.tickets().items if t.id == "T-1001"]
    line = msgspec.structs.replace(ticket.history[0], evidence=(1,))
    world.core.put(msgspec.structs.replace(ticket, history=(line,)), key="k")
    for name, is_raw in (("reader", False), ("boss", True)):
        async with world.client(name) as client:
            answer = await client.get("/api/v1/tickets/T-1001/explanation")
        assert ("04A2B3C4D5" in answer.text) is is_raw


async def test_without_the_rules_the_rest_is_told_and_why_nobody_was(world) -> None:
    async with world.client("reader") as client:
        shown = (await client.get("/api/v1/tickets/T-1004/explanation")).json()
        stranger = await client.get("/api/v1/tickets/T-9/explanation")
    assert shown["untold"] == "a ticket of kind task is for us: no customer is written to"
    assert shown["rules_version"] == ""
    assert stranger.status_code == 404


async def test_the_rules_in_force_can_be_read(world) -> None:
    world.core.answers[GetRules] = IN_FORCE
    async with world.client("reader") as client:
        shown = (await client.get("/api/v1/rules")).json()
    assert (shown["version"], [rule["name"] for rule in shown["rules"]]) == ("abc", [RULE.name])


async def test_only_an_admin_has_rules_loaded_and_hears_what_is_wrong_with_them(world) -> None:
    world.core.answers[ReloadRules] = IN_FORCE
    async with world.client("writer") as client:
        assert (await client.post("/api/v1/rules/reload")).status_code == 403
    async with world.client("boss") as client:
        assert (await client.post("/api/v1/rules/reload")).json()["version"] == "abc"
        world.core.answers[ReloadRules] = msgspec.structs.replace(
            IN_FORCE, mistakes=("a.yaml:3: no",)
        )
        refused = await client.post("/api/v1/rules/reload")
    assert refused.status_code == 422
    assert refused.json()["detail"] == "not loaded, version abc stays"
    assert refused.json()["errors"] == [{"where": "rules", "why": "a.yaml:3: no"}]
    assert ReloadRules(who="boss") in world.core.asked
