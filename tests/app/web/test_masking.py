"""Frames for people's eyes: nothing personal or secret is left in any of them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.masking import mask_frame

SECRET = "S3CR3T-04A2B3"


@pytest.mark.parametrize(
    "frame",
    [
        f'[2,"1","Authorize",{{"idTag":"{SECRET}"}}]',
        f'[3,"1",{{"idTagInfo":{{"status":"Accepted","parentIdTag":"{SECRET}"}}}}]',
        f'[2,"1","TransactionEvent",{{"idToken":{{"idToken":"{SECRET}","type":"ISO14443"}}}}]',
        f'[2,"1","ChangeConfiguration",{{"key":"AuthorizationKey","value":"{SECRET}"}}]',
        f'[3,"1",{{"configurationKey":[{{"key":"apnPassword","value":"{SECRET}"}}]}}]',
        f'[2,"1","SetVariables",{{"setVariableData":[{{"attributeValue":"{SECRET}",'
        '"variable":{"name":"BasicAuthPassword"}}]}]',
        f'[2,"1","SignCertificate",{{"csr":"{SECRET}"}}]',
        f'[2,"1","DataTransfer",{{"vendorId":"x","data":"{{\\"idTag\\":\\"{SECRET}\\"}}"}}]',
        f'[2,"1","Authorize",{{"idTag": "{SECRET}"',
        f'{{"IDTAG":"{SECRET}"',
        f'[2,"1","X",{{"idToken":{{"idToken":"{SECRET}","type":"Local"}}',
        "[" * 60 + f'{{"idTag":"{SECRET}"}}' + "]" * 60,
        "[" * 20_000 + f'{{"idTag":"{SECRET}"}}',
    ],
)
def test_the_secret_is_gone(frame: str) -> None:
    masked = mask_frame(frame)
    assert SECRET not in masked
    assert "***" in masked


@pytest.mark.parametrize("number", ["+49 30 23125 001", "+493023125001", "0049 30 23125-001"])
def test_phone_numbers_are_gone(number: str) -> None:
    frame = json.dumps(
        [2, "1", "DataTransfer", {"vendorId": "x", "data": f"call {number} now"}]
    )
    assert number not in mask_frame(frame)
    assert "call *** now" in mask_frame(frame)


@pytest.mark.parametrize(
    "frame",
    [
        '[2,"7","StatusNotification",{"connectorId":1, "status":"Faulted",'
        '"errorCode":"NoError","timestamp":"2026-01-05T08:00:00+01:00","vendorErrorCode":"0x0049302312500"}]',
        '[2,"7","MeterValues",{"connectorId":1,"meterValue":[{"sampledValue":'
        '[{"value":"0049302312500.5","unit":"Wh"},{"value":"0049302312500"}]}]}]',
        '[2,"7","BootNotification",{"chargePointSerialNumber":"ACE0049302312500"}]',
        '[3,"7",{"configurationKey":[{"key":"HeartbeatInterval","value":"300"}]}]',
        "not json at all",
        "",
    ],
)
def test_what_is_not_secret_stays_to_the_byte(frame: str) -> None:
    assert mask_frame(frame) == frame


@given(st.text())
def test_any_text_can_be_masked(frame: str) -> None:
    mask_frame(frame)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["idTag", "a", "data", "value", "key"]), inner)
    ),
    max_leaves=12,
)


@given(JSON, st.sampled_from(["idTag", "parentIdTag", "csr", "password"]))
def test_a_secret_member_is_gone_wherever_it_stands(around: object, name: str) -> None:
    frame = json.dumps([2, "1", "X", {"around": around, "deep": [{name: SECRET}, around]}])
    assert SECRET not in mask_frame(frame)
