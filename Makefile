# One command per chore. `make demo` and `make test` need python3 >= 3.11 with venv, and make; nothing else.
PYTHON ?= python3
BIN := .venv/bin
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links

WEB_SOURCES := $(shell find web -type f -not -path 'web/node_modules/*' -not -path 'web/dist/*')
HAS_NODE := command -v npm >/dev/null && node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)'

.PHONY: demo test test-fast check format web web-beside clients lock sdl hooks bench bench-scale clean

demo: .venv/runtime web-beside  ## everything on 127.0.0.1:8000, filled with simulated data
	@exec $(BIN)/pricegraph demo

test: .venv/dev web clients  ## every test, on TimescaleDB and on the embedded PostgreSQL
	@$(BIN)/python tests/prepare.py
	@$(BIN)/pytest -n 4 --dist worksteal

test-fast: .venv/dev  ## without the slow ones; about a minute
	@$(BIN)/pytest -n 4 --dist worksteal -m "not slow and not browser"

check: .venv/dev  ## lint, types, import rules, and the SDL: as committed, and no break for clients of the released one
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m schema.export --check
	@$(BIN)/python -m schema.compatibility

format: .venv/dev  ## mend what can be mended by itself
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

sdl: .venv/dev  ## write schema/schema.graphql anew
	@$(BIN)/python -m schema.export

hooks: .venv/dev  ## run the checks before each commit
	@$(BIN)/pre-commit install

web:  ## the web pages, if Node.js is there; the API needs none
	@if $(HAS_NODE); then $(MAKE) -s --no-print-directory web/dist/index.html; \
	else echo "The web pages are not built: they need Node.js 20.19 or newer with npm. The API works all the same."; fi

web-beside:  # while the demo starts; Ctrl-C ends the build too
	@mkdir -p .cache
	@$(PYTHON) web/beside.py $$PPID $(MAKE) -s --no-print-directory web >.cache/web-build.log 2>&1 </dev/null &

clients:  ## what the TypeScript client needs, if Node.js is there
	@if $(HAS_NODE); then $(MAKE) -s --no-print-directory clients/typescript/node_modules/.package-lock.json; fi

bench: .venv/bench  ## pricegraph and its peers, asked the same: about five minutes, on a machine that is idle otherwise
	@if $(HAS_NODE); then $(MAKE) -s --no-print-directory benchmarks/postgraphile/node_modules/.package-lock.json; fi
	@$(BIN)/python -m benchmarks

bench-scale: .venv/dev  ## the same queries over 10,000 coins and over 11: an hour and 40 GB; SCALE="--coins 500" is quick
	@$(BIN)/python -m benchmarks.scale $(SCALE)

lock: .venv/uv  ## pin the newest versions that pyproject.toml allows
	@cd requirements && ../$(BIN)/$(COMPILE) uv.in -o uv.txt
	@$(BIN)/$(COMPILE) pyproject.toml --group build -o requirements/runtime.txt
	@$(BIN)/$(COMPILE) pyproject.toml --group build --group dev -o requirements/dev.txt
	@$(BIN)/$(COMPILE) pyproject.toml --group build --group dev --group bench -o requirements/bench.txt

clean:
	rm -rf .venv .cache web/node_modules web/dist clients/typescript/node_modules clients/typescript/build benchmarks/postgraphile/node_modules

.venv/uv: requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "pricegraph needs Python 3.11 or newer; run make PYTHON=/path/to/it")'
	@$(PYTHON) -m venv .venv || { echo "No venv module: on Debian and Ubuntu run  apt-get install python3-venv"; exit 1; }
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

.venv/runtime: .venv/uv requirements/runtime.txt pyproject.toml
	@VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r requirements/runtime.txt
	@VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev: .venv/runtime requirements/dev.txt
	@VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --require-hashes -r requirements/dev.txt
	@touch $@

.venv/bench: .venv/dev requirements/bench.txt
	@VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --require-hashes -r requirements/bench.txt
	@touch $@

%/node_modules/.package-lock.json: %/package.json %/package-lock.json %/.npmrc
	@cd $* && npm ci --no-progress --loglevel=error
	@touch $@

web/dist/index.html: web/node_modules/.package-lock.json $(WEB_SOURCES)
	@cd web && npm run --silent build
	@touch $@
