# Every target sets up what it needs: `.venv` with the exact packages of constraints.txt, again only when they change.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
UNFINISHED := $(VENV)/.unfinished
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check install --constraint constraints.txt

# Why .venv has to be made afresh; empty when it can stay.
RENEW := $(shell \
	{ test -x $(BIN)/python && test -x $(BIN)/pip; } || echo incomplete; \
	test ! -e $(UNFINISHED) || echo unfinished; \
	test ! -e $(READY) || test "$$(cat $(READY))" = "$(CURDIR)" || echo moved)
ifneq ($(origin PYTHON),file)
asked := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
found := $(shell sed -n 's/^version[_info]* *= *\([0-9]*\.[0-9]*\).*/\1/p' $(VENV)/pyvenv.cfg 2>/dev/null)
ifneq ($(asked),$(found))
RENEW += version
endif
endif

.DEFAULT_GOAL := help
.PHONY: help setup demo gallery test lint bench clean FORCE

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1	\2/p' $(MAKEFILE_LIST) | expand -t 14
	@echo 'Another interpreter (3.11 or newer): make test PYTHON=python3.12'

setup: $(READY)  ## make .venv; the other targets do it by themselves

demo: $(READY)  ## run the demo
	@$(BIN)/sandbox demo

gallery: $(READY)  ## run published experiments, expected against found (ARGS=--quick); writes gallery/index.html
	@$(BIN)/sandbox gallery $(ARGS)

test: $(READY)  ## run the tests, on all cores (ARGS=... is passed on to pytest)
	@$(BIN)/python -m pytest -n auto $(ARGS)

lint: $(READY)  ## ruff and strict mypy
	@status=0; $(BIN)/python -m ruff check . || status=1; $(BIN)/python -m mypy || status=1; exit $$status

bench: $(READY)  ## measure speed and memory against their bounds (ARGS=--quick, ARGS=words)
	@$(BIN)/python benchmarks/run.py $(ARGS)

clean:  ## remove .venv and everything built or cached here (not runs/)
	@rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp is written last and removed first: an install that was cut short starts over with an empty .venv.
$(READY): pyproject.toml constraints.txt $(if $(RENEW),FORCE)
ifneq ($(RENEW),)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo 'Python 3.11 or newer is needed and $(PYTHON) is not; name one: make $(or $(MAKECMDGOALS),setup) PYTHON=python3.12' >&2; \
	  exit 1; }
	@rm -f $(READY)
	@$(PYTHON) -m venv --clear $(VENV)
endif
	@rm -f $(READY)
	@touch $(UNFINISHED)
	@echo 'Installing the packages of constraints.txt into $(VENV) (half a minute or so, this once)'
	@$(PIP) setuptools
	@$(PIP) --no-build-isolation --editable '.[dev]'
	@rm -f $(UNFINISHED)
	@echo '$(CURDIR)' > $(READY)

FORCE:
