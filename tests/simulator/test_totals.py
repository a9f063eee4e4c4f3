"""The line in which a run tells its totals."""

from simulator.counters import Counters
from simulator.run import describe


def test_a_station_that_is_kept_out_is_told_with_the_reason() -> None:
    counters = Counters(
        station_count=2, up_count=1, refused_count=3, refused_because="HTTP 401"
    )
    assert describe(counters, 4).endswith("; refused, latest: HTTP 401")


def test_refusals_that_are_over_are_not_told() -> None:
    counters = Counters(
        station_count=2, up_count=2, refused_count=3, refused_because="HTTP 401"
    )
    assert "refused" not in describe(counters, 4)
