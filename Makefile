# make demo: a whole search on drawn images · make test: the test suite · both set up .venv first
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2

.PHONY: demo test test-slow lint format screenshots clean

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is %d.%d; set PYTHON=" % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: $(VENV)/installed
	$(BIN)/nas search studies/ready/quickstart.yaml

test: $(VENV)/installed
	$(BIN)/python -m pytest --numprocesses $(JOBS)

# What measures seconds, because something has to end within some, runs alone.
test-slow: $(VENV)/installed
	$(BIN)/python -m pytest -m slow --ignore tests/faults --numprocesses $(JOBS)
	$(BIN)/python -m pytest -m slow tests/faults --numprocesses 1

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Pictures for the documentation; needs Chromium.
screenshots: $(VENV)/installed
	$(BIN)/python benchmarks/screenshots.py

clean:
	rm -rf $(VENV) build *.egg-info
