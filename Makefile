# Two commands matter: `make run` and `make test`. Each sets up everything it needs in .venv.
PYTHON ?= python3
BIN := .venv/bin
# Neovim, code-server and the like are kept here, so that a second run costs nothing.
export STEADYHAND_TOOLS ?= $(HOME)/.cache/steadyhand-tools

.PHONY: run test fuzz check test-editors test-vscode test-release vsix screenshots test-packages test-crash bench lock clean
.DEFAULT_GOAL := run

run: .venv/.run
	$(BIN)/steadyhand demo $(ARGS)

test: .venv/.dev
	$(BIN)/python -m pytest -q -n 2 -m "not crash and not editors and not packages and not vscode and not release" $(ARGS)

# Property and fuzz tests with the nightly number of random examples (hours); ARGS narrows it down.
fuzz: .venv/.dev
	HYPOTHESIS_PROFILE=nightly $(BIN)/python -m pytest -q -n 2 $(or $(ARGS),tests/agent tests/server -m "not crash")

# The long kill -9 storms.
test-crash: .venv/.dev
	$(BIN)/python -m pytest -q -m crash $(ARGS)

# What needs Node.js besides: the extension builds from its lock, quick fixes run in Node, and a person
# works in a real VS Code, installed from npm below STEADYHAND_TOOLS.
test-editors: .venv/.dev
	$(BIN)/python -m pytest -q -m "editors or vscode" $(ARGS)

# The latter alone.
test-vscode: .venv/.dev
	$(BIN)/python -m pytest -q -m vscode $(ARGS)

# Before a release: Emacs and Helix in tmux, unpacked from Debian's packages below STEADYHAND_TOOLS.
test-release: .venv/.dev
	sh tests/editors/release/install.sh $(STEADYHAND_TOOLS)/release
	STEADYHAND_RELEASE_EDITORS=$(STEADYHAND_TOOLS)/release $(BIN)/python -m pytest -q -m release $(ARGS)

# The extension for VS Code, with the server in it.
vsix: .venv/.dev
	sh editors/vscode/package.sh $(BIN)/python build/vscode
	@echo build/vscode/steadyhand.vsix

# The pictures of the README, from that VS Code and from Neovim; look at each before it is committed.
screenshots: .venv/.dev
	rm -rf .screens
	STEADYHAND_SHOTS=$(CURDIR)/.screens $(BIN)/python -m pytest -q -m vscode -k "quick_fix or task or sessions or neovim_pictures"
	mkdir -p docs/pictures
	cp .screens/quick_fix/actions.png docs/pictures/finding.png
	cp .screens/sessions/rounds.png docs/pictures/running.png
	cp .screens/task/accepted.png docs/pictures/proposal.png
	cp .screens/neovim/inline.png docs/pictures/neovim-inline.png
	cp .screens/neovim/tab.png docs/pictures/neovim-tab.png
	rm -rf .screens

# Quick fixes in real packages from PyPI, and the tests of those packages before and after.
test-packages: .venv/.dev
	$(BIN)/python -m pytest -q -n 2 -m packages $(ARGS)

check: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

bench: .venv/.dev
	$(BIN)/python bench/run.py $(ARGS)

# The venv has everything or is made anew; pip takes exact versions, checked by hash.
.venv/.venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Steadyhand needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	rm -rf .venv
	$(PYTHON) -m venv .venv
	touch $@

.venv/.run: .venv/.venv requirements.lock pyproject.toml
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

.venv/.dev: .venv/.venv requirements.lock requirements-dev.lock pyproject.toml
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@ .venv/.run

# Needs uv; writes exact versions with hashes and no registry address.
lock:
	uv pip compile -q --universal --generate-hashes --python-version 3.11 --extra redis --extra postgres --group build pyproject.toml -o requirements.lock
	uv pip compile -q --universal --generate-hashes --python-version 3.11 --extra redis --extra postgres --extra openai --extra otel --group build --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock

clean:
	rm -rf .venv
