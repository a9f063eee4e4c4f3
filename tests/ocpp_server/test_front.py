"""The front: which first bytes become what."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.places import StationId
from ocpp_server.front import (
    Accept,
    FrontRules,
    NeedMore,
    judge,
)
from ocpp_server.naming import resolve_name, station_name_in
from ocpp_server.refusal import RefusalReason, Refuse

RULES = FrontRules()
KEY = base64.b64encode(b"0123456789abcdef").decode()


def request(*lines: str, target: str = "/ocpp/N-001", end: str = "\r\n") -> bytes:
    head = [f"GET {target} HTTP/1.1", "Host: x", "Upgrade: websocket", *lines]
    if not any(line.lower().startswith("sec-websocket-key") for line in lines):
        head.append(f"Sec-WebSocket-Key: {KEY}")
    return (end.join(head) + end * 2).encode("latin-1")


def accepted(received: bytes, rules: FrontRules = RULES) -> Accept:
    verdict = judge(received, rules)
    assert isinstance(verdict, Accept), verdict
    return verdict


def refused(received: bytes, rules: FrontRules = RULES) -> Refuse:
    verdict = judge(received, rules)
    assert isinstance(verdict, Refuse), verdict
    return verdict


@pytest.mark.parametrize(
    "connection",
    [
        (),
        ("Connection: Upgrade",),
        ("Connection: keep-alive, Upgrade",),
        ("connection: UPGRADE",),
        ("Connection: close",),
        ("Connection: keep-alive", "Connection: Upgrade"),
    ],
)
def test_a_station_comes_in_whatever_its_connection_header_says(connection: tuple[str]) -> None:
    verdict = accepted(request(*connection))

    assert verdict.station_name == "N-001"
    assert b"Connection: Upgrade\r\n" in verdict.head


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("/ocpp/N-001", "N-001"),
        ("/ocpp/N-001/", "N-001"),
        ("/ocpp/N-001//", "N-001"),
        ("/N-001", "N-001"),
        ("N-001", "N-001"),
        ("/ocpp/N-001?token=1", "N-001"),
        ("/ocpp/N-001/?a=/b", "N-001"),
        ("/OCPP16/tenant/token/N-001", "N-001"),
        ("/ocpp/N-001/N-001", "N-001"),
        ("/ocpp/%20N-001%20", "N-001"),
        ("/ocpp/N-001/%20", "N-001"),
        ("/ocpp/My Wallbox", "My Wallbox"),
        ("/ocpp/DE*BMW*E1", "DE*BMW*E1"),
        ("/ocpp/DE%2ABMW%2AE1", "DE*BMW*E1"),
        ("/ocpp/a%2Fb", "a/b"),
        ("/ocpp/S%C3%BCd", "Süd"),
        ("/ocpp/S%FCd", "Süd"),
        ("ws://example.com/ocpp/N-001", "N-001"),
        ("/ocpp/N-001#x", "N-001"),
        ("/ocpp/100%", "100%"),
        ("/ocpp/ocpp", "ocpp"),
        ("/", ""),
        ("", ""),
        ("//", ""),
        ("/ocpp", ""),
        ("/OCPP/", ""),
        ("/ocpp/?id=N-001", ""),
        ("ws://example.com", ""),
    ],
)
def test_the_id_is_the_last_segment_that_says_anything(target: str, name: str) -> None:
    assert station_name_in(target) == name


def test_an_address_without_an_id_is_taken_on_nameless() -> None:
    assert accepted(request(target="/ocpp/")).station_name == ""


def test_a_login_names_the_station_where_its_address_does_not() -> None:
    header = "Authorization: Basic " + base64.b64encode(b"N-001:pw").decode()

    assert accepted(request(header, target="/ocpp/")).station_name == "N-001"
    assert accepted(request(header, target="/ocpp/N-002")).station_name == "N-002"


REGISTERED = {
    "n-001": StationId("N-001"),
    "ocpp7": StationId("OCPP7"),
    "de*bmw*e1": StationId("DE*BMW*E1"),
    "my wallbox": StationId("My Wallbox"),
    "a+b": StationId("A+B"),
}


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("N-001", "N-001"),
        ("n-001", "N-001"),
        ("ocppN-001", "N-001"),
        ("OCPPn-001", "N-001"),
        ("N-001N-001", "N-001"),
        ("N-001n-001", "N-001"),
        ("ocpp7", "OCPP7"),
        ("DE%2ABMW%2ae1", "DE*BMW*E1"),
        ("my+wallbox", "My Wallbox"),
        ("a+b", "A+B"),
        ("X%2AY", "X%2AY"),
        ("AN-001", "AN-001"),
        ("N-0012", "N-0012"),
        ("N-002N-002", "N-002N-002"),
        ("ocppN-002", "ocppN-002"),
        ("ocpp", "ocpp"),
        ("", ""),
    ],
)
def test_an_id_glued_to_our_address_or_to_itself_is_known_again(name: str, meant: str) -> None:
    assert resolve_name(name, lambda spelled: REGISTERED.get(spelled.casefold())) == meant


@pytest.mark.parametrize("name", ["x" * 256, "a%00b", "a%0Ab", "a%7Fb"])
def test_an_id_nobody_can_write_down_is_refused(name: str) -> None:
    assert refused(request(target=f"/ocpp/{name}")).reason is RefusalReason.BAD_STATION_ID


@pytest.mark.parametrize(
    ("offered", "answered", "assumed"),
    [
        ((), None, "ocpp1.6"),
        (("ocpp1.6",), "ocpp1.6", "ocpp1.6"),
        (("ocpp2.0.1, ocpp1.6",), "ocpp1.6", "ocpp1.6"),
        (("ocpp2.0.1", "ocpp1.6"), "ocpp1.6", "ocpp1.6"),
        (("OCPP1.6",), "OCPP1.6", "ocpp1.6"),
        (("ocpp1.5",), None, "ocpp1.6"),
        (("",), None, "ocpp1.6"),
    ],
)
def test_the_subprotocol_is_one_that_was_offered_or_none(
    offered: tuple[str], answered: str | None, assumed: str
) -> None:
    verdict = accepted(request(*(f"Sec-WebSocket-Protocol: {word}" for word in offered)))

    assert (verdict.subprotocol, verdict.protocol) == (answered, assumed)


def test_our_order_decides_among_several_common_subprotocols() -> None:
    rules = FrontRules(protocols=("ocpp2.1", "ocpp2.0.1", "ocpp1.6"))

    verdict = accepted(request("Sec-WebSocket-Protocol: ocpp1.6, ocpp2.0.1"), rules)

    assert verdict.subprotocol == "ocpp2.0.1"


EVERY_VERSION = FrontRules(protocols=("ocpp2.1", "ocpp2.0.1", "ocpp1.6"))


@pytest.mark.parametrize(
    ("offer", "answered", "assumed"),
    [
        ("ocpp1.6, ocpp2.0.1, ocpp2.1", "ocpp2.1", "ocpp2.1"),
        ("ocpp2.1,ocpp1.6", "ocpp2.1", "ocpp2.1"),
        ("OCPP2.0.1,  Ocpp1.6", "OCPP2.0.1", "ocpp2.0.1"),
        ("ocpp1.6 ocpp2.0.1", "ocpp2.0.1", "ocpp2.0.1"),
        ("ocpp1.6;ocpp1.5", "ocpp1.6", "ocpp1.6"),
        ('"ocpp1.6"', "ocpp1.6", "ocpp1.6"),
        ("ocpp1.5, ocpp1.6", "ocpp1.6", "ocpp1.6"),
        ("ocpp2.0", "ocpp2.0", "ocpp2.0.1"),
        ("ocpp2.0, ocpp1.6", "ocpp1.6", "ocpp1.6"),
        ("ocpp1.6j", "ocpp1.6j", "ocpp1.6"),
        ("ocpp1.6-json", "ocpp1.6-json", "ocpp1.6"),
        ("OCPP16", "OCPP16", "ocpp1.6"),
        ("ocpp-2.0.1", "ocpp-2.0.1", "ocpp2.0.1"),
        ("ocpp201, ocpp16", "ocpp201", "ocpp2.0.1"),
        ("ocpp1.5", None, "ocpp1.6"),
        ("ocpp2.2", None, "ocpp1.6"),
        ("ocpp", None, "ocpp1.6"),
        ("mqtt, soap1.6", None, "ocpp1.6"),
        ("ocpp1.6\x01", None, "ocpp1.6"),
        ("x" * 41 + ", ocpp1.6", "ocpp1.6", "ocpp1.6"),
    ],
)
def test_a_subprotocol_counts_in_any_order_spelling_and_case(
    offer: str, answered: str | None, assumed: str
) -> None:
    verdict = accepted(request(f"Sec-WebSocket-Protocol: {offer}"), EVERY_VERSION)

    assert (verdict.subprotocol, verdict.protocol) == (answered, assumed)


@pytest.mark.parametrize("header", ["X-Nothing: 1", "Sec-WebSocket-Protocol: ocpp1.5"])
def test_without_a_common_subprotocol_our_oldest_is_assumed(header: str) -> None:
    rules = FrontRules(protocols=("ocpp2.1", "ocpp2.0.1", "ocpp1.6"))

    verdict = accepted(request(header), rules)

    assert (verdict.subprotocol, verdict.protocol) == (None, "ocpp1.6")


def test_compression_is_never_agreed_on() -> None:
    verdict = accepted(request("Sec-WebSocket-Extensions: permessage-deflate"))

    assert b"deflate" not in verdict.head


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_what_follows_the_head_is_kept_for_the_websocket(end: str) -> None:
    assert accepted(request(end=end) + b"\x81\x80rest").rest == b"\x81\x80rest"


@pytest.mark.parametrize(
    ("header", "user", "password"),
    [
        ("R1JTLTE3MDAwMDNmYjVkOg==", "GRS-1700003fb5d", ""),
        ("dXNlcjpwYXNz", "user", "pass"),
        ("dXNlcjpwYTpzcw==", "user", "pa:ss"),
        ("dXNlcjpwYTpzcw", "user", "pa:ss"),
        ("dXNlcjpwYTpzcw=", "user", "pa:ss"),
        (base64.b64encode(b"u:\xff\xfe").decode(), "u", "\xff\xfe"),
        (base64.b64encode("u:Schlüssel".encode()).decode(), "u", "Schlüssel"),
        ("!", "", ""),
    ],
)
def test_basic_credentials_are_read_as_stations_write_them(
    header: str, user: str, password: str
) -> None:
    verdict = accepted(request(f"Authorization: basic {header}"))

    assert (verdict.user, verdict.password) == (user, password)


@pytest.mark.parametrize(
    ("target", "login", "user", "password"),
    [
        ("/ocpp/00:1A:2B", "00:1A:2B:secret", "00:1A:2B", "secret"),
        ("/ocpp/00%3A1a%3A2b", "00:1A:2B:sec:ret", "00:1A:2B", "sec:ret"),
        ("/ocpp/00:1A:2B", "admin:secret", "admin", "secret"),
        ("/ocpp/00:1A", "00:1A:2B:secret", "00:1A", "2B:secret"),
        ("/ocpp/", "N-001:sec:ret", "N-001", "sec:ret"),
    ],
)
def test_an_id_with_colons_is_no_part_of_the_password(
    target: str, login: str, user: str, password: str
) -> None:
    header = "Authorization: Basic " + base64.b64encode(login.encode()).decode()
    verdict = accepted(request(header, target=target))

    assert (verdict.user, verdict.password) == (user, password)


# The example of OCPP-J 1.6 §6.2.
def test_a_key_of_raw_bytes_is_read_as_the_digits_that_people_know() -> None:
    header = "Authorization: Basic QUwxMDAwOgABAgMEBQYH////////////////"
    verdict = accepted(request(header, target="/ocpp/AL1000"))

    assert (verdict.user, verdict.password) == ("AL1000", "0001020304050607" + "ff" * 12)


@pytest.mark.parametrize("header", ["Bearer x", "Basic é=A", "Basic a", ""])
def test_other_credentials_count_as_none(header: str) -> None:
    assert accepted(request(f"Authorization: {header}")).password is None


def test_a_password_is_not_in_what_gets_logged() -> None:
    assert "geheim" not in repr(
        accepted(request("Authorization: Basic " + base64.b64encode(b"u:geheim").decode()))
    )


def test_tls_on_the_plain_port_is_refused_without_a_word_at_its_first_byte() -> None:
    verdict = refused(b"\x16")

    assert (verdict.reason, verdict.response) == (RefusalReason.TLS_ON_PLAIN_PORT, b"")
    assert "ws://" in verdict.advice


def test_a_probe_is_told_what_this_port_is() -> None:
    verdict = refused(b"GET /favicon.ico HTTP/1.1\r\nHost: x\r\n\r\n")

    assert verdict.reason is RefusalReason.HTTP_PROBE
    assert verdict.response.startswith(b"HTTP/1.1 426 Upgrade Required\r\n")
    assert verdict.response.count(b"\n", verdict.response.index(b"\r\n\r\n") + 4) == 1


@pytest.mark.parametrize(
    ("received", "reason"),
    [
        (b"\x00\x01\x02", RefusalReason.NOT_HTTP),
        (b"{}", RefusalReason.NOT_HTTP),
        (b"POST /ocpp/A HTTP/1.1\r\n\r\n", RefusalReason.BAD_METHOD),
        (b"GET\r\n\r\n", RefusalReason.BAD_REQUEST),
        (b"HELO mail.example.com\r\n\r\n", RefusalReason.BAD_REQUEST),
        (request("Sec-WebSocket-Key: short"), RefusalReason.BAD_KEY),
        (request("Sec-WebSocket-Version: 99"), RefusalReason.BAD_VERSION),
        (b"GET /" + b"x" * 9000, RefusalReason.HEAD_TOO_LARGE),
        (request("X: " + "x" * 9000), RefusalReason.HEAD_TOO_LARGE),
    ],
)
def test_what_is_no_handshake_gets_its_reason(received: bytes, reason: RefusalReason) -> None:
    verdict = refused(received)

    assert verdict.reason is reason
    assert verdict.response.startswith(b"HTTP/1.1 4")


@pytest.mark.parametrize("missing", ["Upgrade: websocket", f"Sec-WebSocket-Key: {KEY}"])
def test_a_token_in_the_address_is_not_told_to_the_log(missing: str) -> None:
    head = request(target="/OCPP16/tenant/geheim/N-001?token=geheim").decode()
    verdict = refused(head.replace(missing, "X: y").encode())

    assert verdict.said == "N-001"
    assert "geheim" not in repr(verdict)


def test_every_refusal_says_what_to_do() -> None:
    for received in (b"\x16", b"{}", b"PUT / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"):
        assert len(refused(received).advice) > 15


def test_odd_header_lines_do_not_cost_a_station_its_connection() -> None:
    odd = ("no colon here", ": no name", "X-Folded: one", "\ttwo", "Upgrade : websocket")

    assert accepted(request(*odd)).station_name == "N-001"


def test_empty_lines_before_the_request_are_skipped() -> None:
    assert accepted(b"\r\n\r\n" + request()).station_name == "N-001"


def test_older_clients_speak_http_1_0_and_name_no_version() -> None:
    assert accepted(request().replace(b"HTTP/1.1", b"HTTP/1.0")).station_name == "N-001"


@given(st.integers(min_value=1))
def test_a_head_in_two_pieces_is_judged_like_one(at: int) -> None:
    whole = request("Connection: keep-alive, Upgrade")
    at %= len(whole)

    assert at == 0 or judge(whole[:at], RULES) == NeedMore()
    assert accepted(whole).rest == b""


@given(st.binary(max_size=300))
def test_no_bytes_make_the_front_fail(received: bytes) -> None:
    verdict = judge(received, RULES)

    assert isinstance(verdict, NeedMore | Refuse | Accept)


@given(st.lists(st.text(st.characters(max_codepoint=255), max_size=40), max_size=6))
def test_no_header_lines_make_the_front_fail(lines: list[str]) -> None:
    verdict = judge(request(*lines), RULES)

    assert isinstance(verdict, Refuse | Accept)


@given(st.text(st.characters(blacklist_categories=["Cs"]), max_size=60))
def test_no_address_makes_the_front_fail(target: str) -> None:
    name = station_name_in(target)

    assert name == name.strip()
