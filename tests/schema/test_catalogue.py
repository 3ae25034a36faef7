"""The retail catalogue holds the 29 tasks that its users know, and each can be scheduled."""

import pytest

from agent.tasktables import load_definitions
from schema import catalogue

TASKS = """
flagged_products_generate_daily|Flagged Products|5 7 * * *
flagged_products_refresh_leaderboard|Flagged Products|0 2 * * *
flagged_products_generate_ai_insights|Flagged Products|0 * * * *
flagged_products_check_achievements|Flagged Products|0 */6 * * *
flagged_products_refresh_store_stats|Flagged Products|*/30 * * * *
payroll_sync_deputy|Payroll|0 * * * *
payroll_process_automated_reviews|Payroll|*/5 * * * *
payroll_update_dashboard|Payroll|*/15 * * * *
payroll_auto_start|Payroll|0 6 * * 1
consignments_process_pending|Consignments|*/10 * * * *
consignments_update_analytics|Consignments|0 3 * * *
bank_fetch_transactions|Banking|0 */4 * * *
bank_auto_categorize|Banking|30 */4 * * *
staff_process_pending_payments|Staff Accounts|0 8-18 * * *
staff_send_reminders|Staff Accounts|0 9 * * *
system_database_backup|System Maintenance|0 1 * * *
system_log_rotation|System Maintenance|0 0 * * 0
system_cache_cleanup|System Maintenance|0 4 * * *
system_session_cleanup|System Maintenance|0 5 * * *
vend_sync_products|Vend Sync|0 */2 * * *
vend_sync_inventory|Vend Sync|*/30 * * * *
vend_sync_sales|Vend Sync|15 * * * *
monitoring_daily_report|Monitoring|0 7 * * *
monitoring_check_disk_space|Monitoring|0 */6 * * *
monitoring_error_summary|Monitoring|0 18 * * *
smart_cron_master_runner|Smart Cron Internal|* * * * *
smart_cron_health_monitor|Smart Cron Internal|*/5 * * * *
smart_cron_cleanup_old_data|Smart Cron Internal|0 2 * * *
smart_cron_database_maintenance|Smart Cron Internal|0 3 * * 0
"""


def test_the_29_tasks_have_their_names_categories_and_cron_texts() -> None:
    wanted = [tuple(line.split("|")) for line in TASKS.strip().splitlines()]

    tasks = load_definitions(catalogue.read("retail"), "catalogue retail")

    assert len(wanted) == 29
    assert [(task.task_name, task.category, task.schedule[0]) for task in tasks] == wanted
    assert len({task.category for task in tasks}) == 9


def test_each_task_has_a_limit_a_sentence_and_the_time_of_the_business() -> None:
    for task in load_definitions(catalogue.read("retail"), "catalogue retail"):
        assert task.timezone == "Pacific/Auckland"
        assert task.priority in (1, 2, 3)
        assert task.max_retries == 3
        assert 30 <= task.timeout_seconds <= 3600
        assert task.description.endswith(".")
        assert task.description.count(".") == 1


def test_company_tasks_run_their_own_script_and_the_rest_runs_the_agent() -> None:
    tasks = load_definitions(catalogue.read("retail"), "catalogue retail")

    ours = [task for task in tasks if task.command[0] == "{agent}"]
    theirs = [task for task in tasks if task not in ours]

    assert (len(ours), len(theirs)) == (11, 18)
    for task in theirs:
        script = task.command[-1]
        program = "{python}" if script.endswith(".py") else "/bin/sh"
        assert task.command == (program, script)
        assert script.startswith("{app_root}/modules/")
        assert script.split("/")[-1].split(".")[0] == task.task_name
        assert task.environment == {"SMARTCRON_DATA": "{home}/app"}


def test_a_catalogue_that_is_not_there_is_said_to_be_missing() -> None:
    assert catalogue.names() == ("retail",)
    with pytest.raises(KeyError, match="wholesale"):
        catalogue.read("wholesale")
