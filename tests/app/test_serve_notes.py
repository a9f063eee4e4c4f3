"""What `serve` says of settings that work, but are rarely meant so."""

from pathlib import Path

from app.serve_notes import notes_on
from app.settings import Settings


def test_settings_of_a_first_try_are_told() -> None:
    assert [note.split(":")[0] for note in notes_on(Settings(data=Path("/nowhere")))] == [
        "no mail server is set (smtp.host)",
        "no phone number is set (texts.phone)",
        "no fleet is set (fleet)",
    ]


def test_a_list_with_nobody_on_it_is_told(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, ocpp={"authorize": "list"})
    assert notes_on(settings)[-1].startswith("no token is listed")
    (tmp_path / "tokens.db").write_bytes(b"no database" * 100)
    assert not notes_on(settings)[-1].startswith("no token is listed")


def test_complete_settings_need_no_note() -> None:
    settings = Settings(
        data=Path("/nowhere"),
        fleet=Path("/etc/fleet.yaml"),
        smtp={"host": "mail.example.org"},
        texts={"phone": "+49 30 23125 100"},
    )
    assert notes_on(settings) == []
