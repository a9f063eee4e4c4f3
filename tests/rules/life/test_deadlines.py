"""Deadlines: their order, and those that were overtaken."""

from datetime import UTC, datetime, timedelta

from rules.deadlines import TRACK, WINDOW, WINDOW_RANK, Deadlines

START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def valid(kind: str, name: str, moment: datetime) -> bool:
    return name != "overtaken"


def test_the_sooner_first_then_the_wider_place_then_the_name():
    deadlines = Deadlines(valid)
    deadlines.add(at(2), 0, "late", TRACK)
    deadlines.add(at(1), 4, "b", TRACK)
    deadlines.add(at(1), 4, "a", TRACK)
    deadlines.add(at(1), WINDOW_RANK, "window", WINDOW)
    deadlines.add(at(1), 0, "fleet", TRACK)
    assert list(deadlines.due(at(1))) == [
        (at(1), "fleet", TRACK),
        (at(1), "a", TRACK),
        (at(1), "b", TRACK),
        (at(1), "window", WINDOW),
    ]
    assert deadlines.next_at == at(2)


def test_what_is_added_while_others_fall_due_is_heard_in_its_turn():
    deadlines, heard = Deadlines(valid), []
    deadlines.add(at(1), 0, "a", TRACK)
    deadlines.add(at(3), 0, "c", TRACK)
    for moment, name, _ in deadlines.due(at(3)):
        heard.append((moment, name))
        if name == "a":
            deadlines.add(at(2), 0, "b", TRACK)
            deadlines.add(at(3.1), 0, "d", TRACK)
    assert heard == [(at(1), "a"), (at(2), "b"), (at(3), "c")]


def test_an_overtaken_deadline_neither_fires_nor_is_waited_for():
    deadlines = Deadlines(valid)
    deadlines.add(at(1), 0, "overtaken", TRACK)
    deadlines.add(at(2), 0, "overtaken", TRACK)
    deadlines.add(at(3), 0, "a", TRACK)
    assert deadlines.is_any_due(at(1))
    assert list(deadlines.due(at(1))) == []
    assert deadlines.next_at == at(3)
    assert deadlines.next_at == at(3)  # asking changes nothing
    assert not deadlines.is_any_due(at(2.9))
    assert deadlines.is_any_due(at(3))
    assert list(deadlines.due(at(3))) == [(at(3), "a", TRACK)]


def test_where_nothing_is_due_nothing_is_waited_for():
    deadlines = Deadlines(valid)
    assert deadlines.next_at is None
    assert not deadlines.is_any_due(at(99))
    deadlines.add(at(1), 0, "overtaken", TRACK)
    assert deadlines.next_at is None
    assert list(deadlines.due(at(99))) == []


def test_whether_it_still_holds_is_asked_of_kind_name_and_moment():
    asked = []

    def is_valid(kind: str, name: str, moment: datetime) -> bool:
        asked.append((kind, name, moment))
        return True

    deadlines = Deadlines(is_valid)
    deadlines.add(at(1), 0, "a", TRACK)
    assert deadlines.next_at == at(1)
    assert list(deadlines.due(at(1))) == [(at(1), "a", TRACK)]
    assert asked == [(TRACK, "a", at(1))] * 2
