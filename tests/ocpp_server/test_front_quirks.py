"""Which test holds which known way of connecting, and the few that need no socket at all.

The classes are those of things real stations were seen to do before or between messages; the
letter and number stand in the code where it does something for their sake.
"""

from __future__ import annotations

import ast
import base64
from pathlib import Path

import pytest

from ocpp_server.front import Accept, FrontRules, judge
from ocpp_server.limits import Limits
from ocpp_server.restraint import Restraint

HERE = Path(__file__).parent

QUIRKS: dict[str, tuple[str, ...]] = {
    "A1 no subprotocol at all": (
        "test_front.test_the_subprotocol_is_one_that_was_offered_or_none",
        "test_listener.test_a_station_that_offers_no_subprotocol_gets_no_such_header",
    ),
    "A2 a payload of another version than agreed on": (
        "test_front.test_without_a_common_subprotocol_our_oldest_is_assumed",
        "test_front.test_a_subprotocol_counts_in_any_order_spelling_and_case",
        "test_v2x_reading.test_1_6_messages_on_a_2x_connection_are_read_and_answered_as_1_6",
        "test_v2x_reading.test_2x_messages_on_a_1_6_connection_are_read_and_answered_as_2x",
    ),
    "A3 no Connection: Upgrade": (
        "test_listener.test_a_station_without_a_proper_connection_header_is_taken_on",
    ),
    "A4 a probe, then a real handshake": (
        "test_front_live.test_what_is_no_handshake_ends_at_once_and_the_log_says_what_to_do",
        "test_listener_storm.test_probes_are_answered_however_many_and_ban_nobody",
    ),
    "A5 odd paths, no id, id glued to the address": (
        "test_front_live.test_a_station_is_known_by_whatever_address_it_dials",
        "test_front.test_the_id_is_the_last_segment_that_says_anything",
        "test_front.test_an_id_glued_to_our_address_or_to_itself_is_known_again",
        "test_front.test_a_login_names_the_station_where_its_address_does_not",
        "test_listener_nameless.test_a_station_without_an_id_is_known_by_the_serial_of_its_boot",
    ),
    "A6 the station shortens ids": (
        "test_front_quirks.test_no_id_is_too_short_and_long_ones_come_in",
    ),
    "A7 empty password, user other than the id": (
        "test_front.test_an_id_with_colons_is_no_part_of_the_password",
        "test_front.test_a_key_of_raw_bytes_is_read_as_the_digits_that_people_know",
        "test_gate.test_any_password_comes_in_where_none_is_set",
        "test_gate.test_an_empty_password_comes_in_only_where_that_is_configured",
        "test_gate.test_an_odd_user_is_told_once_per_station",
    ),
    "A8 TLS on the plain port, chains nobody trusts": (
        "test_listener.test_tls_on_the_plain_port_is_closed_at_once_and_counted",
        "test_listener.test_plain_websockets_on_the_tls_port_are_told_what_is_wrong",
        "test_listener.test_the_same_over_tls",
        "test_front_tls.test_a_station_that_knows_only_the_root_is_sent_the_whole_chain",
        "test_front_tls.test_every_cipher_that_ocpp_names_is_spoken_with_tls_1_2",
        "test_front_tls.test_a_station_that_does_not_trust_us_is_told_with_its_address",
    ),
    "A9 reserved bits without compression agreed": (
        "test_front.test_compression_is_never_agreed_on",
        "test_front_live.test_no_extension_is_agreed_on_though_offered",
        "test_listener.test_breaches_of_the_websocket_protocol_close_with_1002",
    ),
    "A10 a new connection while the old one is half open": (
        "test_listener.test_the_newest_connection_wins_and_the_older_one_ends_in_silence",
        "test_front_live.test_a_command_that_waited_follows_the_station_to_its_new_connection",
        "test_listener"
        ".test_an_older_connection_whose_peer_is_dead_is_aborted_in_the_background",
    ),
    "A11 a ping kills the connection": (
        "test_link_pings.test_a_station_that_dies_of_three_pings_gets_no_more_of_them",
        "test_link_pings.test_that_pings_went_off_is_recorded_and_holds_after_our_restart",
        "test_listener.test_missing_pongs_do_not_close_a_link_with_other_traffic",
    ),
    "A12 routers forget idle connections": (
        "test_front_quirks.test_pings_come_before_a_mobile_network_forgets",
    ),
    "A13 our pong comes too late": (
        "test_listener.test_fragments_become_one_message_with_pings_in_between",
    ),
    "A14 reconnects all day": (
        "test_front_quirks.test_a_station_that_reconnects_every_few_seconds_is_not_slowed",
    ),
    "A15 binary frames, long frames": (
        "test_listener.test_binary_frames_with_json_are_read",
        "test_listener.test_a_message_of_a_mebibyte_is_read_and_a_bigger_one_closes_with_1009",
    ),
    "A16 an empty text or pong as text": (
        "test_listener.test_odd_texts_close_nothing",
        "test_v16_frames.test_an_empty_text_and_pong_are_signs_of_life",
    ),
    "A17 no pong ever": (
        "test_listener.test_a_station_that_never_ponged_is_left_alone",
        "test_link_pings.test_a_station_that_answers_no_more_is_judged_by_its_messages_again",
    ),
    "A18 ids with special characters": (
        "test_front.test_the_id_is_the_last_segment_that_says_anything",
        "test_front_quirks.test_an_id_of_special_characters_comes_in_as_it_is",
    ),
    "A19 a station without power closes nothing": (
        "test_listener.test_the_system_watches_for_peers_that_acknowledge_nothing",
        "test_listener.test_a_station_that_ponged_once_and_fell_silent_is_closed_as_half_open",
    ),
}

OTHERS: dict[str, tuple[str, ...]] = {
    "C1 JSON with line breaks": (
        "test_v16_frames.test_pretty_printed_json_is_a_call_like_any_other",
    ),
    "C5 answers to calls of another connection": (
        "test_commands.test_silence_is_a_timeout_and_a_late_answer_changes_nothing",
    ),
    "C6 what a command triggers comes before its answer": (
        "test_connection.test_a_heartbeat_overtakes_but_answers_keep_their_order",
        "test_commands.test_one_command_is_outstanding_and_the_rest_follow_in_order",
    ),
    "C9 a backlog at once": (
        "test_listener.test_several_messages_in_one_read_share_one_moment_and_keep_their_order",
        "test_listener"
        ".test_a_station_that_asks_without_waiting_is_slowed_down_and_loses_nothing",
    ),
    "J4 retries for ever after our restart": (
        "test_listener_storm"
        ".test_two_thousand_stations_with_passwords_come_back_and_all_are_served",
        "test_front_quirks.test_a_station_that_reconnects_every_few_seconds_is_not_slowed",
    ),
    "J6 a station that does not dial again": (
        "test_listener.test_missing_pongs_do_not_close_a_link_with_other_traffic",
        "test_listener.test_odd_texts_close_nothing",
    ),
    "J8 TLS given up without a word": (
        "test_front_tls.test_one_that_hangs_up_or_says_nothing_is_told_too",
    ),
    "J11 the id appended to an address that has it": (
        "test_front.test_an_id_glued_to_our_address_or_to_itself_is_known_again",
    ),
    "J15 several versions offered, races of reconnects": (
        "test_v2x_clients.test_of_several_versions_offered_the_newest_is_spoken",
        "test_listener.test_a_station_back_before_the_journal_was_never_lost",
    ),
    "J16 every socket begins anew": ("test_v16_repeats.test_a_new_connection_begins_anew",),
}


def test_every_class_from_a1_to_a19_has_a_test() -> None:
    assert [name.split()[0] for name in QUIRKS] == [f"A{number}" for number in range(1, 20)]


@pytest.mark.parametrize("quirk", QUIRKS | OTHERS)
def test_the_tests_of_a_quirk_are_there(quirk: str) -> None:
    for test in (QUIRKS | OTHERS)[quirk]:
        module, name = test.split(".")
        tree = ast.parse((HERE / f"{module}.py").read_text())
        names = {
            node.name
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        assert name in names, test


def handshake(target: str) -> Accept:
    key = base64.b64encode(b"0123456789abcdef").decode()
    head = f"GET {target} HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    verdict = judge(head.encode(), FrontRules())
    assert isinstance(verdict, Accept), verdict
    return verdict


@pytest.mark.parametrize("name", ["1", "X" * 25, "X" * 48, "X" * 255])
def test_no_id_is_too_short_and_long_ones_come_in(name: str) -> None:
    assert handshake(f"/ocpp/{name}").station_name == name


@pytest.mark.parametrize("name", ["DE*BMW*E1", "a;b", "..", "$(x)", "A+B", "#1", "a'b\"c"])
def test_an_id_of_special_characters_comes_in_as_it_is(name: str) -> None:
    escaped = name.replace("#", "%23").replace('"', "%22")

    assert handshake(f"/ocpp/{escaped}").station_name == name


def test_pings_come_before_a_mobile_network_forgets() -> None:
    assert Limits().ping_every_s <= 60


def test_a_station_that_reconnects_every_few_seconds_is_not_slowed() -> None:
    restraint = Restraint(Limits())

    assert all(
        restraint.take_handshake("N-001", moment_s) is None for moment_s in range(0, 3600, 3)
    )
