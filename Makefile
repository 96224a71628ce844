# Verbs of the workspace. `make setup` once, then any of the others; PYTHON=path/to/python picks another one.
PYTHON ?= python
CPP := $(shell git ls-files 'csrc/*.cpp' 'csrc/*.hpp')
NATIVE := cmake -S csrc -G Ninja -DFOP_PYTHON=OFF -DFOP_NATIVE_TESTS=ON

.PHONY: setup test lint format types native sanitize bench bench-check learning wheels

setup:  ## install the four packages editable, with all that tests and checks need
	$(PYTHON) -m pip install -e packages/fop-core -e packages/fop-envs -e packages/fop-algos -e packages/fop-bench -r requirements-dev.txt

test:  ## the default tests, minutes
	$(PYTHON) -m pytest

learning:  ## tests that train, many minutes
	$(PYTHON) -m pytest -m learning

lint:  ## format, style and the direction of imports
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	lint-imports
	clang-format --dry-run -Werror $(CPP)

format:  ## rewrite everything in the common format
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .
	clang-format -i $(CPP)

types:  ## mypy strict on the packages; the native module against its stub
	$(PYTHON) -m mypy
	$(PYTHON) -m mypy.stubtest fop_core._native --allowlist csrc/bindings/stubtest_allowlist.txt

native:  ## the C++ tests
	$(NATIVE) -B build/native && cmake --build build/native && ctest --test-dir build/native --output-on-failure

sanitize:  ## the C++ tests under address, undefined-behaviour and thread sanitizers
	$(NATIVE) -B build/asan -DFOP_SANITIZE=address,undefined -DCMAKE_BUILD_TYPE=RelWithDebInfo
	cmake --build build/asan && UBSAN_OPTIONS=halt_on_error=1 ctest --test-dir build/asan --output-on-failure
	$(NATIVE) -B build/tsan -DFOP_SANITIZE=thread -DCMAKE_BUILD_TYPE=RelWithDebInfo
	cmake --build build/tsan && TSAN_OPTIONS=halt_on_error=1 ctest --test-dir build/tsan --output-on-failure

bench:  ## speed of kernels, replay and engine, beside torch
	OMP_NUM_THREADS=1 $(PYTHON) -m pytest tests/benchmarks --benchmark-only --benchmark-group-by=param

bench-check:  ## ratios to torch against the stored baseline
	OMP_NUM_THREADS=1 $(PYTHON) tests/benchmarks/regression.py check

wheels:  ## sdist and wheel of every package, the wheel built from the sdist
	for package in packages/*; do $(PYTHON) -m build --outdir dist $$package || exit 1; done
