# Shorthand for people; .ci/run does all of it on a fresh clone.
BIN := .venv/bin

.PHONY: help setup check fix test demo soak docs constraints

help:  ## List these commands
	@sed -n 's/^\([a-z]*\):.*##/\1\t/p' $(MAKEFILE_LIST) | expand -t 14

setup:  ## Make a virtual environment with everything in it
	python3 -m venv .venv
	$(BIN)/pip install -q -c constraints.txt -e '.[dev]'

check:  ## Formatting, lint, types, stale documentation, tests: what CI asks first
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python docs/generate.py --check
	$(BIN)/pytest -n auto

fix:  ## Format, mend what can be mended, write the generated documentation
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python docs/generate.py

test:  ## The fast tests
	$(BIN)/pytest -n auto

demo:  ## Run the sample queries on the sample lake, and keep nothing
	$(BIN)/runner once --all --at 2026-01-15T00:00:00Z --dry-run

soak:  ## The slow tests, crashes with 20 seeds (CRASH_SEEDS), a day in an hour (MINUTES=60), 20 x the examples, benchmarks
	EXAMPLES=20 $(BIN)/pytest -n auto tests/unit tests/integration
	$(BIN)/pytest -m 'slow and not crash' -n auto -rs
	CRASH_SEEDS=$(or $(CRASH_SEEDS),20) $(BIN)/pytest -m crash -n auto -rs
	$(BIN)/python tests/soak/soak.py --minutes $(or $(MINUTES),60)
	$(BIN)/python benchmarks/run.py --smoke --work "$$(mktemp -d)"

docs:  ## Write the generated parts of the documentation
	$(BIN)/python docs/generate.py

constraints:  ## Write constraints.txt anew from the virtual environment
	{ sed -n '/^#/p' constraints.txt; $(BIN)/pip freeze --exclude-editable; } > constraints.new
	mv constraints.new constraints.txt
