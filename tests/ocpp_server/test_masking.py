"""Passwords never reach the journal, however badly the frame is written."""

import pytest

from ocpp_server.masking import mask_secrets


@pytest.mark.parametrize(
    "frame",
    [
        b'[3,"1",{"configurationKey":[{"key":"AuthorizationKey","readonly":false,"value":"hush"}]}]',
        b'[3,"1",{"configurationKey":[{"value":"hush","key":"authorizationkey"}]}]',
        b'[2,"1","ChangeConfiguration",{"key":"AuthorizationKey","value":"hush"}]',
        b'[3,"1",{"configurationKey":[{"key" : "AuthorizationKey", "value" : "}{\\"hush"}]}]',
        b'[3,"1",{"configurationKey":[{"key":"AuthorizationKey","value":"hush',
        b'[3,"1",{"configurationKey":[{"key":"AuthorizationKey","value":hush}]}]',
        b'[3,"1",{"configurationKey":[{"key":"WifiPassword","value":"hush"}]}]',
        b'[3,"1",{"configurationKey":[{"value":"hush","key":"vendor.ftp_passwd"}]}]',
        b'[2,"1","SetLogin",{"user":"kim","password":"hush"}]',
        b'[2,"1","SetLogin",{"password" : "hu\\"sh","x":{"clientSecret":hush}',
    ],
)
def test_the_value_of_a_secret_setting_is_masked(frame):
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
    "frame",
    [
        b"",
        b"\xff",
        b'[2,"1","Heartbeat",{}]',
        b"AuthorizationKey",
        b'[2,"1","StatusNotification",{"info":"wrong password","vendorErrorCode":"7"}]',
    ],
)
def test_other_frames_stay_as_they_are(frame):
    assert mask_secrets(frame) == frame


@pytest.mark.parametrize(
    "frame",
    [
        b'"' + b"password" * 100_000 + b'"',
        b'{"key":"' + b"password" * 100_000,
        b'{"key":"password","value":' + b'"\\"' * 200_000,
        b'"' + b'\\"' * 300_000 + b"password",
        b'"' + b'\\"' * 300_000 + b"password\\",
        b'{"data":"password' + b" " * 500_000 + b'"}',
        b'{"data":"a=1;' * 50_000 + b"password",
        b"[" * 300_000 + b'"password"',
    ],
)
@pytest.mark.timeout(10)  # it takes milliseconds, or minutes where the text is looked at again
def test_no_text_makes_it_slow(frame):
    assert len(mask_secrets(frame)) <= 3 * len(frame)
