# Everything a fresh machine needs is git, make and Python 3.11-3.13 with venv; these targets bring the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export DO_NOT_TRACK := 1
export DVC_NO_ANALYTICS := 1

TOOLS := chromium prometheus prometheus-alertmanager redis-server

.PHONY: install demo test check bench up down lock format schema clean tools env

install: $(READY)  ## .venv, with the command `monitoring`; the other targets see to it by themselves

demo: $(READY)  ## champion, replayed production, Airflow; EXIT=1 stops it all after checking the story
	$(BIN)/python -m demo run $(if $(EXIT),--exit)

demo-llm: $(READY)  ## what a language model answers, judged hour by hour; ends with what was found, in at most two minutes
	$(BIN)/python -m demo.worlds llm

demo-fraud: $(READY)  ## card payments, judged week by week, and two retrainings by DVC; ends as the one above does
	$(BIN)/python -m demo.worlds fraud

test: $(READY) tools
	$(BIN)/python -m pytest -n 2 --dist loadgroup

tools:  ## what the tests run beside Python: a browser, Prometheus and Alertmanager, Redis
	@for tool in chromium prometheus promtool amtool redis-server; do command -v $$tool >/dev/null || missing="$$missing $$tool"; done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(TOOLS) >/dev/null; \
	else \
		echo "the tests need$$missing: install them, on Debian by: sudo apt-get install $(TOOLS)"; exit 1; \
	fi

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/monitoring validate include/monitors include/monitors/examples
	$(BIN)/monitoring schema | diff - include/monitor.schema.json
	$(BIN)/monitoring schema --alerts | diff - include/alerts.schema.json
	$(BIN)/monitoring schema --markdown | diff - docs/configuration.md
	$(BIN)/python -m monitoring_tasks.ui.api | diff - docs/openapi.json

bench: $(READY)
	$(BIN)/python -m bench

up: $(READY)  ## Airflow with the monitors of include/monitors, in the foreground until Ctrl-C or `make down` elsewhere
	$(BIN)/python -m demo up

down: $(READY)
	$(BIN)/python -m demo down

env:  ## .env for docker-compose.yaml, with fresh secrets; one that is there stays
	@$(PYTHON) -m deploy.new_env

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schema: $(READY)
	$(BIN)/monitoring schema > include/monitor.schema.json
	$(BIN)/monitoring schema --alerts > include/alerts.schema.json
	$(BIN)/monitoring schema --markdown > docs/configuration.md
	$(BIN)/python -m monitoring_tasks.ui.api > docs/openapi.json

lock: $(READY)  ## after editing the dependencies in pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --extra dev --no-header \
		pyproject.toml -o requirements/lock.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --extra deploy --extra flights \
		--constraints requirements/lock.txt --no-annotate --no-header pyproject.toml -o requirements/deploy.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header \
		requirements/bootstrap.in -o requirements/bootstrap.txt

clean:
	rm -rf $(VENV) .demo .bench .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(READY): requirements/bootstrap.txt requirements/lock.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v < (3, 14) else \
		f"Python {v[0]}.{v[1]} found; 3.11, 3.12 or 3.13 needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/bootstrap.txt
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements/lock.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $@
