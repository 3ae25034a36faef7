"""What may a check of the owner's own be?"""

from typing import Any

import pytest

from agent.errors import BadDefinition
from agent.ownchecks import OwnCheck, check

WEB: dict[str, Any] = {"kind": "http", "url": "https://example.org/health?deep=1"}
PORT: dict[str, Any] = {"kind": "tcp", "host": "db.example.org", "port": 3306}


@pytest.mark.parametrize(
    "fields",
    [
        {"command": "/usr/lib/nagios/plugins/check_swap -w 50%"},
        {"command": ("check_swap", "-w", "50%"), "metric": "swap", "warn": 1.0},
        WEB,
        {**WEB, "url": "http://[::1]:8080"},
        PORT,
        {**PORT, "host": "::1"},
        {**PORT, "kind": "certificate", "warn": 30.0, "crit": 3.0},
    ],
)
def test_each_kind_is_taken(fields: dict[str, Any]) -> None:
    check(OwnCheck(name="mine", **fields))


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"name": "Mine", "command": "true"}, "name"),
        ({"name": "m" * 41, "command": "true"}, "name"),
        ({}, "command"),
        ({"command": "-x"}, "command"),
        ({"command": "true\0"}, "command"),
        ({"command": "true", "url": "http://a/"}, "url"),
        ({"command": "true", "every_s": 5}, "every_s"),
        ({"command": "true", "every_s": 60, "timeout_s": 60}, "timeout_s"),
        ({"command": "true", "warn": float("nan")}, "warn"),
        ({**WEB, "url": "ftp://example.org/"}, "url"),
        ({**WEB, "url": "https:///path"}, "url"),
        ({**WEB, "url": "https://example.org:99999/"}, "url"),
        ({**WEB, "url": "https://example.org/\r\nHost: evil"}, "url"),
        ({**WEB, "status": 42}, "status"),
        ({**WEB, "ca_file": "ca.pem"}, "ca_file"),
        ({**WEB, "warn": 5.0, "crit": 1.0}, "warn"),
        ({**PORT, "host": "-oProxy"}, "host"),
        ({**PORT, "host": "a b"}, "host"),
        ({**PORT, "port": 70_000}, "port"),
        ({**PORT, "kind": "certificate", "warn": 3.0, "crit": 30.0}, "warn"),
    ],
)
def test_nonsense_is_refused_by_the_name_of_its_field(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(BadDefinition) as refused:
        check(OwnCheck(**{"name": "mine", **fields}))

    assert refused.value.field == named


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(BadDefinition, match="user or a password") as refused:
        check(OwnCheck(name="mine", kind="http", url="https://anna:hunter2@example.org/"))

    assert "hunter2" not in str(refused.value)
