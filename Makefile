# The verbs: demo test fmt lint types bench docs (and lock). Each builds the environment it needs on first use,
# and builds it anew when its lock file changes. All that is needed beforehand is make and Python 3.10 or newer.

PYTHON ?= python3
NEWEST := .venv
OLDEST := .venv-oldest
APART  := .venv-apart
UV     := $(NEWEST)/bin/uv
# Those that the benchmarks compare with, each in an environment of its own.
PEERS  := $(basename $(notdir $(wildcard locks/peers/*.txt)))
# How many processes share the tests, and what else pytest is told: make test ARGS="-k stream"
JOBS   ?= 2
ARGS   ?=

# uv must take the Python it is given, not download one.
export UV_PYTHON_DOWNLOADS := never
# uv does not read pip's settings. On a machine whose pip is set up with a mirror, it installs from there all the same.
PIP_INDEX = $${PIP_INDEX_URL:-$$($(NEWEST)/bin/python -m pip config get global.index-url 2>/dev/null || true)}
INSTALLER = UV_DEFAULT_INDEX="$${UV_DEFAULT_INDEX:-$(PIP_INDEX)}" $(UV)

.PHONY: demo test test-newest test-oldest test-apart fmt lint types bench docs lock jaeger clean
.DELETE_ON_ERROR:

demo: $(NEWEST)/.demo
	$(NEWEST)/bin/python -m demo $(if $(LIVE),--live)

# Everything with the newest libraries; with the oldest, all that stands on libraries of others, our dependencies among
# them; and with those that cannot be installed beside the newest, what is about these.
WITH_OLDEST := tests/engine tests/integrations tests/e2e tests/runtime tests/exporters tests/api tests/testing tests/cli \
	tests/content tests/pricing tests/semconv tests/test_import.py tests/test_tokens.py
WITH_APART  := $(addprefix tests/integrations/,bedrock mcp openai pydantic_ai qdrant strands) $(wildcard tests/integrations/test_*.py)
test: test-newest test-oldest test-apart
test-newest: $(NEWEST)/.newest jaeger
	@echo "==== the newest libraries ($(NEWEST))"
	$(NEWEST)/bin/python -m pytest -n $(JOBS) $(ARGS)
test-oldest: $(OLDEST)/.oldest jaeger
	@echo "==== the oldest libraries ($(OLDEST))"
	$(OLDEST)/bin/python -m pytest -n $(JOBS) $(ARGS) $(WITH_OLDEST)
test-apart: $(APART)/.apart
	@echo "==== libraries that hold the newest of others back ($(APART))"
	$(APART)/bin/python -m pytest -n $(JOBS) $(ARGS) $(WITH_APART)

fmt: $(NEWEST)/.newest
	$(NEWEST)/bin/ruff check --fix-only --quiet .
	$(NEWEST)/bin/ruff format .

lint: $(NEWEST)/.newest
	$(NEWEST)/bin/ruff check .
	$(NEWEST)/bin/ruff format --check .

types: $(NEWEST)/.newest
	$(NEWEST)/bin/mypy

bench: $(NEWEST)/.newest $(PEERS:%=.cache/peers/%/.built)
	$(NEWEST)/bin/python -m benchmarks $(ARGS)

docs: $(NEWEST)/.newest
	$(NEWEST)/bin/python -m docs.generate
	$(NEWEST)/bin/python -m pytest -q tests/test_docs.py

# The end-to-end tests' trace store; built by Go where there is one, else its tests say that they were skipped.
jaeger:
	@if command -v go >/dev/null; then sh tests/e2e/jaeger.sh; else echo "no go here: tests against Jaeger are skipped"; fi

# Locks name versions and hashes, no download address: see docs/decisions/0002-locks.md.
COMPILE = $(INSTALLER) pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links $(UPGRADE) pyproject.toml
lock: $(UV)
	$(COMPILE) --extra grpc --extra parquet --group newest -o locks/newest.txt
	$(COMPILE) --extra grpc --extra parquet --group apart -o locks/apart.txt
	$(COMPILE) --group demo --constraint locks/newest.txt -o locks/demo.txt
	$(COMPILE) --extra grpc --extra parquet --group oldest --resolution lowest-direct --upgrade -o locks/oldest.txt
	$(foreach peer,$(PEERS),$(subst pyproject.toml,locks/peers/$(peer).in,$(COMPILE)) -o locks/peers/$(peer).txt &&) true
	echo 'uv' | $(subst pyproject.toml,-,$(COMPILE)) --constraint locks/newest.txt -o locks/uv.txt

clean:
	rm -rf $(NEWEST) $(OLDEST) $(APART) .cache dist build .pytest_cache .ruff_cache .mypy_cache .hypothesis

$(UV): locks/uv.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 10) or sys.exit("llmtrace needs Python 3.10 or newer: make PYTHON=…")'
	@echo "setting up $(NEWEST)"
	@$(PYTHON) -m venv $(NEWEST)
	@$(NEWEST)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r locks/uv.txt
	@touch $@

# The package itself is installed editable, without its dependencies (the lock has them) and without a build
# environment of its own (the lock has the build backend too).
EDITABLE = --no-deps --no-build-isolation --editable .

$(NEWEST)/.demo: locks/demo.txt pyproject.toml | $(UV)
	@echo "setting up $(NEWEST) for the demo"
	@$(INSTALLER) pip install --quiet --python $(NEWEST) --require-hashes -r locks/demo.txt
	@$(INSTALLER) pip install --quiet --python $(NEWEST) $(EDITABLE)
	@touch $@

$(NEWEST)/.newest: locks/newest.txt pyproject.toml | $(UV)
	@echo "setting up $(NEWEST) with the newest libraries"
	@$(INSTALLER) pip sync --quiet --python $(NEWEST) --require-hashes locks/newest.txt
	@$(INSTALLER) pip install --quiet --python $(NEWEST) $(EDITABLE)
	@touch $@ $(NEWEST)/.demo

$(OLDEST)/.oldest: locks/oldest.txt pyproject.toml | $(UV)
	$(call beside,$(OLDEST),$<)
$(APART)/.apart: locks/apart.txt pyproject.toml | $(UV)
	$(call beside,$(APART),$<)

# One that cannot be installed here is left out, and the table says so.
.cache/peers/%/.built: locks/peers/%.txt | $(UV)
	@echo "setting up $(@D) from $<"
	@$(INSTALLER) venv --quiet --clear --python $(NEWEST)/bin/python $(@D)
	@if $(INSTALLER) pip sync --quiet --python $(@D) --require-hashes $<; then touch $@; else rm -rf $(@D); fi

define beside
@echo "setting up $1 from $2"
@$(INSTALLER) venv --quiet --clear --python $(NEWEST)/bin/python $1
@$(INSTALLER) pip sync --quiet --python $1 --require-hashes $2
@$(INSTALLER) pip install --quiet --python $1 $(EDITABLE)
@touch $@
endef
