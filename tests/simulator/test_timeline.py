def test_alarms_ring_in_order_and_at_their_own_moment(timeline):
    rung = []
    timeline.at(2.0, lambda: rung.append(("b", timeline.now_s)))
    timeline.at(1.0, lambda: rung.append(("a", timeline.now_s)))
    timeline.at(2.0, lambda: rung.append(("c", timeline.now_s)))
    timeline.run_until(1.5)
    assert rung == [("a", 1.0)]
    timeline.run_until(5.0)
    assert rung == [("a", 1.0), ("b", 2.0), ("c", 2.0)]
    assert timeline.now_s == 5.0
    assert timeline.next_s is None


def test_a_cancelled_alarm_does_not_ring(timeline):
    rung = []
    timeline.after(1.0, lambda: rung.append(1)).cancel()
    assert timeline.next_s is None
    timeline.run_until(2.0)
    assert rung == []


def test_an_alarm_set_by_an_alarm_rings_in_the_same_run(timeline):
    rung = []
    timeline.after(1.0, lambda: timeline.after(1.0, lambda: rung.append(timeline.now_s)))
    timeline.run_until(3.0)
    assert rung == [2.0]


def test_whoever_waits_is_told_of_an_earlier_alarm_only(timeline):
    told = []
    timeline.on_earlier = told.append
    timeline.at(5.0, lambda: None)
    timeline.at(9.0, lambda: None)
    timeline.at(3.0, lambda: None)
    assert told == [5.0, 3.0]


def test_the_calendar_goes_with_the_clock(timeline):
    timeline.run_until(90.0)
    assert timeline.wall.isoformat() == "2026-01-05T08:01:30+00:00"
