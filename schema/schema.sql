-- The tables of Smart Cron for MariaDB 10.6 or newer and MySQL 8.
-- Made by `python -m schema.generate` from schema/tables.py; do not edit.
-- Times are UTC with milliseconds.

CREATE TABLE smart_cron_alert_mutes (
	id VARCHAR(26) NOT NULL,
	task VARCHAR(64),
	category VARCHAR(64),
	from_at DATETIME(3) NOT NULL,
	to_at DATETIME(3) NOT NULL,
	reason TEXT NOT NULL,
	made_at DATETIME(3) NOT NULL,
	made_by VARCHAR(128) NOT NULL,
	CONSTRAINT pk_smart_cron_alert_mutes PRIMARY KEY (id)
) ENGINE=InnoDB CHARSET=utf8mb4 COLLATE utf8mb4_bin;

CREATE INDEX ix_smart_cron_alert_mutes_to_at ON smart_cron_alert_mutes (to_at);

CREATE TABLE smart_cron_alert_notes (
	id BIGINT NOT NULL AUTO_INCREMENT,
	alert_id VARCHAR(26) NOT NULL,
	noted_at DATETIME(3) NOT NULL,
	noted_by VARCHAR(128) NOT NULL,
	what VARCHAR(16) NOT NULL,
	note TEXT NOT NULL,
	CONSTRAINT pk_smart_cron_alert_notes PRIMARY KEY (id)
) ENGINE=InnoDB CHARSET=utf8mb4 COLLATE utf8mb4_bin;

CREATE INDEX ix_smart_cron_alert_notes_alert_id_id ON smart_cron_alert_notes (alert_id, id);

CREATE INDEX ix_smart_cron_alert_notes_noted_at ON smart_cron_alert_notes (noted_at);

CREATE TABLE smart_cron_alert_rule_versions (
	id BIGINT NOT NULL AUTO_INCREMENT,
	rule_name VARCHAR(64) NOT NULL,
	rev INTEGER NOT NULL,
	changed_at DATETIME(3) NOT NULL,
	changed_by VARCHAR(128) NOT NULL,
	definition MEDIUMTEXT,
	CONSTRAINT pk_smart_cron_alert_rule_versions PRIMARY KEY (id)
) ENGINE=InnoDB CHARSET=utf8mb4 COLLATE utf8mb4_bin;

CREATE INDEX ix_smart_cron_alert_rule_versions_rule_name_id ON smart_cron_alert_rule_versions (rule_name, id);

CREATE TABLE smart_cron_alert_rules (
	rule_name VARCHAR(64) NOT NULL,
	severity VARCHAR(16) NOT NULL,
	enabled BOOL NOT NULL,
	definition MEDIUMTEXT NOT NULL,
	rev INTEGER NOT NULL,
	updated_at DATETIME(3) NOT NULL,
	updated_by VARCHAR(128) NOT NULL,
	CONSTRAINT pk_smart_cron_alert_rules PRIMARY KEY (rule_name)
) ENGINE=InnoDB CHARSET=utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE smart_cron_alerts (
	id VARCHAR(26) NOT NULL,
	dedupe_key VARCHAR(190) NOT NULL,
	kind VARCHAR(64) NOT NULL,
	severity VARCHAR(16) NOT NULL,
	status VARCHAR(16) NOT NULL,
	task_name VARCHAR(64),
	run_id VARCHAR(26),
	title VARCHAR(255) NOT NULL,
	message TEXT NOT NULL,
	occurrences INTEGER NOT NULL,
	opened_at DATETIME(3) NOT NULL,
	last_seen_at DATETIME(3) NOT NULL,
	acknowledged_by VARCHAR(128),
	acknowledged_at DATETIME(3),
	snoozed_until DATETIME(3),
	resolved_at DATETIME(3),
	flaps INTEGER NOT NULL DEFAULT '0',
	resolves_at DATETIME(3),
	tell_at DATETIME(3),
	told VARCHAR(16),
	muted_until DATETIME(3),
	cause_id VARCHAR(26),
	CONSTRAINT pk_smart_cron_alerts PRIMARY KEY (id)
) ENGINE=InnoDB CHARSET=utf8mb4 COLLATE utf8mb4_bin;

CREATE INDEX ix_smart_cron_alerts_cause_id ON smart_cron_alerts (cause_id);

CREATE INDEX ix_smart_cron_alerts_dedupe_key_status ON smart_cron_alerts (dedupe_key, status);

CREATE INDEX ix_smart_cron_alerts_muted_until ON smart_cron_alerts (muted_until);

CREATE INDEX ix_smart_cron_alerts_status_id ON smart_cron_alerts (status, id);

CREATE INDEX ix_smart_cron_alerts_tell_at ON smart_cron_alerts (tell_at);

CREATE TABLE smart_cron_audit (
	id BIGINT NOT NULL AUTO_INCREMENT,
	recorded_at DATETIME(3) NOT NULL,
	key_id VARCHAR(64),
	label VARCHAR(128),
	`role` VARCHAR(16),
	address VARCHAR(64),
	op VARCHAR(64),
	action VARCHAR(64) NOT NULL,
	target VARCHAR(255),
	arguments MEDIUMTEXT,
	result VARCHAR(64) NOT NULL,
	duration_ms INTEGER,
	before_digest VARCHAR(64),
	after_digest VARCHAR(64),
	chain_number BIGINT,
	chain_digest VARCHAR(64),
	CONSTRAINT pk_smart_cron_audit PRIMARY KEY (id)
) ENGINE=InnoDB CHARSET=utf8mb4 COLLATE utf8mb4_bin;

CREATE UNIQUE INDEX ix_smart_cron_audit_chain_number ON smart_cron_audit (chain_number);

CREATE INDEX ix_smart_cron_audit_recorded_at ON smart_cron_audit (recorded_at);

CREATE TABLE smart_cron_calendars (
	calendar_name VARCHAR(64) NOT NULL,
	kind VARCHAR(16) NOT NULL,
	definition MEDIUMTEXT NOT NULL,
	updated_at DATETIME(3) NOT NULL,
	updated_by VARCHAR(128) NOT NULL,
	CONSTRAINT pk_smart_cron_calendars PRIMARY KEY (calendar_name)
) ENGINE=InnoDB CHARSET=utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE smart_cron_checks (
	check_name VARCHAR(64) NOT NULL,
	definition MEDIUMTEXT NOT NULL,
	updated_at DATETIME(3) NOT NULL,
	updated_by VARCHAR(128) NOT NULL,
	CONSTRAINT pk_smart_cron_checks PRIMARY KEY (check_name)
) ENGINE=InnoDB CHARSET=utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE smart_cron_clients (
	key_id VARCHAR(64) NOT NULL,
	public_key VARCHAR(64) NOT NULL,
	label VARCHAR(128) NOT NULL,
	`role` VARCHAR(16) NOT NULL,
	enabled BOOL NOT NULL,
	allowed_from VARCHAR(16) NOT NULL,
	platform VARCHAR(128) NOT NULL,
	created_at DATETIME(3) NOT NULL,
	created_by VARCHAR(128) NOT NULL,
	last_seen_at DATETIME(3),
	last_address VARCHAR(64),
	CONSTRAINT pk_smart_cron_clients PRIMARY KEY (key_id),
	CONSTRAINT uq_smart_cron_clients_public_key UNIQUE (public_key)
) ENGINE=InnoDB CHARSET=utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE smart_cron_events (
	id BIGINT NOT NULL AUTO_INCREMENT,
	happened_at DATETIME(3) NOT NULL,
	kind VARCHAR(32) NOT NULL,
	size_ms BIGINT,
	message TEXT NOT NULL,
	details TEXT NOT NULL,
	CONSTRAINT pk_smart_cron_events PRIMARY KEY (id)
) ENGINE=InnoDB CHARSET=utf8mb4 COLLATE utf8mb4_bin;

CREATE INDEX ix_smart_cron_events_happened_at ON smart_cron_events (happened_at);

CREATE INDEX ix_smart_cron_events_kind_id ON smart_cron_events (kind, id);

CREATE TABLE smart_cron_executions (
	id VARCHAR(26) NOT NULL,
	task_name VARCHAR(64) NOT NULL,
	category VARCHAR(64) NOT NULL,
	def_rev INTEGER NOT NULL,
	scheduled_at DATETIME(3) NOT NULL,
	attempt INTEGER NOT NULL,
	trigger_type VARCHAR(16) NOT NULL,
	status VARCHAR(16) NOT NULL,
	reason VARCHAR(64),
	note TEXT,
	requested_by VARCHAR(128),
	op VARCHAR(64),
	caused_by VARCHAR(26),
	queued_at DATETIME(3) NOT NULL,
	retry_at DATETIME(3),
	started_at DATETIME(3),
	ended_at DATETIME(3),
	duration_ms BIGINT,
	late_ms BIGINT,
	exit_status INTEGER,
	signal_number INTEGER,
	pid INTEGER,
	cpu_ms BIGINT,
	peak_rss BIGINT,
	read_bytes BIGINT,
	written_bytes BIGINT,
	minor_faults BIGINT,
	major_faults BIGINT,
	warned_at DATETIME(3),
	error_class VARCHAR(16),
	progress INTEGER,
	progress_note TEXT,
	metrics TEXT,
	output_bytes BIGINT NOT NULL,
	output_tail TEXT,
	error_message TEXT,
	stack_trace TEXT,
	frames TEXT,
	log_file VARCHAR(255),
	log_offset BIGINT,
	log_bytes BIGINT,
	missed_count INTEGER NOT NULL,
	missed_until DATETIME(3),
	host VARCHAR(64),
	CONSTRAINT pk_smart_cron_executions PRIMARY KEY (id),
	CONSTRAINT uq_smart_cron_executions_task_name_scheduled_at_attempt UNIQUE (task_name, scheduled_at, attempt)
) ENGINE=InnoDB CHARSET=utf8mb4 COLLATE utf8mb4_bin;

CREATE INDEX ix_smart_cron_executions_category_id ON smart_cron_executions (category, id);

CREATE INDEX ix_smart_cron_executions_host_id ON smart_cron_executions (host, id);

CREATE INDEX ix_smart_cron_executions_missed_until ON smart_cron_executions (missed_until);

CREATE INDEX ix_smart_cron_executions_scheduled_at ON smart_cron_executions (scheduled_at);

CREATE INDEX ix_smart_cron_executions_started_at ON smart_cron_executions (started_at);

CREATE INDEX ix_smart_cron_executions_status_id ON smart_cron_executions (status, id);

CREATE INDEX ix_smart_cron_executions_task_name_id ON smart_cron_executions (task_name, id);

CREATE INDEX ix_smart_cron_executions_task_name_status_id ON smart_cron_executions (task_name, status, id);

CREATE INDEX ix_smart_cron_executions_trigger_type_id ON smart_cron_executions (trigger_type, id);

CREATE TABLE smart_cron_health_checks (
	id BIGINT NOT NULL AUTO_INCREMENT,
	check_name VARCHAR(64) NOT NULL,
	kind VARCHAR(32) NOT NULL,
	status VARCHAR(16) NOT NULL,
	value FLOAT(53),
	unit VARCHAR(16),
	message TEXT NOT NULL,
	checked_at DATETIME(3) NOT NULL,
	CONSTRAINT pk_smart_cron_health_checks PRIMARY KEY (id)
) ENGINE=InnoDB CHARSET=utf8mb4 COLLATE utf8mb4_bin;

CREATE INDEX ix_smart_cron_health_checks_check_name_id ON smart_cron_health_checks (check_name, id);

CREATE INDEX ix_smart_cron_health_checks_checked_at ON smart_cron_health_checks (checked_at);

CREATE TABLE smart_cron_holds (
	task_name VARCHAR(64) NOT NULL,
	reason TEXT NOT NULL,
	held_at DATETIME(3) NOT NULL,
	held_by VARCHAR(128) NOT NULL,
	CONSTRAINT pk_smart_cron_holds PRIMARY KEY (task_name)
) ENGINE=InnoDB CHARSET=utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE smart_cron_invites (
	invite_id VARCHAR(64) NOT NULL,
	public_key VARCHAR(64) NOT NULL,
	`role` VARCHAR(16) NOT NULL,
	label VARCHAR(128) NOT NULL,
	created_at DATETIME(3) NOT NULL,
	created_by VARCHAR(128) NOT NULL,
	expires_at DATETIME(3) NOT NULL,
	used_at DATETIME(3),
	used_by VARCHAR(64),
	CONSTRAINT pk_smart_cron_invites PRIMARY KEY (invite_id),
	CONSTRAINT uq_smart_cron_invites_public_key UNIQUE (public_key)
) ENGINE=InnoDB CHARSET=utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE smart_cron_metric_steps (
	subject VARCHAR(64) NOT NULL,
	metric_name VARCHAR(64) NOT NULL,
	step_s INTEGER NOT NULL,
	recorded_at DATETIME(3) NOT NULL,
	samples INTEGER NOT NULL,
	mean FLOAT(53) NOT NULL,
	lowest FLOAT(53) NOT NULL,
	highest FLOAT(53) NOT NULL,
	CONSTRAINT pk_smart_cron_metric_steps PRIMARY KEY (subject, metric_name, step_s, recorded_at)
) ENGINE=InnoDB CHARSET=utf8mb4 COLLATE utf8mb4_bin;

CREATE INDEX ix_smart_cron_metric_steps_step_s_recorded_at ON smart_cron_metric_steps (step_s, recorded_at);

CREATE TABLE smart_cron_metrics (
	metric_name VARCHAR(64) NOT NULL,
	recorded_at DATETIME(3) NOT NULL,
	value FLOAT(53) NOT NULL,
	CONSTRAINT pk_smart_cron_metrics PRIMARY KEY (metric_name, recorded_at)
) ENGINE=InnoDB CHARSET=utf8mb4 COLLATE utf8mb4_bin;

CREATE INDEX ix_smart_cron_metrics_recorded_at ON smart_cron_metrics (recorded_at);

CREATE TABLE smart_cron_ops (
	op VARCHAR(64) NOT NULL,
	key_id VARCHAR(64) NOT NULL,
	action VARCHAR(64) NOT NULL,
	body_digest VARCHAR(64) NOT NULL,
	state VARCHAR(16) NOT NULL,
	run_id VARCHAR(26),
	result BLOB(16777215),
	created_at DATETIME(3) NOT NULL,
	finished_at DATETIME(3),
	CONSTRAINT pk_smart_cron_ops PRIMARY KEY (op)
) ENGINE=InnoDB CHARSET=utf8mb4 COLLATE utf8mb4_bin;

CREATE INDEX ix_smart_cron_ops_created_at ON smart_cron_ops (created_at);

CREATE TABLE smart_cron_outbox (
	id VARCHAR(26) NOT NULL,
	channel VARCHAR(16) NOT NULL,
	severity VARCHAR(16) NOT NULL,
	state VARCHAR(16) NOT NULL,
	recipients TEXT NOT NULL,
	subject VARCHAR(255) NOT NULL,
	thread VARCHAR(64) NOT NULL,
	plain MEDIUMTEXT NOT NULL,
	html MEDIUMTEXT NOT NULL,
	created_at DATETIME(3) NOT NULL,
	due_at DATETIME(3) NOT NULL,
	attempts INTEGER NOT NULL,
	last_error TEXT,
	receipt TEXT,
	sent_at DATETIME(3),
	CONSTRAINT pk_smart_cron_outbox PRIMARY KEY (id)
) ENGINE=InnoDB CHARSET=utf8mb4 COLLATE utf8mb4_bin;

CREATE INDEX ix_smart_cron_outbox_created_at ON smart_cron_outbox (created_at);

CREATE INDEX ix_smart_cron_outbox_state_due_at ON smart_cron_outbox (state, due_at);

CREATE TABLE smart_cron_rollup_totals (
	task_name VARCHAR(64) NOT NULL,
	step_hours INTEGER NOT NULL,
	begins_at DATETIME(3) NOT NULL,
	runs INTEGER NOT NULL,
	failures INTEGER NOT NULL,
	timed_runs INTEGER NOT NULL,
	sum_ms BIGINT NOT NULL,
	max_ms BIGINT NOT NULL,
	histogram TEXT NOT NULL,
	retries INTEGER NOT NULL DEFAULT '0',
	used_runs INTEGER NOT NULL DEFAULT '0',
	sum_cpu_ms BIGINT NOT NULL DEFAULT '0',
	sum_rss BIGINT NOT NULL DEFAULT '0',
	max_rss BIGINT NOT NULL DEFAULT '0',
	CONSTRAINT pk_smart_cron_rollup_totals PRIMARY KEY (task_name, step_hours, begins_at)
) ENGINE=InnoDB CHARSET=utf8mb4 COLLATE utf8mb4_bin;

CREATE INDEX ix_smart_cron_rollup_totals_begins_at ON smart_cron_rollup_totals (begins_at);

CREATE TABLE smart_cron_rollups (
	task_name VARCHAR(64) NOT NULL,
	hour_at DATETIME(3) NOT NULL,
	runs INTEGER NOT NULL,
	failures INTEGER NOT NULL,
	timed_runs INTEGER NOT NULL,
	sum_ms BIGINT NOT NULL,
	max_ms BIGINT NOT NULL,
	histogram TEXT NOT NULL,
	retries INTEGER NOT NULL DEFAULT '0',
	used_runs INTEGER NOT NULL DEFAULT '0',
	sum_cpu_ms BIGINT NOT NULL DEFAULT '0',
	sum_rss BIGINT NOT NULL DEFAULT '0',
	max_rss BIGINT NOT NULL DEFAULT '0',
	CONSTRAINT pk_smart_cron_rollups PRIMARY KEY (task_name, hour_at)
) ENGINE=InnoDB CHARSET=utf8mb4 COLLATE utf8mb4_bin;

CREATE INDEX ix_smart_cron_rollups_hour_at ON smart_cron_rollups (hour_at);

CREATE TABLE smart_cron_run_samples (
	run_id VARCHAR(26) NOT NULL,
	sampled_at DATETIME(3) NOT NULL,
	cpu_ms BIGINT NOT NULL,
	rss_bytes BIGINT NOT NULL,
	processes INTEGER NOT NULL,
	CONSTRAINT pk_smart_cron_run_samples PRIMARY KEY (run_id, sampled_at)
) ENGINE=InnoDB CHARSET=utf8mb4 COLLATE utf8mb4_bin;

CREATE INDEX ix_smart_cron_run_samples_sampled_at ON smart_cron_run_samples (sampled_at);

CREATE TABLE smart_cron_state (
	name VARCHAR(64) NOT NULL,
	value TEXT NOT NULL,
	updated_at DATETIME(3) NOT NULL,
	CONSTRAINT pk_smart_cron_state PRIMARY KEY (name)
) ENGINE=InnoDB CHARSET=utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE smart_cron_task_versions (
	id BIGINT NOT NULL AUTO_INCREMENT,
	task_name VARCHAR(64) NOT NULL,
	def_rev INTEGER NOT NULL,
	changed_at DATETIME(3) NOT NULL,
	changed_by VARCHAR(128) NOT NULL,
	why TEXT NOT NULL,
	definition MEDIUMTEXT NOT NULL,
	enabled BOOL NOT NULL,
	paused BOOL NOT NULL,
	paused_until DATETIME(3),
	pause_reason TEXT,
	CONSTRAINT pk_smart_cron_task_versions PRIMARY KEY (id)
) ENGINE=InnoDB CHARSET=utf8mb4 COLLATE utf8mb4_bin;

CREATE INDEX ix_smart_cron_task_versions_task_name_id ON smart_cron_task_versions (task_name, id);

CREATE TABLE smart_cron_tasks_config (
	task_name VARCHAR(64) NOT NULL,
	category VARCHAR(64) NOT NULL,
	description TEXT NOT NULL,
	tags TEXT NOT NULL,
	kind VARCHAR(16) NOT NULL DEFAULT 'command',
	schedule TEXT NOT NULL,
	timezone VARCHAR(64) NOT NULL,
	command MEDIUMTEXT NOT NULL,
	shell VARCHAR(8) NOT NULL,
	timeout_seconds INTEGER NOT NULL,
	warn_after_seconds INTEGER,
	kill_grace_s INTEGER NOT NULL,
	leftovers VARCHAR(8) NOT NULL DEFAULT 'kill',
	ping_grace_s INTEGER NOT NULL DEFAULT '300',
	priority INTEGER NOT NULL,
	max_retries INTEGER NOT NULL,
	retry_base_s INTEGER NOT NULL,
	retry_cap_s INTEGER NOT NULL,
	retry_factor FLOAT(53) NOT NULL DEFAULT '2',
	retry_jitter FLOAT(53) NOT NULL DEFAULT '0.2',
	retry_on_timeout BOOL NOT NULL,
	exit_statuses TEXT NOT NULL DEFAULT ('{}'),
	disable_after_failures INTEGER,
	overlap VARCHAR(16) NOT NULL,
	missed VARCHAR(16) NOT NULL,
	start_deadline_s INTEGER NOT NULL,
	dst_gap VARCHAR(8) NOT NULL,
	dst_fold VARCHAR(8) NOT NULL,
	valid_from VARCHAR(16),
	valid_until VARCHAR(16),
	every_nth INTEGER NOT NULL DEFAULT '1',
	spread_s INTEGER NOT NULL DEFAULT '0',
	overlap_limit INTEGER,
	catchup_limit INTEGER NOT NULL DEFAULT '100',
	calendars TEXT NOT NULL DEFAULT ('[]'),
	in_blackout VARCHAR(8) NOT NULL DEFAULT 'skip',
	after TEXT NOT NULL DEFAULT ('[]'),
	after_on VARCHAR(8) NOT NULL DEFAULT 'success',
	after_delay_s INTEGER NOT NULL DEFAULT '0',
	memory_limit_mb INTEGER,
	cpu_limit_s INTEGER,
	process_limit INTEGER,
	open_files_limit INTEGER,
	file_size_limit_mb INTEGER,
	output_limit_mb INTEGER,
	nice INTEGER NOT NULL DEFAULT '0',
	io_class VARCHAR(8) NOT NULL DEFAULT 'normal',
	cpus VARCHAR(64),
	run_as VARCHAR(64),
	run_as_group VARCHAR(64),
	umask VARCHAR(4) NOT NULL DEFAULT '077',
	no_new_privs BOOL,
	sandbox TEXT NOT NULL DEFAULT ('[]'),
	writable_paths TEXT NOT NULL DEFAULT ('[]'),
	working_directory TEXT,
	environment MEDIUMTEXT NOT NULL,
	enabled BOOL NOT NULL,
	paused BOOL NOT NULL,
	paused_until DATETIME(3),
	pause_reason TEXT,
	skip_until DATETIME(3),
	skip_reason TEXT,
	failures_in_row INTEGER NOT NULL DEFAULT '0',
	watermark DATETIME(3) NOT NULL,
	def_rev INTEGER NOT NULL,
	avg_duration_ms BIGINT,
	created_at DATETIME(3) NOT NULL,
	updated_at DATETIME(3) NOT NULL,
	CONSTRAINT pk_smart_cron_tasks_config PRIMARY KEY (task_name)
) ENGINE=InnoDB CHARSET=utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE smart_cron_schema_version (
	version_num VARCHAR(32) NOT NULL,
	PRIMARY KEY (version_num)
);

INSERT INTO smart_cron_schema_version (version_num) VALUES ('0009');
