# Each target is one small script in scripts/, readable and runnable by itself.
.DEFAULT_GOAL := help
.PHONY: help run check test faults bench bench-output bench-burst bench-history bench-reports \
	bench-rest bench-writing bundle screenshots house clean

# Words for the program behind a target, such as: make run ARGS="--home /srv/smart-cron"
ARGS ?=

help: ## Say what can be made
	@echo "Smart Cron: make TARGET [ARGS=\"...\"]"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile

run: ## Run the 29 tasks of the example company and watch them (ARGS="--home DIR")
	@scripts/run $(ARGS)

check: ## Run every static check
	@scripts/check

test: ## Install what the tests need, then run them all (ARGS="tests/agent -k retry")
	@scripts/test $(ARGS)

faults: ## Kill agents, keepers and runs a thousand times, take the database away (45 minutes)
	@scripts/faults $(ARGS)

bench: ## Measure what schedules and thousands of tasks cost, beside croniter and cronsim
	@scripts/bench

bench-output: ## Measure what much output costs: kept, watched, compressed, searched
	@scripts/bench output

bench-burst: ## Measure what is due at once, beside APScheduler 3, cron and Celery (some minutes)
	@scripts/bench burst

bench-history: ## Measure pages of history among ten million runs (about 20 minutes, 30 GB for a while)
	@scripts/bench history

bench-reports: ## Measure reports among a million runs (some minutes, 3 GB for a while)
	@scripts/bench reports

bench-rest: ## Measure what an agent costs that has nothing to do (about 6 minutes)
	@scripts/bench rest

bench-writing: ## Measure what writing down what becomes of runs costs the agent (a minute)
	@scripts/bench writing

bundle: ## Build the desktop as one folder that needs no Python: dist/smartcron-desktop
	@scripts/bundle

screenshots: ## Take the pictures in docs/images from a real run
	@scripts/screenshots

house: ## Write docs/house.md anew: every file with the question it answers
	@scripts/setup dev
	@.venv/bin/python scripts/house.py

clean: ## Remove what was built; the virtual environment and your data stay
	rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
