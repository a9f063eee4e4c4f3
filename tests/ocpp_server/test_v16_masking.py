"""Passwords never reach the journal, however badly the frame is written."""

import pytest

from ocpp_server.v16.masking import mask_secrets


@pytest.mark.parametrize(
    "frame",
    [
        b'[3,"1",{"configurationKey":[{"key":"AuthorizationKey","readonly":false,"value":"hush"}]}]',
        b'[3,"1",{"configurationKey":[{"value":"hush","key":"authorizationkey"}]}]',
        b'[2,"1","ChangeConfiguration",{"key":"AuthorizationKey","value":"hush"}]',
        b'[3,"1",{"configurationKey":[{"key" : "AuthorizationKey", "value" : "}{\\"hush"}]}]',
        b'[3,"1",{"configurationKey":[{"key":"AuthorizationKey","value":"hush',
        b'[3,"1",{"configurationKey":[{"key":"AuthorizationKey","value":hush}]}]',
    ],
)
def test_the_value_of_an_authorization_key_is_masked(frame):
    masked = mask_secrets(frame)
    assert b"hush" not in masked
    assert b'"***"' in masked


def test_only_the_value_of_that_key_is_touched():
    frame = (
        b'[3, "1", {"configurationKey": [{"key": "HeartbeatInterval", "value": "60"},'
        b' {"key": "AuthorizationKey", "value": "hush"}]}]'
    )
    assert mask_secrets(frame) == frame.replace(b'"hush"', b'"***"')


@pytest.mark.parametrize(
    "frame", [b"", b"\xff", b'[2,"1","Heartbeat",{}]', b"AuthorizationKey"]
)
def test_other_frames_stay_as_they_are(frame):
    assert mask_secrets(frame) == frame
