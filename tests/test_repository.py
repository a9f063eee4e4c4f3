"""What is committed, as a whole: no address of an index, no path of one machine, no key."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
LOCKS = ("requirements/base.txt", "requirements/dev.txt", "package-lock.json")
RECORDED = ("tests/data/", "tests/golden/")
"""Frames as stations sent them: data, with whatever was in it."""

PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE " + r"KEY-----")
HOME = re.compile(r"(?<![\w.$}/:])/(?:home|Users|root|work|opt/wheels|opt/pypi)/[\w.-]+")
FILE_URL = re.compile(r"file:" + r"//(?!/?\{)")
"""Written in two parts, so that this file does not find itself."""


def _tracked() -> list[str]:
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
    except (FileNotFoundError, subprocess.CalledProcessError):
        return []  # not a checkout: a source archive, say
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


TRACKED = _tracked()


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """Every tracked text file by its name."""
    if not TRACKED:
        pytest.skip("not a git checkout: there is no list of what is committed")
    found = {}
    for name in TRACKED:
        raw = (ROOT / name).read_bytes()
        if b"\0" not in raw:
            found[name] = raw.decode("utf-8")
    return found


def _lines_with(pattern: re.Pattern[str], texts: dict[str, str]) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()[:120]}"
        for name, text in texts.items()
        if not name.startswith(RECORDED)
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]


def test_no_private_key_is_committed(texts: dict[str, str]) -> None:
    assert _lines_with(PRIVATE_KEY, texts) == []


def test_no_file_names_a_folder_of_one_machine(texts: dict[str, str]) -> None:
    ours = {name: text for name, text in texts.items() if name != "tests/test_repository.py"}
    assert _lines_with(HOME, ours) == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_index(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert text
    addresses = re.compile(r"https?:" + r"//|--(?:extra-)?index-url|--find-links|\"resolved\"")
    assert _lines_with(addresses, {lock: text}) == _allowed_in(lock, text)
    assert _lines_with(FILE_URL, {lock: text}) == []


def _allowed_in(lock: str, text: str) -> list[str]:
    """Links for people (funding, licences) in package-lock.json fetch nothing."""
    if lock != "package-lock.json":
        return []
    people = re.compile(r'"url": "https?:' + r"//")
    return _lines_with(people, {lock: text})


@pytest.mark.parametrize("lock", ["requirements/base.txt", "requirements/dev.txt"])
def test_every_package_of_a_lock_has_a_hash(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    packages = [line for line in text.splitlines() if re.match(r"[a-z0-9]", line)]
    assert len(packages) > 30
    assert [line for line in packages if "--hash=sha256:" not in line] == []


def _name(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower().replace("_", "-")


def test_the_locks_hold_every_dependency_there_is() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    base = _pinned("requirements/base.txt")
    dev = _pinned("requirements/dev.txt")
    assert {_name(line) for line in project["dependencies"]} - set(base) == set()
    assert {_name(line) for line in project["optional-dependencies"]["dev"]} - set(dev) == set()
    assert {name: dev.get(name) for name in base} == base


def _pinned(lock: str) -> dict[str, str]:
    text = (ROOT / lock).read_text(encoding="utf-8")
    return {
        match[1]: match[2]
        for line in text.splitlines()
        if (match := re.match(r"([a-z0-9][\w.-]*)(?:\[[\w,]+\])?==(\S+)", line))
    }


def test_there_is_no_package_in_the_tests_that_would_hide_one_of_ours() -> None:
    assert [name for name in TRACKED if re.fullmatch(r"tests/(.*/)?__init__\.py", name)] == []


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in TRACKED
        if name.endswith((".yaml", ".yml")) and not name.startswith("tests/")
    ],
)
def test_every_yaml_file_can_be_read(name: str) -> None:
    assert list(yaml.safe_load_all((ROOT / name).read_text(encoding="utf-8")))


def test_every_link_within_the_docs_leads_somewhere(texts: dict[str, str]) -> None:
    broken = []
    for name, text in texts.items():
        if not name.endswith(".md"):
            continue
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
            if "://" not in target and not target.startswith("mailto:"):
                place = (ROOT / name).parent / target
                if not place.exists():
                    broken.append(f"{name}: {target}")
    assert broken == []


def test_the_compose_file_starts_what_it_says() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    assert set(compose["services"]) == {"foretell", "mosquitto", "influxdb", "grafana"}
    for service in compose["services"].values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (ROOT / source).exists(), source
