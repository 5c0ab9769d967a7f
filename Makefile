# The thin front door of ics. `make demo` shows it working, `make help` lists the rest.
# Anything longer than a few lines lives in tools/.

PYTHON ?= python3
CONFIG ?= etc/gateway.yaml
BIN    := $(CURDIR)/.venv/bin
SUDO   := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
PYTEST := $(BIN)/python -m pytest
# All tests but those in network namespaces, which start daemons and modems and so run one after the other, alone.
PURE = $(filter-out tests/netns tests/captures tests/strangers tests/__pycache__,$(patsubst %/,%,$(wildcard tests/*/)))

# An ordinary user on Debian has no sbin in PATH; nft and ip live there.
export PATH := $(PATH):/usr/sbin:/sbin

.PHONY: help demo run venv test check lint types fast fmt lab lock build clean bench bench-start bench-dns bench-dhcp bench-store bench-dataplane bench-helpers bench-ppp bench-hold bench-demand bench-tools

help:
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

demo: venv      ## watch the gateway work, in a lab of network namespaces
	@$(BIN)/ics lab --demo
	@echo; $(BIN)/ics lab --demo etc/dialup-lab.yaml

run: venv       ## the real thing: make run CONFIG=FILE (default etc/gateway.yaml)
	$(SUDO) $(BIN)/twistd -n --pidfile= ics -c "$(CONFIG)"

lab: venv       ## keep the lab open: make lab [FILE=lab.yaml]
	@$(BIN)/ics lab $(FILE)

venv:           ## make .venv and install what is missing (does nothing if nothing is)
	@PYTHON="$(PYTHON)" tools/setup.sh

test: venv      ## every test; those that need root are skipped with a reason without it
	@PYTHON="$(PYTHON)" tools/setup.sh test
	@first=0; $(PYTEST) --numprocesses=auto --dist=worksteal $(PURE) $(ARGS) || first=$$?; \
	    $(PYTEST) tests/netns $(ARGS) && exit $$first

check: venv     ## the fast part (lint, types, unit, golden, contract, arch), under 30 s
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target types fast lint

lint: venv
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet . || { echo "some files are not in shape; run: make fmt" >&2; exit 1; }

types: venv
	@$(BIN)/mypy

fast: venv
	@env -u PYTHONDONTWRITEBYTECODE PYTHONHASHSEED=0 HYPOTHESIS_PROFILE=check $(PYTEST) -q -m "not slow" --numprocesses=auto --dist=worksteal $(wildcard tests/unit tests/golden tests/contract tests/arch) $(ARGS)

bench: venv     ## all benchmarks, short; make bench-NAME ARGS=... runs one (see benchmarks/README.md)
	@benchmarks/bench.sh all

bench-start: venv      ## start to first DNS answer and DHCPOFFER, memory, `ics status`, beside dnsmasq
	@benchmarks/bench.sh start $(ARGS)

bench-dns: venv        ## DNS answers a second and their CPU time, beside dnsmasq
	@benchmarks/bench.sh dns $(ARGS)

bench-dhcp: venv       ## DHCP leases a second, each on disk, beside dnsmasq and Kea
	@benchmarks/bench.sh dhcp $(ARGS)

bench-store: venv      ## acknowledged appends of the journal
	@benchmarks/bench.sh store $(ARGS)

bench-dataplane: venv  ## rendering and loading the packet filter, and what it costs a packet
	@benchmarks/bench.sh dataplane $(ARGS)

bench-helpers: venv    ## ports for helpers, FTP data and control connections, beside plain forwarding and the kernel's helper
	@benchmarks/bench.sh helpers $(ARGS)

bench-ppp: venv        ## PPP: framing, links, a million mutated frames and modem lines, whole calls; ARGS="line" for one part
	@benchmarks/bench.sh ppp $(ARGS)

bench-hold: venv       ## packets that wait for a link: CPU time of each in a flood of 5000, and of the longest turn
	@benchmarks/bench.sh hold $(ARGS)

bench-demand: venv     ## dial on demand: from IPCP opened to the first packet's arrival, and a crowd while it rings
	@benchmarks/bench.sh demand $(ARGS)

bench-tools:    ## install what the benchmarks compare with: load generators and peers; none of them is started
	@PYTHON="$(PYTHON)" tools/setup.sh bench

fmt: venv       ## put the code into shape
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

lock:           ## pin the newest versions pyproject.toml allows, into requirements.lock
	@PYTHON="$(PYTHON)" tools/lock.sh

build: venv     ## wheel and source archive, in dist/
	@$(BIN)/python -m build --no-isolation --outdir dist .

clean:          ## remove everything made here, .venv included
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.* htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find . -name dropin.cache -type f -delete
