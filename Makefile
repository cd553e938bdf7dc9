# The course by make: `make lab` opens it, `make test` tests it.
# A fresh machine needs Python 3.11 or newer and make. The first run makes .venv and
# installs into it what constraints.txt pins; after that nothing needs the network.

VENV := .venv
PY := $(VENV)/bin/python
INSTALL := $(PY) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
SETUP := pyproject.toml constraints.txt $(wildcard jupyter/*.json)
LINT := $(PY) -m ruff check && $(PY) -m mypy
LAB_ARGS ?=
TEST_ARGS ?=
WORKERS ?= auto
ON_ALL_CORES := -n $(WORKERS) --dist loadgroup

export RAY_USAGE_STATS_ENABLED := 0
# This environment's kernel, also where the home directory has a kernel of the same name.
export JUPYTER_PREFER_ENV_PATH := 1

.PHONY: lab demo test check-all lint bench soak build clean
.DELETE_ON_ERROR:

lab: $(VENV)/lab
	$(PY) -m jupyterlab --ServerApp.root_dir=labs $(if $(filter 0,$(shell id -u)),--allow-root) $(LAB_ARGS)

# The tour of lab 00 in this terminal: real processes, a SIGKILL, a cut, a check that fails.
demo: $(VENV)/lab
	$(PY) -m labkit demo

test: $(VENV)/dev
	$(PY) -m pytest -m "not slow and not browser" $(ON_ALL_CORES) $(TEST_ARGS)

# Everything, make test included. All parts run; a failure in one is a failure. What starts Ray or
# a browser comes last and one at a time: both have time limits of their own.
check-all: $(VENV)/dev
	@failed=0; $(LINT) || failed=1; \
	$(PY) -m pytest -m "not ray and not browser" --durations=15 $(ON_ALL_CORES) $(TEST_ARGS) || failed=1; \
	$(PY) -m pytest -m "ray or browser" --durations=15 $(TEST_ARGS) || failed=1; exit $$failed

lint: $(VENV)/dev
	$(LINT)

bench: $(VENV)/dev
	@for script in tests/benchmarks/*.py; do echo "== $$script"; $(PY) "$$script" || exit 1; done

soak: $(VENV)/dev
	$(PY) -m grading soak $(LAB)

build: $(VENV)/dev
	$(PY) -m grading build

clean:
	rm -rf $(VENV) build *.egg-info

# The first of these that is new enough makes the environment.
$(PY):
	@for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
	  "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	  echo "Making $(VENV) with $$("$$python" --version)"; \
	  "$$python" -m venv $(VENV) && exit 0; \
	  rm -rf $(VENV); \
	  echo "$$python could not make $(VENV): on Debian and Ubuntu, apt install python3-venv" >&2; exit 1; \
	done; \
	echo "No Python 3.11 or newer on the path: install one, or say make PYTHON=/path/to/python3" >&2; exit 1

$(VENV)/lab: $(SETUP) | $(PY)
	@echo "Installing what the labs need (once, a minute or two) ..."
	$(INSTALL) --editable .
	@touch $@

$(VENV)/dev: $(VENV)/lab
	@echo "Installing what the tests need ..."
	$(INSTALL) --editable '.[dev]'
	@touch $@
