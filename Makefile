PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt
export JAX_PLATFORMS ?= cpu

.PHONY: help quickstart test lint format bench parity
help:
	@echo 'make quickstart  tune a small model end to end, offline once installed; writes runs/quickstart/report.html'
	@echo 'make test        the whole suite'
	@echo 'make lint        ruff and pyright'
	@echo 'make format      ruff format'
	@echo 'make bench       speed, one JSON line each'
	@echo 'make parity      adds PyTorch (CPU) and transformers, the references of tests/parity, and the TPU compiler'

# Installs, nothing else.
$(VENV): $(VENV)/installed
$(VENV)/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -e '.[tasks,gguf,test]'
	touch $@

quickstart: $(VENV)/installed
	$(BIN)/jaxit quickstart

test: $(VENV)/installed
	$(BIN)/python -m pytest -n 2 --dist loadscope -m 'not slow'

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

format: $(VENV)/installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/installed
	for f in benchmarks/*.py; do $(BIN)/python $$f || exit 1; done

parity: $(VENV)/installed
	$(PIP) torch==2.13.0
	$(PIP) -e '.[parity,tpu-compile]'
