# make demo   a fresh machine reads a report in the terminal
# make test   environment, extras and the whole test suite
# make docs   the documentation, into site/; a warning is an error
# make train  a model like the released one, without its last stages: restore, adapt, fit, export to runs/artifact
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
DATA ?= ../shared/data
REAL_DEV ?= ../shared/real-dev/real-dev.jsonl

.PHONY: demo test lint docs train smoke card bench notebooks clean

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/base: $(BIN)/python pyproject.toml
	$(PIP) -e .
	touch $@

# torch first, at the version whose CPU build is small; a plain `torch` may bring a CUDA build
$(VENV)/all: $(BIN)/python pyproject.toml
	$(PIP) torch==2.13.0
	$(PIP) -e '.[train,serve,spacy,cluster,docs,dev]'
	touch $@ $(VENV)/base

demo: $(VENV)/base
	$(BIN)/marsad predict notebooks/example.txt --date 2022-01-04 --format pretty

# what is tested is the wheel that comes out of the sdist, not the tree
test: lint
	rm -rf dist
	$(BIN)/python -m build
	$(PIP) --force-reinstall --no-deps dist/*.whl
	$(BIN)/python -m pytest
	$(PIP) --no-deps -e .

lint: $(VENV)/all
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/all
	$(BIN)/python -m mkdocs build --strict

smoke: $(VENV)/all
	$(BIN)/marsad-train fit training/configs/smoke.toml

train: $(VENV)/all
	$(BIN)/marsad-train restore $(DATA)
	$(BIN)/marsad-train adapt training/configs/adapt.toml --data $(DATA)
	$(BIN)/marsad-train fit training/configs/base.toml
	$(BIN)/marsad-train export runs/base runs/artifact --real $(REAL_DEV)

card: $(VENV)/all
	$(BIN)/marsad-train card model/marsad/artifact model_card.md --readme README.md

# hours on 2 cores; then `make card`
bench: $(VENV)/all
	$(BIN)/marsad-bench run --out training/benchmark/results --data $(DATA) --real $(REAL_DEV)

# each notebook run in place, its outputs kept
notebooks: $(VENV)/all
	$(BIN)/python notebooks/execute.py

clean:
	rm -rf $(VENV) dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis
