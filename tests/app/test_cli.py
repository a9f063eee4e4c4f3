from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from app import cli_common
from app.cli_common import CliError, moment_of, seconds_of
from app.cli_errors import MENDABLE

FLEET = """\
customers: [{id: c, name: C}]
sites: [{id: s, customer: c, timezone: UTC, stations: [{id: S1, evses: 2}]}]
"""


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    file = tmp_path / "fleet.yaml"
    file.write_text(FLEET, encoding="utf-8")
    return file


def test_help_names_every_command_and_none_that_does_not_exist(run_cli) -> None:
    result = run_cli("--help")
    assert result.status == 0
    for command in ("serve", "demo", "simulate", "replay", "backup", "doctor", "tokens"):
        assert command in result.out
    for later in ("backtest", "profile"):
        assert later not in result.out


@pytest.mark.parametrize(
    "command",
    [
        ["serve"],
        ["demo"],
        ["simulate"],
        ["replay"],
        ["backup"],
        ["restore"],
        ["rules", "list"],
        ["rules", "show"],
        ["rules", "check"],
        ["rules", "test"],
        ["fleet", "check"],
        ["fleet", "import"],
        ["fleet", "export"],
        ["tickets"],
        ["stations"],
        ["faults"],
        ["notices"],
        ["user", "add"],
        ["user", "passwd"],
        ["station", "password"],
        ["doctor"],
        ["tokens", "check"],
        ["tokens", "import"],
        ["tokens", "list"],
        ["tokens", "export"],
        ["send"],
        ["version"],
    ],
    ids=" ".join,
)
def test_each_command_explains_itself(run_cli, command: list[str]) -> None:
    result = run_cli(*command, "--help")
    assert result.status == 0
    assert "Usage" in result.out


@pytest.mark.parametrize(
    "arguments",
    [
        ["dance"],
        ["serve", "--dance"],
        ["replay"],
        ["serve", "--ocpp-port", "many"],
        ["serve", "--set", "log.level"],
        ["serve", "--set", "Log Level=3"],
        ["demo", "--duration", "soon"],
        ["simulate", "--url", "http://x", "--fleet", "f"],
        ["rules", "check", "/nowhere"],
    ],
)
def test_wrong_usage_is_status_2_and_said_on_standard_error(
    run_cli, tmp_path: Path, arguments: list[str]
) -> None:
    result = run_cli(*arguments)
    assert result.status == 2
    assert result.out == ""
    assert "Traceback" not in result.err
    assert result.err.strip()


def test_a_fleet_without_mistakes_is_counted(run_cli, fleet: Path) -> None:
    result = run_cli("fleet", "check", fleet)
    assert (result.status, result.err) == (0, "")
    assert result.out == f"{fleet}: 1 customer, 1 site, 1 station, 2 EVSEs: no mistakes\n"


def test_a_check_that_finds_mistakes_lists_them_and_is_status_1(run_cli, fleet: Path) -> None:
    fleet.write_text(FLEET.replace("evses: 2", "evses: 0, color: red"))
    result = run_cli("fleet", "check", fleet)
    assert (result.status, result.err) == (1, "")
    lines = result.out.splitlines()
    assert len(lines) == 2
    assert all(line.startswith(f"{fleet}:2: expected ") for line in lines)


def test_a_check_as_json_is_one_document(run_cli, fleet: Path) -> None:
    assert json.loads(run_cli("fleet", "check", fleet, "--json").out) == {"mistakes": []}
    fleet.write_text("")
    result = run_cli("fleet", "check", fleet, "--json")
    assert result.status == 1
    assert json.loads(result.out) == {
        "mistakes": [
            {
                "file": str(fleet),
                "line": 1,
                "expected": "expected customers and sites; the file is empty",
            }
        ]
    }


def test_a_file_that_cannot_be_opened_is_status_2_even_for_a_check(
    run_cli, tmp_path: Path
) -> None:
    result = run_cli("fleet", "check", tmp_path / "none.yaml")
    assert result.status == 2
    assert result.out == ""
    assert result.err == f"{tmp_path}/none.yaml: cannot be opened: No such file or directory\n"


def test_a_bad_file_given_to_another_command_is_status_2_with_the_same_message(
    run_cli, fleet: Path, tmp_path: Path
) -> None:
    fleet.write_text("sites: 3\n")
    checked = run_cli("fleet", "check", fleet)
    imported = run_cli("fleet", "import", fleet, "--data", tmp_path / "data")
    assert (checked.status, imported.status) == (1, 2)
    assert imported.out == ""
    assert imported.err == checked.out
    assert not (tmp_path / "data").exists()


def test_an_imported_fleet_is_the_one_in_force_and_comes_out_again(
    run_cli, fleet: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    assert run_cli("fleet", "export", "--data", data).status == 2
    assert run_cli("fleet", "import", fleet, "--data", data).status == 0
    exported = run_cli("fleet", "export", "--data", data)
    assert exported.status == 0
    again = tmp_path / "again.yaml"
    again.write_text(exported.out)
    assert run_cli("fleet", "check", again).status == 0
    assert "S1" in exported.out


def test_importing_beside_a_fleet_that_is_set_would_change_nothing_and_is_refused(
    run_cli, fleet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORETELL_FLEET", str(fleet))
    result = run_cli("fleet", "import", fleet, "--data", tmp_path / "data")
    assert result.status == 2
    assert "change that file" in result.err


def test_bad_settings_are_listed_with_their_place_and_are_status_2(
    run_cli, tmp_path: Path
) -> None:
    config = tmp_path / "foretell.toml"
    config.write_text("[ocpp]\nport = 99999\n[http]\nprot = 1\n")
    result = run_cli("serve", "--config", config)
    assert result.status == 2
    assert [line.split(": ")[:2] for line in result.err.splitlines()] == [
        [f"{config}:2", "ocpp.port"],
        [f"{config}:4", "http.prot"],
    ]
    assert run_cli("serve", "--config", tmp_path / "none.toml").status == 2


def test_flags_reach_the_settings_and_what_is_in_force_can_be_seen(
    run_cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORETELL_SMTP__PASSWORD", "hush")
    monkeypatch.setenv("FORETELL_HTTP__PORT", "8111")
    result = run_cli(
        "serve", "--data", tmp_path, "--ocpp-port", "9111", "--set", "ocpp.ping_every_s=30",
        "--insecure", "--show-settings",
    )  # fmt: skip
    assert result.status == 0
    for line in ("port = 9111", "port = 8111", "ping_every_s = 30.0", "insecure = true"):
        assert line in result.out.splitlines()
    assert "hush" not in result.out


def test_a_log_that_cannot_be_opened_stops_replay_before_it_begins(
    run_cli, fleet: Path, tmp_path: Path
) -> None:
    result = run_cli("replay", tmp_path / "none.jsonl", "--fleet", fleet)
    assert result.status == 2
    assert result.err == (
        f"{tmp_path}/none.jsonl: cannot be opened: No such file or directory\n"
    )


def test_every_command_tells_of_a_bad_fleet_file_in_the_same_words(
    run_cli, fleet: Path, tmp_path: Path
) -> None:
    fleet.write_text(FLEET.replace("evses: 2", "evses: many"))
    log = tmp_path / "log.jsonl"
    log.write_text("")
    told = run_cli("fleet", "check", fleet).out
    for command in (
        ["replay", log, "--fleet", fleet],
        ["simulate", "--url", "ws://127.0.0.1:1/ocpp", "--fleet", fleet],
        ["fleet", "import", fleet, "--data", tmp_path / "data"],
    ):
        result = run_cli(*command)
        assert (result.status, result.out, result.err) == (2, "", told)


def test_an_unknown_rule_is_told_with_those_there_are(run_cli) -> None:
    result = run_cli("rules", "show", "nothing")
    assert result.status == 2
    assert "connector-faulted" in result.err


def test_an_error_of_ours_is_one_line_and_status_70(
    run_cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("one\ntwo")

    monkeypatch.setattr("app.cli.settings_from", broken)
    monkeypatch.delenv("FORETELL_DEBUG", raising=False)
    result = run_cli("serve")
    assert result.status == 70
    assert result.err.splitlines() == [
        "foretell: an error of ours: ZeroDivisionError: one",
        "set FORETELL_DEBUG=1 for the traceback",
    ]
    monkeypatch.setenv("FORETELL_DEBUG", "1")
    assert "Traceback" in run_cli("serve").err


def test_durations_are_read_with_their_units() -> None:
    read = {text: seconds_of(text) for text in ("90", "90s", "1.5m", "2h", "1d")}
    assert read == {"90": 90, "90s": 90, "1.5m": 90, "2h": 7_200, "1d": 86_400}
    assert seconds_of(None) is None
    with pytest.raises(CliError, match="expected a duration"):
        seconds_of("-3s")


def test_a_moment_needs_its_zone() -> None:
    moment = moment_of("2026-01-05T08:00:00Z")
    assert moment is not None
    assert moment.utcoffset() is not None
    for text in ("2026-01-05T08:00:00", "tomorrow"):
        with pytest.raises(CliError, match="with its zone"):
            moment_of(text)


def test_a_table_shows_text_from_the_field_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    cli_common.say_table(["id"], [["[red]x[/red]"], ["y" * 300]])
    assert "[red]x[/red]" in (out := capsys.readouterr().out)
    assert "y" * 300 in out


def test_starting_loads_none_of_the_heavy_parts() -> None:
    heavy = {"fastapi", "sqlalchemy", "uvloop", "picows", "pydantic_settings", "ocpp", "yaml"}
    code = "import sys, app.cli; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not heavy & set(loaded)


@pytest.mark.e2e
def test_the_console_script_and_the_module_are_the_same() -> None:
    module = subprocess.run(
        [sys.executable, "-m", "app", "version"], capture_output=True, text=True, check=True
    )
    script = subprocess.run(
        [Path(sys.executable).parent / "foretell", "version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert module.stdout == script.stdout
    assert module.stdout.count(".") >= 2


def test_every_error_that_is_told_without_a_traceback_exists() -> None:
    for name in MENDABLE:
        module, _, kind = name.rpartition(".")
        assert issubclass(getattr(importlib.import_module(module), kind), Exception)


def test_a_backup_of_nothing_and_a_restore_of_nothing_are_said_so(
    run_cli, tmp_path: Path
) -> None:
    nothing = run_cli("backup", tmp_path / "b.tar", "--data", tmp_path / "data")
    assert (nothing.status, nothing.out) == (2, "")
    assert "nothing to back up" in nothing.err
    restored = run_cli("restore", tmp_path / "b.tar", "--data", tmp_path / "data")
    assert (restored.status, restored.out) == (2, "")
    assert "no such backup" in restored.err


def test_the_rules_that_come_with_us_are_listed_and_checked(run_cli) -> None:
    listed = run_cli("rules", "list", "--json")
    assert listed.status == 0
    json.loads(listed.out)
    assert '"connector-faulted"' in listed.out
    checked = run_cli("rules", "check", "--json")
    assert checked.status == 0
    assert json.loads(checked.out) == {"mistakes": []}


def test_rules_with_a_mistake_fail_the_check_with_their_line(run_cli, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("- rule: odd\n  detector: crystal-ball\n")
    result = run_cli("rules", "check", tmp_path)
    assert result.status == 1
    assert f"{tmp_path}/mine.yaml:1: " in result.out.replace("\n", "")


def test_a_replay_prints_what_would_have_been_opened(
    run_cli, fleet: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log.jsonl"
    status = {"connectorId": 1, "errorCode": "GroundFailure", "status": "Faulted"}
    frame = json.dumps([2, "1", "StatusNotification", status])
    lines = [
        {"at": "2026-01-05T08:00:00Z", "station": "S1", "event": "received", "frame": frame},
        {"at": "2026-01-05T08:10:00Z", "event": "tick"},
    ]
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    result = run_cli("replay", log, "--fleet", fleet, "--json")
    assert (result.status, result.err) == (0, "")
    (ticket,) = [t for t in json.loads(result.out)["tickets"] if t["kind"] == "fault"]
    assert ticket["severity"] == "critical"
    assert ticket["codes"] == ["CX002"]
