# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
TORCH ?= cpu
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
TORCH_PIN := $(shell sed -n 's/^\(torch==[^ ;]*\).*/\1/p' constraints.txt)

.PHONY: demo test check bench physics clean help

help:
	@echo "make demo   retarget the built-in motion to a Unitree G1; results in out/demo/"
	@echo "make test   run the test suite"
	@echo "make check  lint, types, import order"
	@echo "make bench  measure and time the methods; results in docs/results/ (needs the corpus)"
	@echo "make physics  add the GPU simulator and what trains experts"
	@echo "options     PYTHON=python3.12  TORCH=cuda"

# A bare torch on Linux brings gigabytes of CUDA along, so its CPU build goes in first. Where PyTorch's own
# index is out of reach this costs a second, and the plain pinned install below settles it.
$(VENV)/.base: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
ifeq ($(TORCH),cpu)
	$(BIN)/python -c "import torch" 2>/dev/null || \
		$(PIP) install --quiet --no-deps --retries 0 --timeout 15 \
		--index-url https://download.pytorch.org/whl/cpu $(TORCH_PIN) 2>/dev/null || true
endif
	$(PIP) install --quiet -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.base
	$(PIP) install --quiet -c constraints.txt -e ".[dev]"
	@touch $@

demo: $(VENV)/.base
	$(BIN)/understudy demo --out out/demo

test: $(VENV)/.dev
	$(BIN)/python -m pytest -q -n auto

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports --no-cache --no-logo

bench: $(VENV)/.dev
	$(PIP) install --quiet -c constraints.txt -e ".[bench]"
	$(BIN)/python -m benchmarks.retarget
	$(BIN)/python -m benchmarks.robustness
	$(BIN)/python -m benchmarks.speed

# A torchvision for a CPU torch is not on PyPI, and the one that is there breaks beside it. rsl-rl-lib brings it in and
# never imports it, so it goes again; torch itself stays as pinned.
physics: $(VENV)/.base
	$(PIP) install --quiet -c constraints.txt -e ".[physics]"
ifeq ($(TORCH),cpu)
	$(PIP) uninstall --quiet --yes torchvision
endif

clean:
	rm -rf $(VENV) out build dist
