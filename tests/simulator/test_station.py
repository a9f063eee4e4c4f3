import json
from itertools import pairwise

import pytest

from simulator.places import Report
from simulator.plan import Segment


def test_a_station_boots_and_then_tells_every_status(stage):
    station = stage.station(evses=2)
    station.start(with_cars=False)
    stage.run_for(2.0)
    assert stage.central.actions()[:4] == ["BootNotification"] + ["StatusNotification"] * 3
    numbers = [body["connectorId"] for body in stage.central.calls("StatusNotification")]
    assert numbers == [0, 1, 2]
    assert station.is_up
    assert stage.counters.up_count == 1


def test_nothing_is_said_before_the_boot_is_accepted(stage):
    stage.central.answers["BootNotification"] = {"status": "Pending", "interval": 30}
    station = stage.station()
    station.start(with_cars=False)
    stage.run_for(25.0)
    assert stage.central.actions() == ["BootNotification"]
    del stage.central.answers["BootNotification"]
    stage.run_for(10.0)
    assert stage.central.actions()[:3] == ["BootNotification"] * 2 + ["StatusNotification"]
    assert station.is_up


def test_a_boot_that_is_never_answered_is_tried_again(stage):
    stage.central.is_mute = True
    stage.station().start(with_cars=False)
    stage.run_for(80.0)
    assert stage.central.actions() == ["BootNotification"]
    stage.run_for(20.0)
    assert stage.central.actions() == ["BootNotification"] * 2


def test_heartbeats_follow_the_interval_of_the_boot_answer(stage):
    stage.settled()
    stage.run_for(120.0 * 5)
    assert stage.central.actions() == ["Heartbeat"] * 5


def test_a_stubborn_station_keeps_its_own_heartbeat(stage):
    stage.settled(obeys_boot_interval=False, heartbeat_s=60.0)
    stage.run_for(600.0)
    assert stage.central.actions() == ["Heartbeat"] * 10


def test_a_station_without_heartbeats_pings_instead(stage):
    stage.settled(heartbeat_s=None, obeys_boot_interval=False)
    stage.run_for(600.0)
    assert stage.central.actions() == []
    assert stage.central.wires[-1].ping_count == 10


def test_a_sparing_station_leaves_heartbeats_out_while_it_speaks_anyway(stage):
    station = stage.settled(spares_heartbeats=True)
    for _ in range(20):
        stage.run_for(50.0)
        station.say_status(station.place)
    assert "Heartbeat" not in stage.central.actions()


def test_a_visit_goes_through_every_step(stage):
    station = stage.settled()
    evse = station.evses[0]
    assert evse.arrive(id_tag="CAR", is_known=False)
    stage.run_for(10.0)
    assert evse.is_charging
    while evse.is_charging:
        stage.run_for(5.0)
        assert stage.timeline.now_s < 4000.0, "no visit lasts as long as that"
    stage.run_for(20.0)
    assert stage.central.statuses(1)[0][0] == "Preparing"
    steps = [a for a in stage.central.actions() if a not in ("Heartbeat", "MeterValues")]
    steps = list(dict.fromkeys(steps))
    assert steps == ["StatusNotification", "Authorize", "StartTransaction", "StopTransaction"]
    assert [status for status, _ in stage.central.statuses(1)][-2:] == [
        "Finishing",
        "Available",
    ]
    start, stop = (
        stage.central.calls("StartTransaction")[0],
        stage.central.calls("StopTransaction")[0],
    )
    assert stop["transactionId"] == 1
    assert stop["reason"] == "EVDisconnected"
    assert stop["meterStop"] >= start["meterStart"]
    for values in stage.central.calls("MeterValues"):
        assert values["transactionId"] == 1
        assert len(values["meterValue"][0]["sampledValue"]) == 10


def test_the_register_rises_by_the_reported_power_in_real_time(stage):
    station = stage.settled(segment=Segment.FLEET, model="NG920-61031", vendor="Alfen BV")
    evse = station.evses[0]
    for _ in range(20):
        evse.arrive(id_tag="CAR", is_known=True)
        stage.run_for(600.0)
        evse.leave()
        stage.run_for(30.0)
    pairs: list[tuple[float, float]] = []
    sooner: tuple[float, float, float] | None = None
    for at_s, frame in zip(stage.central.heard_at_s, stage.central.frames, strict=True):
        _, _, action, body = json.loads(frame)
        if action == "StatusNotification":
            sooner = None  # the power may have changed between the two samples
        elif action == "MeterValues":
            samples = body["meterValue"][0]["sampledValue"]
            shown = {sample["measurand"]: float(sample["value"]) for sample in samples}
            power_w, register_wh = (
                shown["Power.Active.Import"],
                shown["Energy.Active.Import.Register"],
            )
            if sooner is not None:
                flowed_wh = sooner[1] * (at_s - sooner[0]) / 3600.0
                pairs.append((register_wh - sooner[2], flowed_wh))
            sooner = (at_s, power_w, register_wh)
    assert len(pairs) > 10
    for risen_wh, expected_wh in pairs:
        assert risen_wh == pytest.approx(expected_wh, abs=3.0)


def test_a_refused_card_leaves_without_a_transaction(stage):
    stage.central.answers["Authorize"] = {"idTagInfo": {"status": "Blocked"}}
    station = stage.settled()
    station.evses[0].arrive(id_tag="CAR", is_known=False)
    stage.run_for(60.0)
    assert "StartTransaction" not in stage.central.actions()
    assert stage.central.statuses(1)[-1] == ("Available", "NoError")


def test_a_card_refused_at_the_start_ends_the_transaction(stage):
    stage.central.answers["StartTransaction"] = {
        "transactionId": 9,
        "idTagInfo": {"status": "Invalid"},
    }
    station = stage.settled()
    station.evses[0].arrive(id_tag="CAR", is_known=True)
    stage.run_for(30.0)
    assert stage.central.calls("StopTransaction")[0]["reason"] == "DeAuthorized"
    assert stage.central.calls("StopTransaction")[0]["transactionId"] == 9


def test_a_transaction_that_began_offline_gets_its_number_before_it_is_stopped(stage):
    station = stage.settled()
    stage.central.is_away = True
    station.link.drop()
    evse = station.evses[0]
    assert evse.arrive(id_tag="CAR", is_known=False)
    stage.run_for(12.0)
    assert evse.is_charging
    assert evse.transaction == -1
    evse.leave()
    stage.central.is_away = False
    stage.run_for(300.0)
    kept = [a for a in stage.central.actions() if a.endswith("Transaction")]
    assert kept == ["StartTransaction", "StopTransaction"]
    assert stage.central.calls("StopTransaction")[0]["transactionId"] == 1


def test_a_fault_is_told_at_once_and_its_end_too(stage):
    station = stage.settled(evses=2)
    station.report(2, Report(code="GroundFailure", vendor_code="7", text="residual current"))
    stage.run_for(60.0)
    assert stage.central.calls("StatusNotification")[0] == {
        "connectorId": 2,
        "errorCode": "GroundFailure",
        "status": "Faulted",
        "timestamp": "2026-01-05T08:00:02Z",
        "info": "residual current",
        "vendorErrorCode": "7",
    }
    station.report(2, None)
    stage.run_for(1.0)
    assert stage.central.statuses(2) == [("Faulted", "GroundFailure"), ("Available", "NoError")]
    assert stage.central.statuses(1) == []


def test_a_fault_ends_the_transaction_and_keeps_cars_away(stage):
    station = stage.settled()
    evse = station.evses[0]
    evse.arrive(id_tag="CAR", is_known=True)
    stage.run_for(10.0)
    station.report(1, Report(code="PowerSwitchFailure"))
    assert not evse.arrive(id_tag="OTHER", is_known=True)
    stage.run_for(60.0)
    assert stage.central.calls("StopTransaction")[0]["reason"] == "Other"
    assert stage.central.statuses(1)[-1] == ("Faulted", "PowerSwitchFailure")


def test_a_broken_station_stops_every_transaction_and_says_what_its_evses_are(stage):
    station = stage.settled(evses=2, segment=Segment.FLEET)
    station.evses[1].arrive(id_tag="CAR", is_known=True)
    stage.run_for(10.0)
    stage.central.forget()
    station.report(0, Report(code="InternalError"))
    stage.run_for(30.0)
    assert stage.central.statuses(0) == [("Faulted", "InternalError")]
    assert stage.central.statuses(1) == []
    assert stage.central.statuses(2) == [("Available", "NoError")]
    assert len(stage.central.calls("StopTransaction")) == 1
    assert not station.evses[0].arrive(id_tag="NEXT", is_known=True)
    station.report(0, None)
    assert station.evses[0].arrive(id_tag="NEXT", is_known=True)


def test_a_code_alone_leaves_the_status_and_the_car_as_they_are(stage):
    station = stage.settled(segment=Segment.FLEET, world={"speed": 1.0})
    station.evses[0].arrive(id_tag="CAR", is_known=True)
    stage.run_for(15.0)
    station.report(1, Report(code="WeakSignal", status=""))
    stage.run_for(1.0)
    assert stage.central.statuses(1)[-1][1] == "WeakSignal"
    assert stage.central.statuses(1)[-1][0] != "Faulted"
    assert station.evses[0].is_charging


def test_a_fault_that_came_while_offline_is_told_on_return(stage):
    station = stage.settled()
    station.leave()
    stage.run_for(100.0)
    station.report(1, Report(code="InternalError"))
    stage.central.forget()
    station.come_back()
    stage.run_for(5.0)
    assert stage.central.statuses(1) == [("Faulted", "InternalError")]


def test_a_dropped_station_returns_by_itself_within_its_jitter(stage):
    station = stage.settled()
    dialled = len(stage.central.dials_at_s)
    dropped_at_s = stage.timeline.now_s
    station.link.drop()
    assert stage.counters.up_count == 0
    stage.run_for(30.0)
    assert station.is_up
    assert 0.0 < stage.central.dials_at_s[dialled] - dropped_at_s <= 10.0


def test_stations_lost_together_do_not_return_together(stage):
    stations = [stage.settled(id_=f"S-{n}") for n in range(40)]
    before = len(stage.central.dials_at_s)
    for wire in list(stage.central.wires):
        wire.break_off()
    stage.run_for(30.0)
    moments = sorted(stage.central.dials_at_s[before:])
    assert len(moments) == len(stations)
    assert moments[-1] - moments[0] > 5.0
    assert len({round(at_s) for at_s in moments}) > 5


def test_a_refused_station_dials_ever_more_slowly(stage):
    stage.central.is_away = True
    station = stage.station()
    station.start(with_cars=False)
    stage.run_for(1800.0)
    gaps = [b - a for a, b in pairwise(stage.central.dials_at_s)]
    assert max(gaps[:2]) < 20.0
    assert max(gaps) < 190.0
    assert min(gaps[5:]) > 30.0
    assert stage.counters.refused_count == len(stage.central.dials_at_s)
    stage.central.is_away = False
    stage.run_for(200.0)
    assert station.is_up


@pytest.mark.parametrize("boots", [True, False])
def test_after_a_drop_a_station_boots_only_where_that_is_its_habit(stage, boots):
    station = stage.settled(boots_on_return=boots)
    station.link.drop()
    stage.run_for(30.0)
    assert stage.central.actions()[0] == ("BootNotification" if boots else "StatusNotification")


def test_a_power_cut_ends_transactions_and_brings_a_boot(stage):
    station = stage.settled()
    station.evses[0].arrive(id_tag="CAR", is_known=True)
    stage.run_for(10.0)
    station.leave(loses_power=True)
    assert not station.evses[0].arrive(id_tag="NEXT", is_known=True)
    stage.run_for(600.0)
    assert not station.is_up
    stage.central.forget()
    station.come_back()
    stage.run_for(5.0)
    assert stage.central.actions()[0] == "BootNotification"
    assert stage.central.calls("StopTransaction")[0]["reason"] == "PowerLoss"


def test_a_second_connection_takes_over_and_the_first_one_says_nothing_more(stage):
    station = stage.settled()
    first = stage.central.wires[-1]
    station.link.dial_again()
    stage.run_for(1.0)
    second = stage.central.wires[-1]
    assert second is not first
    assert first.is_open, "a half-dead link closes nothing"
    assert station.is_up
    assert stage.counters.up_count == 1
    first.break_off()
    stage.run_for(60.0)
    assert station.is_up
    assert stage.counters.lost_count == 0
    assert second.is_open


def test_life_brings_cars_by_itself(stage):
    station = stage.station(evses=2, segment=Segment.PUBLIC, world={"speed": 600.0})
    station.start()
    stage.run_for(3600.0)
    assert 5 < stage.counters.transaction_count < 200
    started, stopped = (
        len(stage.central.calls(action)) for action in ("StartTransaction", "StopTransaction")
    )
    assert 0 <= started - stopped <= 2
    assert stage.counters.error_count == stage.counters.unanswered_count == 0


def test_the_same_seed_says_the_same_frames(stage):
    def frames():
        again = type(stage)()
        again.station(segment=Segment.PUBLIC, chatter_s=300.0).start()
        again.run_for(4000.0)
        return again.central.frames

    first = frames()
    assert len(first) > 20
    assert frames() == first


def test_unreadable_frames_of_the_central_system_are_counted_not_raised(stage):
    station = stage.settled()
    for frame in ("", "[", "{}", "[9]", "[3]", "[2,1]", "null"):
        station.heard(frame)
    assert stage.counters.error_count == 7
    assert station.is_up


def test_for_load_every_evse_can_be_made_to_send_its_meter(stage):
    stage.settled(evses=2, world={"sample_every_s": 5.0})
    stage.run_for(50.0)
    values = stage.central.calls("MeterValues")
    assert len(values) == 2 * 10
    assert {body["connectorId"] for body in values} == {1, 2}


def test_load_management_pauses_a_car_and_lets_it_go_on(stage):
    station = stage.settled(segment=Segment.FLEET, meter_s=30.0, meters_idle=True)
    evse = station.evses[0]
    told: list[str] = []
    for _ in range(40):
        evse.arrive(id_tag="CAR", is_known=True)
        stage.run_for(12.0)
        while evse.is_charging:
            stage.run_for(5.0)
        stage.run_for(20.0)
        told = [status for status, _ in stage.central.statuses(1)]
        if "SuspendedEVSE" in told and told[told.index("SuspendedEVSE") + 1] == "Charging":
            break
    assert "SuspendedEVSE" in told
    assert told[told.index("SuspendedEVSE") + 1] == "Charging"


def test_a_car_that_cannot_talk_faults_the_evse_for_a_moment_only(stage):
    station = stage.settled()
    evse = station.evses[0]
    told: list[tuple[str, str]] = []
    for _ in range(400):
        stage.central.forget()
        evse.arrive(id_tag="CAR", is_known=False)
        stage.run_for(12.0)
        evse_failed = evse.place.report is not None
        evse.leave()
        stage.run_for(70.0)
        if evse_failed:
            told = stage.central.statuses(1)
            break
    assert told == [
        ("Preparing", "NoError"),
        ("Faulted", "EVCommunicationError"),
        ("Available", "NoError"),
    ]
    assert stage.central.calls("StartTransaction") == []
    assert evse.is_free
