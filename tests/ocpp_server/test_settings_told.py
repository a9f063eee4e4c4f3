"""What a station's configuration is becomes a fact when it answers a question of ours."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.events import ConfigurationReported, Heard
from domain.places import StationId
from ocpp_server.translate import Translation

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
STATION = StationId("N-001")
PROTOCOLS = ["ocpp1.6", "ocpp2.0.1", "ocpp2.1", ""]


def told(answer, protocol="ocpp1.6", kind=3):
    translation = Translation(station=STATION, protocol=protocol)
    frame = json.dumps([kind, "c1", answer]).encode()
    (event,) = translation.received(frame, at=NOW, position=7)
    return event


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_answer_to_get_configuration_tells_settings(protocol):
    answer = {
        "configurationKey": [
            {"key": "HeartbeatInterval", "readonly": False, "value": "60"},
            {"key": "AuthorizationKey", "readonly": False, "value": "hunter2"},
            {"key": "Unset", "readonly": True},
            {"key": "Number", "readonly": True, "value": 16},
            {"key": 5},
            "x",
            {"key": "QrCode", "value": "y" * 600},
        ],
        "unknownKey": ["Foo"],
    }
    assert told(answer, protocol) == ConfigurationReported(
        station=STATION,
        settings={
            "HeartbeatInterval": "60",
            "AuthorizationKey": "***",
            "Number": "16",
            "QrCode": "y" * 500,
        },
        observed_at=NOW,
        position=7,
    )


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_answer_to_get_variables_tells_settings(protocol):
    def result(component, variable, value=None, **more):
        said = {} if value is None else {"attributeValue": value}
        return {"component": component, "variable": {"name": variable}, **said, **more}

    evse = {"name": "Connector", "evse": {"id": 2, "connectorId": 1}}
    answer = {
        "getVariableResult": [
            result({"name": "OCPPCommCtrlr"}, "HeartbeatInterval", "60"),
            result({"name": "SecurityCtrlr"}, "BasicAuthPassword", "pw1"),
            result(evse, "Limit", "16", attributeType="Target"),
            result({"name": "X"}, "Unknown", attributeStatus="UnknownVariable"),
        ]
    }
    assert told(answer, protocol).settings == {
        "OCPPCommCtrlr.HeartbeatInterval": "60",
        "SecurityCtrlr.BasicAuthPassword": "***",
        "Connector@2.Limit#Target": "16",
    }


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"status": "Accepted"},
        {"configurationKey": []},
        {"configurationKey": None},
        {"configurationKey": {"key": "a", "value": "b"}},
        {"getVariableResult": [{"attributeStatus": "Rejected"}]},
        {"data": '"configurationKey"'},
    ],
)
def test_any_other_answer_is_a_sign_of_life(protocol, answer):
    assert isinstance(told(answer, protocol), Heard)


def test_a_refusal_is_a_sign_of_life():
    assert isinstance(told("NotSupported", kind=4), Heard)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["key", "value", "component", "variable", "name", "attributeValue"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(st.sampled_from(["configurationKey", "getVariableResult"]), st.lists(JSON, max_size=4))
@settings(max_examples=60, deadline=None)
def test_no_answer_breaks_the_reading(member, items):
    assert isinstance(told({member: items}), Heard | ConfigurationReported)


def test_settings_beyond_the_limit_are_left_out():
    keys = [{"key": f"k{number}", "value": "v"} for number in range(3000)]
    assert len(told({"configurationKey": keys}).settings) == 1000
