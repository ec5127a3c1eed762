# The verbs of the project. `make demo` and `make test` set up everything they need.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SECONDS ?= 60
PROCESSES ?= 2

.PHONY: help install keras demo test test-slow attacks fuzz check bench clean

help:            ## list the verbs
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 14

install: $(VENV)/.installed   ## make the environment in .venv

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

keras: .venv-keras/.installed   ## make the environment for hand-ins in Keras, in .venv-keras (2 GB)

.venv-keras/.installed: environments/keras.txt
	test -x .venv-keras/bin/python || $(PYTHON) -m venv .venv-keras
	.venv-keras/bin/pip install --quiet --disable-pip-version-check -r environments/keras.txt
	touch $@

demo: install    ## grade the shipped hand-ins and say where the reports are
	$(BIN)/harness demo

test: install    ## the tests, without the slow ones
	$(BIN)/pytest -m "not slow" -n $(PROCESSES) --dist loadfile

test-slow: install  ## the slow tests alone, which CI runs too
	$(BIN)/pytest -m slow -n $(PROCESSES) --dist loadfile

attacks: install ## attack the box and the program; print a row for each attack
	$(BIN)/pytest -q --attack-table tests/attacks

fuzz: install    ## feed what reads strangers' bytes with odd ones for a minute (SECONDS=60)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt atheris || \
		echo "no atheris for this Python: Hypothesis makes the inputs"
	$(BIN)/python scripts/fuzz.py --seconds $(SECONDS)

check: install   ## lint, types, import order
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -q tests/test_layout.py

bench: install   ## time the evaluation beside a straightforward script
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,bench]'
	$(BIN)/python benchmarks/evaluate.py

clean:           ## remove what runs and tests leave behind
	rm -rf reports .harness .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
