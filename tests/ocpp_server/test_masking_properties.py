"""A planted secret never reaches the journal, wherever in a station's words it stands."""

import json
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.places import StationId
from ocpp_server.masking import mask_secrets, mask_text, masked_payload
from ocpp_server.secret_words import is_secret
from ocpp_server.translate import Translation
from ocpp_server.v2x.dialect import Dialect2x
from ocpp_server.v16.dialect import Dialect16

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
STATION = StationId("N-001")
SECRET = "hunter2Zq"

NAMES = st.sampled_from(
    [
        "password",
        "wifiPassword",
        "WLAN_PSK",
        "AuthorizationKey",
        "Authorization Key",
        "BasicAuthPassword",
        "ftp.passwd",
        "adminPwd",
        "client-secret",
        "wpaKey",
        "G_CardPin",
        "apiKey",
        "Kennwort",
        "pass",
        "p\u0061ssphrase",
    ]
)
WHOLE_NAME = re.compile(
    r"(passw\w+|wifiPassword|PSK|Authoriz\w+ ?Key|AuthPassword|passwd|Pwd|secret|wpaKey|CardPin"
    r"|apiKey|Kennwort|pass|passphrase)(?=[\\\\\"=])"
)
HARMLESS = st.dictionaries(
    st.sampled_from(["ssid", "status", "fwVer", "a b", "x\u0022y", "list"]),
    st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.lists(st.integers()),
    max_size=3,
)


@st.composite
def secrets_in_json(draw):
    """JSON that names a secret beside or above its value, at some depth, in some order."""
    name = draw(NAMES)
    value = draw(st.sampled_from([SECRET, f"x {SECRET}", f'"{SECRET}"\\', f"{SECRET};a=b"]))
    holder = draw(
        st.sampled_from(
            [
                {name: value},
                {name: [value, {"of": value}]},
                {"key": name, "readonly": False, "value": value},
                {"value": value, "key": name},
                {"variable": {"name": name}, "attributeValue": value},
                {"variableAttribute": [{"value": value}], "variable": {"name": name}},
                {"text": f"{name}={value}"},
                {"text": json.dumps({name: value})},
            ]
        )
    )
    for _ in range(draw(st.integers(0, 3))):
        rest = draw(HARMLESS)
        inner = draw(st.sampled_from([holder, [holder], json.dumps(holder)]))
        holder = dict(
            draw(st.permutations([*rest.items(), (draw(st.sampled_from("uvw")), inner)]))
        )
    return holder


def said(action, payload, protocol):
    """Let a station say it on a live connection; return what is kept, and what is believed."""
    translation = Translation(station=STATION, protocol=protocol)
    kind = Dialect16 if protocol == "ocpp1.6" else Dialect2x
    dialect = kind(STATION, translation)
    ensure_ascii = "p\u0061" in str(payload)
    frame = json.dumps([2, "1", action, payload], ensure_ascii=ensure_ascii).encode()
    return dialect.receive(frame, now=NOW, position=1)


def assert_nothing_kept(reaction):
    assert SECRET.encode() not in reaction.body
    assert SECRET not in repr(reaction.events)


@pytest.mark.parametrize("protocol", ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"])
@given(holder=secrets_in_json(), is_text=st.booleans())
@settings(max_examples=50, deadline=None)
def test_a_secret_in_vendor_json_is_never_kept(protocol, holder, is_text):
    payload = {"vendorId": "V", "data": json.dumps(holder) if is_text else holder}
    assert_nothing_kept(said("DataTransfer", payload, protocol))


@pytest.mark.parametrize("protocol", ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"])
@given(
    name=NAMES,
    glue=st.sampled_from(["=", ": ", " is ", ",", " ", "\n", "=>", ' "', "='", " ("]),
    before=st.sampled_from(["", "ssid=foo;", "new ", "1,Available,", "a: b, "]),
    after=st.sampled_from(["", ";status=ok", ",7", " was set", "'", ")"]),
)
@settings(max_examples=40, deadline=None)
def test_a_secret_in_prose_pairs_or_lists_is_never_kept(protocol, name, glue, before, after):
    if name in ("pass", "G_CardPin") and glue not in ("=", ": "):
        return  # words of everyday: only beside a sign of equality are they names
    text = f"{before}{name}{glue}{SECRET}{after}"
    assert_nothing_kept(said("DataTransfer", {"vendorId": "V", "data": text}, protocol))
    event = {"type": "X", "techInfo": text, "timestamp": "2026-01-05T08:00:00Z"}
    assert_nothing_kept(said("SecurityEventNotification", event, protocol))


@given(holder=secrets_in_json())
@settings(max_examples=60, deadline=None)
def test_a_secret_in_answers_and_commands_is_never_kept(holder):
    answer = json.dumps([3, "1", {"configurationKey": [holder]}]).encode()
    assert SECRET.encode() not in mask_secrets(answer)
    assert SECRET.encode() not in masked_payload(json.dumps({"data": holder}).encode())


@given(
    holder=secrets_in_json(), cut=st.integers(1, 60), junk=st.sampled_from([b"", b"}", b'"'])
)
@settings(max_examples=60, deadline=None)
def test_a_cut_frame_gives_nothing_away_either(holder, cut, junk):
    frame = json.dumps([2, "1", "DataTransfer", {"data": holder}]).encode()[:-cut] + junk
    if not WHOLE_NAME.search(frame.decode()):
        return  # a name that was cut off can be read by nobody
    masked = mask_secrets(frame)
    assert SECRET.encode() not in masked


@given(holder=secrets_in_json())
@settings(max_examples=60, deadline=None)
def test_what_was_masked_stays_as_it_is(holder):
    frame = json.dumps([2, "1", "DataTransfer", {"data": holder}]).encode()
    masked = mask_secrets(frame)
    assert mask_secrets(masked) == masked
    json.loads(masked)
    text = mask_text(json.dumps(holder))
    assert mask_text(text) == text


@given(st.text() | st.from_regex(r"(pass|key|pin|=|:|;|,|\s|\"|\{|\\)*", fullmatch=True))
@settings(max_examples=80, deadline=None)
def test_masking_is_stable_whatever_the_text(text):
    once = mask_text(text)
    assert mask_text(once) == once


@pytest.mark.parametrize(
    "name",
    [
        "HeartbeatInterval",
        "LocalPreAuthorize",
        "AuthorizationCacheEnabled",
        "publicKey",
        "MasterPassGroupId",
        "RFIDBypass",
        "MessageAtKeyTransfer",
        "ping",
        "idToken",
    ],
)
def test_settings_that_only_sound_alike_are_kept(name):
    assert not is_secret(name)


@pytest.mark.parametrize("protocol", ["ocpp1.6", "ocpp2.1"])
@given(
    holder=secrets_in_json(), message=st.sampled_from(["hello", "gatewayInfo", "wifiPassword"])
)
@settings(max_examples=40, deadline=None)
def test_what_is_kept_reads_as_what_was_said(protocol, holder, message):
    payload = {"vendorId": "EN+", "messageId": message, "data": json.dumps(holder)}
    reaction = said("DataTransfer", payload, protocol)
    translation = Translation(station=STATION, protocol=protocol)
    assert translation.received(reaction.body, at=NOW, position=1) == reaction.events
