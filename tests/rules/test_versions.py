"""Firmware versions compare as people read them."""

import pytest

from rules.versions import BadRangeError, VersionRange, key_of

IN_ORDER = ["0.9", "1.2-beta", "1.2-rc1", "1.2", "1.2a", "1.2.0.1", "1.9", "1.10", "v2", "10.0"]


def test_versions_stand_in_the_order_people_mean():
    assert sorted(reversed(IN_ORDER), key=key_of) == IN_ORDER


@pytest.mark.parametrize(
    ("one", "other"), [("1.2", "v1.2.0"), ("1.02", "1.2"), ("R3-B", "r3b"), ("5.32", "5_32")]
)
def test_spellings_of_one_version_are_one(one, other):
    assert key_of(one) == key_of(other)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        (">=1.4 <2.0", ["1.4", "1.10.3", "2.0-rc1"], ["1.3.9", "2.0", "2.0.1"]),
        (">=1.4, <=2.0", ["2.0.0"], ["2.0.1"]),
        ("1.2", ["1.2", "1.2.7", "1.2.7-4"], ["1.20", "1.3", "1.1"]),
        ("2.0", ["2", "2.0.4"], ["2.1"]),
        ("=1.2", ["1.2.0"], ["1.2.7"]),
        ("> 1.9", ["1.10"], ["1.9.0"]),
        ("", ["1.0", ""], []),
        (">=1", [], ["", " "]),
    ],
)
def test_a_range_holds_what_it_says(text, inside, outside):
    versions = VersionRange(text)
    assert [v for v in inside if not versions.holds(v)] == []
    assert [v for v in outside if versions.holds(v)] == []


@pytest.mark.parametrize("text", ["=>1.2", "newer", ">", "1.2 ||"])
def test_what_is_no_range_is_refused(text):
    if text == "newer":
        assert not VersionRange(text).holds("1.2")
        return
    with pytest.raises(BadRangeError, match="no range of versions"):
        VersionRange(text)
