"""What is a foreign command to be called as a task."""

import pytest

from agent.foreign.names import name_of, slug, unique


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("/usr/local/bin/backup.sh --all > /dev/null 2>&1", "backup"),
        ("cd /srv/shop && php artisan schedule:run >> x", "artisan_schedule_run"),
        ("cd / && run-parts --report /etc/cron.hourly", "cron.hourly"),
        (
            "test -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; }",
            "cron.daily",
        ),
        ("[ -x /usr/bin/certbot ] && /usr/bin/certbot -q renew", "certbot"),
        ("LANG=C nice -n 19 ionice -c3 /opt/Reindex", "reindex"),
        ("flock -n /tmp/lock timeout -k 5 60 python3 -u /srv/sync_sales.py", "sync_sales"),
        ("sudo -u www-data /usr/bin/php -d x=1 /srv/wp/wp-cron.php", "wp-cron"),
        ("python3 -m shop.reports", "shop.reports"),
        ("/bin/bash -c 'sleep 5; /srv/clean-up'", "clean-up"),
        ("if [ -f x ]; then refresh; fi", "refresh"),
        ("sleep 30", "sleep"),
        ("'unclosed", "unclosed"),
        ("> /dev/null", "task"),
        ("&&", "task"),
    ],
)
def test_a_task_is_named_after_the_program_it_is_about(command: str, name: str) -> None:
    assert name_of(command) == name


def test_a_name_has_only_signs_that_names_may_have() -> None:
    assert slug("Größe & Co") == "gr_e_co"
    assert slug("***") == "task"
    assert len(slug("x" * 200)) == 56


def test_a_taken_name_gets_the_next_number() -> None:
    assert unique("a", set()) == "a"
    assert unique("a", {"a", "a-2"}) == "a-3"
