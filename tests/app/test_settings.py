from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.settings import Settings, reason_to_refuse
from app.settings_load import BadSettingsError, flag, load_settings, merge_flags
from app.settings_pages import setting_fields, settings_as_toml
from domain.places import StationId

Refused = Callable[..., list[str]]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "foretell.toml"


@pytest.fixture
def mistakes_of(config: Path) -> Refused:
    """Write a settings file, load it, and return the mistakes without the folder's name."""

    def load(text: str = "", **environ: str) -> list[str]:
        config.write_text(text, encoding="utf-8")
        with pytest.raises(BadSettingsError) as caught:
            load_settings(config=config, environ=environ)
        return [mistake.replace(f"{config.parent}/", "") for mistake in caught.value.mistakes]

    return load


def test_without_any_source_the_defaults_of_the_contracts_hold(tmp_path: Path) -> None:
    settings = load_settings({"data": tmp_path}, environ={})
    assert settings.host == "127.0.0.1"
    assert (settings.ocpp.port, settings.ocpp.port_tls, settings.http.port) == (
        9000,
        9443,
        8000,
    )
    assert (settings.journal.retention_days, settings.journal.max_gb) == (30, 20)
    assert settings.public_url == "http://127.0.0.1:8000"
    assert settings.fleet_path is None
    assert Settings().data == Path("data")


def test_a_flag_beats_the_environment_which_beats_the_file(config: Path) -> None:
    config.write_text(
        '[ocpp]\nport = 1\nping_every_s = 11\n[http]\nport = 2\n[log]\nlevel="error"'
    )
    settings = load_settings(
        merge_flags(flag("ocpp.port", 3), flag("data", config.parent)),
        environ={"FORETELL_OCPP__PORT": "4", "FORETELL_HTTP__PORT": "5"},
    )
    assert settings.ocpp.port == 3
    assert settings.http.port == 5
    assert settings.ocpp.ping_every_s == 11
    assert settings.log.level == "error"


def test_the_data_directory_named_by_the_environment_holds_the_file(config: Path) -> None:
    config.write_text("[http]\nport = 8100\n")
    settings = load_settings(environ={"FORETELL_DATA": str(config.parent)})
    assert settings.http.port == 8100
    assert settings.data == config.parent


def test_paths_in_the_file_are_relative_to_it(config: Path) -> None:
    config.write_text('fleet = "fleet.yaml"\n[ocpp]\ntls_cert = "c.pem"\ntls_key = "/k.pem"\n')
    settings = load_settings(config=config, environ={})
    assert settings.fleet == config.parent / "fleet.yaml"
    assert settings.ocpp.tls_cert == config.parent / "c.pem"
    assert settings.ocpp.tls_key == Path("/k.pem")


def test_an_imported_fleet_is_read_where_none_is_set(tmp_path: Path) -> None:
    settings = load_settings({"data": tmp_path}, environ={})
    settings.imported_fleet.write_text("x")
    assert settings.fleet_path == tmp_path / "fleet.yaml"
    other = load_settings({"data": tmp_path, "fleet": "f.yaml"}, environ={})
    assert other.fleet_path == Path("f.yaml")


def test_a_wrong_value_is_named_with_file_line_key_and_what_was_expected(
    mistakes_of: Refused,
) -> None:
    (mistake,) = mistakes_of("host = '127.0.0.1'\n\n[ocpp]\n# ours\nport = 99999\n")
    assert mistake == (
        "foretell.toml:5: ocpp.port: expected to be less than or equal to 65535 (got 99999)"
    )


def test_every_mistake_is_listed_not_only_the_first(mistakes_of: Refused) -> None:
    mistakes = mistakes_of('[http]\nport = "x"\n[log]\nlevel = "loud"\nform = 1\n')
    assert [mistake.split(": ")[:2] for mistake in mistakes] == [
        ["foretell.toml:2", "http.port"],
        ["foretell.toml:4", "log.level"],
        ["foretell.toml:5", "log.form"],
    ]
    assert "no such setting (did you mean log.format?)" in mistakes[2]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[ocpp]\nport = \n", "foretell.toml:2: expected TOML"),
        ("[ocpp]\nport = 1\nport = 2\n", "foretell.toml:3: expected TOML"),
        ("x = " + "[" * 5000, "foretell.toml: expected TOML: nested too deeply"),
        ("ocpp = 3", "foretell.toml:1: ocpp: "),
        ("ocpp = {port = -1}", "foretell.toml:1: ocpp.port: "),
        ("ocpp.port = -1", "foretell.toml:1: ocpp.port: "),
        ("[ocpp]\ntls_cert = 'c.pem'", "tls_cert and tls_key must be set together"),
        ("demo = true\nhost = '0.0.0.0'", "refused on an open address"),
        ('[smtp]\nfrom = "a\\nBcc: b@c"', "foretell.toml:2: smtp.from: "),
    ],
)
def test_a_broken_file_gives_a_sentence(mistakes_of: Refused, text: str, said: str) -> None:
    assert said in "\n".join(mistakes_of(text))


def test_text_that_is_not_utf8_and_a_missing_file_are_said_so(config: Path) -> None:
    config.write_bytes(b"host = '\xff'")
    with pytest.raises(BadSettingsError, match="expected text in UTF-8"):
        load_settings(config=config, environ={})
    with pytest.raises(BadSettingsError, match="no such file"):
        load_settings(config=config.parent / "other.toml", environ={})
    with pytest.raises(BadSettingsError, match="cannot be read"):
        load_settings(config=config.parent, environ={})


def test_a_wrong_variable_is_named_as_a_variable(mistakes_of: Refused) -> None:
    assert mistakes_of("", FORETELL_HTTP__PORT="many") == [
        "environment FORETELL_HTTP__PORT: http.port: expected to be a valid integer, "
        "unable to parse string as an integer (got 'many')"
    ]
    (unknown,) = mistakes_of("", FORETELL_OCCP__PORT="1")
    assert unknown == (
        "environment FORETELL_OCCP__PORT: no such setting (did you mean FORETELL_OCPP__PORT?)"
    )
    (table,) = mistakes_of("", FORETELL_QUIET="abc")
    assert table.startswith("environment FORETELL_QUIET: expected a table")


def test_a_wrong_flag_is_named_as_a_flag() -> None:
    with pytest.raises(BadSettingsError, match=r"^flag: ocpp\.port: expected to be"):
        load_settings(flag("ocpp.port", -1), environ={})


def test_variables_of_other_programs_parts_are_left_alone() -> None:
    assert load_settings(environ={"FORETELL_TOKEN": "t", "FORETELL_DEBUG": "1"}) == Settings()


def test_the_data_directory_cannot_move_itself(tmp_path: Path) -> None:
    (tmp_path / "foretell.toml").write_text("\ndata = 'elsewhere'\n")
    with pytest.raises(BadSettingsError, match=r"foretell\.toml:2: data: .* set it by --data"):
        load_settings({"data": tmp_path}, environ={})


def test_a_secret_is_neither_printed_nor_quoted_in_a_mistake(mistakes_of: Refused) -> None:
    settings = load_settings(environ={"FORETELL_SMTP__PASSWORD": "hush-hush"})
    assert settings.smtp.password.get_secret_value() == "hush-hush"
    assert "hush" not in repr(settings) + settings_as_toml(settings)
    assert "777" not in "\n".join(mistakes_of("[smtp]\npassword = 777\n"))


def test_what_it_prints_reads_back_as_the_same_settings(tmp_path: Path) -> None:
    settings = load_settings(
        {"data": tmp_path, "texts": {"team_name": 'The "A" team\\'}}, environ={}
    )
    assert Settings(**tomllib.loads(settings_as_toml(settings))) == settings


def test_settings_cannot_be_changed_after_reading() -> None:
    settings = Settings()
    with pytest.raises(ValidationError):
        settings.host = "x"  # type: ignore[misc]
    with pytest.raises(ValidationError):
        settings.ocpp.port = 1  # type: ignore[misc]


def test_every_setting_says_what_it_means() -> None:
    assert [key for key, field in setting_fields().items() if not field.description] == []


A, B = StationId("A"), StationId("B")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.9.9.9"])
def test_loopback_needs_neither_tls_nor_passwords(host: str) -> None:
    assert reason_to_refuse(Settings(host=host), stations=[A], with_password=[]) is None


def open_settings(*, tls: bool = True, insecure: bool = False) -> Settings:
    ocpp = {"tls_cert": "c.pem", "tls_key": "k.pem"} if tls else {}
    return Settings.model_validate({"host": "0.0.0.0", "ocpp": {**ocpp, "insecure": insecure}})


def test_an_open_address_without_tls_is_refused() -> None:
    reason = reason_to_refuse(open_settings(tls=False), stations=[A], with_password=[A])
    assert reason is not None
    assert "tls_cert" in reason


def test_an_open_address_with_a_station_without_password_is_refused_by_name() -> None:
    reason = reason_to_refuse(open_settings(), stations=[A, B], with_password=[A])
    assert reason is not None
    assert "1 of 2 stations" in reason
    assert "(B)" in reason


def test_an_open_address_without_any_password_is_refused() -> None:
    assert reason_to_refuse(open_settings(), stations=[], with_password=[]) is not None


def test_tls_and_passwords_or_a_clear_word_open_the_door() -> None:
    assert reason_to_refuse(open_settings(), stations=[A, B], with_password=[A, B]) is None
    insecure = open_settings(tls=False, insecure=True)
    assert reason_to_refuse(insecure, stations=[A], with_password=[]) is None


def test_client_certificates_asked_of_all_open_the_door_without_passwords() -> None:
    ocpp = {
        "tls_cert": "c.pem",
        "tls_key": "k.pem",
        "tls_client_ca": "ca.pem",
        "require_client_cert": True,
    }
    settings = Settings.model_validate({"host": "0.0.0.0", "ocpp": ocpp})
    assert reason_to_refuse(settings, stations=[A], with_password=[]) is None


@pytest.mark.parametrize(
    ("ocpp", "said"),
    [
        ({"tls_client_ca": "ca.pem"}, "tls_client_ca needs tls_cert"),
        ({"require_client_cert": True}, "require_client_cert needs tls_client_ca"),
        ({"unknown_stations": "ignore"}, "'accept' or 'refuse'"),
    ],
)
def test_what_the_door_needs_is_asked_for_together(ocpp: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Settings.model_validate({"ocpp": ocpp})


def test_a_wildcard_address_is_reached_over_loopback() -> None:
    assert Settings(host="0.0.0.0").public_url == "http://127.0.0.1:8000"
    assert Settings(host="::1").public_url == "http://[::1]:8000"


@pytest.mark.parametrize(
    ("values", "plain"),
    [
        ({}, "127.0.0.1"),
        ({"host": "192.0.2.1"}, "192.0.2.1"),
        ({"host": "192.0.2.1", "ocpp": {"tls_cert": "c", "tls_key": "k"}}, "127.0.0.1"),
        (
            {"host": "192.0.2.1", "ocpp": {"tls_cert": "c", "tls_key": "k", "insecure": True}},
            "192.0.2.1",
        ),
    ],
)
def test_plain_websockets_stay_on_loopback_where_there_is_tls(
    values: dict[str, object], plain: str
) -> None:
    assert Settings.model_validate(values).plain_host == plain
