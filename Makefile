# Two commands do everything on a fresh machine with Python and make: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test check format docs clean

demo: $(VENV)/installed  ## see the main job run on the built-in model and pictures
	$(BIN)/viz zoo samples demo/samples --count 20
	$(BIN)/viz occlusion --model zoo:shapes demo/samples/images --target label --out demo/occlusion
	@echo "Open the page: $(CURDIR)/demo/occlusion/index.html"

test: $(VENV)/installed-dev  ## run the tests
	$(BIN)/python -m pytest

check: $(VENV)/installed-dev  ## everything that can be checked without running the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/generate.py --check
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	$(BIN)/viz smoke

format: $(VENV)/installed-dev  ## put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/installed-dev  ## write the generated reference pages and the site
	$(BIN)/python docs/generate.py
	$(BIN)/mkdocs build --strict

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade pip
	$(PIP) --editable .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(PIP) --editable ".[dev,docs]"
	@touch $@

clean:  ## remove what these commands made
	rm -rf $(VENV) demo site dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
