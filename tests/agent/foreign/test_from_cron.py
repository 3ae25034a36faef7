"""Which task does a line of a crontab become."""

import pytest

from tests.agent.foreign.makings import proposals, task_of


def test_a_plain_line_becomes_a_task_that_is_switched_off() -> None:
    (found,) = proposals("# Nightly dump", "15 2 * * *  /usr/bin/backup --all")

    assert (found.verdict, found.line, found.note) == ("ok", 2, "")
    assert found.task is not None
    assert found.task.task_name == "backup"
    assert found.task.schedule == ("15 2 * * *",)
    assert found.task.command == "/usr/bin/backup --all"
    assert found.task.shell == "auto"
    assert found.task.timezone == "Europe/Berlin"
    assert found.task.working_directory == "/root"
    assert found.task.environment == {"PATH": "/usr/bin:/bin"}
    assert found.task.description == "Nightly dump (crontab line 2)"
    assert not found.task.enabled


def test_new_files_are_readable_for_others_as_with_cron() -> None:
    assert task_of("@daily x").umask == "022"


def test_cron_sets_no_time_limit_so_the_task_has_the_longest_there_is() -> None:
    assert task_of("@daily x").timeout_seconds == 30 * 86_400


def test_home_is_the_folder_and_the_variable() -> None:
    task = task_of("HOME=/srv/shop", "@daily x")

    assert task.working_directory == "/srv/shop"
    assert task.environment["HOME"] == "/srv/shop"


def test_mail_is_named_in_the_verdict_and_kept_with_the_task() -> None:
    first, second = proposals("MAILTO=ops@example.com", "@daily x", 'MAILTO=""', "@daily y")

    assert first.verdict == "changed"
    assert "ops@example.com" in first.note
    assert "alerts" in first.note
    assert first.task is not None
    assert "cron mailed ops@example.com" in first.task.description
    assert first.task.environment["MAILTO"] == "ops@example.com"
    assert second.verdict == "ok"


def test_cron_tz_is_the_zone_of_the_lines_after_it() -> None:
    before, after = proposals("@daily x", "CRON_TZ=Pacific/Auckland", "@daily y")

    assert before.task is not None
    assert before.task.timezone == "Europe/Berlin"
    assert after.task is not None
    assert after.task.timezone == "Pacific/Auckland"
    assert after.verdict == "changed"
    assert "Debian's cron ignores" in after.note


def test_tz_is_what_the_command_sees_and_moves_no_moment() -> None:
    (found,) = proposals("TZ=Pacific/Auckland", "@daily x")

    assert found.task is not None
    assert found.task.timezone == "Europe/Berlin"
    assert found.task.environment["TZ"] == "Pacific/Auckland"
    assert "starts by Europe/Berlin" in found.note


def test_another_shell_and_the_input_behind_a_percent_sign_are_kept() -> None:
    assert task_of("SHELL=/bin/bash", "@daily echo {1..3}").command == (
        "/bin/bash",
        "-c",
        "echo {1..3}",
    )
    task = task_of("@daily cat%a%b")
    assert task.command == "printf '%s\\n' a b | /bin/sh -c cat"
    assert task.shell == "always"


def test_a_start_at_boot_is_kept() -> None:
    (found,) = proposals("@reboot /srv/warm-cache")

    assert found.verdict == "ok"
    assert found.task is not None
    assert found.task.schedule == ("@reboot",)


def test_a_random_delay_becomes_a_steady_one() -> None:
    (found,) = proposals("RANDOM_DELAY=30", "@daily x")

    assert found.task is not None
    assert found.task.spread_s == 1800
    assert found.verdict == "changed"


def test_a_line_of_a_system_crontab_runs_as_its_user() -> None:
    task = task_of("@daily anna x", has_user=True)

    assert task.run_as == "anna"
    assert task.working_directory == "/home/anna"
    assert task_of("@daily root x", has_user=True).run_as is None


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["0~30 4 * * * x"], ["random", "H(0-30) 4 * * *"]),
        (["~ 4 * * * x"], ["write H 4 * * *"]),
        (["~10 5~ * * * x"], ["H(0-10) H(5-23) * * *"]),
        (["5/15 * * * * x"], ["5-59/15"]),
        (["22-2 * * * * x"], ["22-59,0-2"]),
        (["0 0 30 2 * x"], ["never comes"]),
        (["0 0 * * tues x"], ["tues"]),
        (["@every_minute x"], ["@every_minute"]),
        (["@daily x &"], ["background"]),
        (["@daily cd ${home}"], ["{home}"]),
        (["@daily %x"], ["no command"]),
        (["A=secret:x", "@daily y"], ["variable A"]),
        (["A={agent}", "@daily y"], ["variable A"]),
        (["CRON_TZ=Mars/Base", "@daily y"], ["no such time zone"]),
        (["HOME=here", "@daily y"], ["working_directory"]),
        (["@daily " + "x" * 5000], ["command", "4096"]),
        (["RANDOM_DELAY=soon", "@daily y"], ["RANDOM_DELAY"]),
        (["SMARTCRON_TASK=x", "@daily y"], ["set by the agent"]),
    ],
)
def test_what_no_task_can_say_exactly_is_refused_with_the_reason(
    lines: list[str], words: list[str]
) -> None:
    found = proposals(*lines)[-1]

    assert found.verdict == "refused"
    assert found.task is None
    assert [word for word in words if word not in found.note] == [], found.note


def test_a_user_of_nowhere_is_refused() -> None:
    (found,) = proposals("@daily nobody-here x", has_user=True)

    assert "no user 'nobody-here'" in found.note


def test_one_refused_line_leaves_the_others_alone() -> None:
    found = proposals("@daily a", "61 * * * * b", "@daily c")

    assert [one.verdict for one in found] == ["ok", "refused", "ok"]
