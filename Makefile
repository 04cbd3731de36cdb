# `make test` does all of its set-up on a Debian 12 machine with root, git and make. `make help` lists the rest.
SHELL := /bin/bash
JOBS  ?= $(shell nproc)
PYTHON := /usr/bin/python3

PACKAGES := ccache cmake g++ ninja-build python3 python3-pytest python3-yaml \
  libbenchmark-dev libboost-dev libboost-filesystem-dev libboost-system-dev libboost-thread-dev \
  libboost-chrono-dev libboost-random-dev libboost-regex-dev libboost-date-time-dev libcivetweb-dev libcli11-dev \
  libcpprest-dev libcurl4-openssl-dev libgmock-dev libgtest-dev libspdlog-dev libssl-dev libyaml-cpp-dev \
  nlohmann-json3-dev prometheus-cpp-dev zlib1g-dev

.PHONY: help
help:
	@echo "make demo              the main job, live, on a real cluster on this machine (root)"
	@echo "make demo-down         stops and removes it"
	@echo "make build             build/release/sluice"
	@echo "make test              unit tests and simulations, integration, 30 fault tests, end to end (root)"
	@echo "make test-unit         unit tests and simulations; needs no cluster"
	@echo "make test-integration  the operator against a real API server, gateway and Prometheus (root)"
	@echo "make test-e2e          the demo's story with assertions (root)"
	@echo "make test-load         each profile of a load test finds its weakness: real Locust, small servers"
	@echo "make test-faults       each call of whole rollouts broken in each way; SAMPLE=30 SEED=7 some of them (root)"
	@echo "make test-away         the API server, then Prometheus, away in the middle of a canary for AWAY=20 s (root)"
	@echo "make sanitize          the unit tests and simulations under ASan+UBSan, then TSan"
	@echo "make bench             memory, speed and requests, measured; ROLLOUTS=1000 with so many (root)"
	@echo "make deps              installs the Debian packages to build with (root)"
	@echo "make clean             removes build/"

# --- building ---------------------------------------------------------------------------------------------

.PHONY: deps
deps:
	@missing=$$(for p in $(PACKAGES); do \
	  dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	if [ -n "$$missing" ]; then \
	  if [ "$$(id -u)" != 0 ]; then echo "make: run 'make deps' as root first; missing:" $$missing >&2; exit 1; fi; \
	  echo "Installing Debian packages:" $$missing; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	    apt-get install -y -qq --no-install-recommends $$missing >/tmp/sluice-apt.log 2>&1 || { \
	      tail -n 20 /tmp/sluice-apt.log >&2; \
	      echo "make: Debian packages could not be installed; see the lines above" >&2; exit 1; }; \
	fi

build/%/build.ninja: CMakeLists.txt CMakePresets.json | deps
	@cmake --preset $* >/tmp/sluice-cmake.log 2>&1 || { cat /tmp/sluice-cmake.log >&2; exit 1; }

.PHONY: build
build: build/release/build.ninja
	@echo "Building build/release (the first time takes about 10 minutes on two cores)"
	@cmake --build --preset release -j $(JOBS)

.PHONY: clean
clean:
	rm -rf build

# --- testing ----------------------------------------------------------------------------------------------

.PHONY: test
test: test-unit test-integration test-faults-sample test-e2e
	@echo "All tests passed."

.PHONY: test-unit
test-unit: build
	@echo "== Unit tests and simulations"
	@ctest --test-dir build/release --output-on-failure -j $(JOBS)

# Three at once, each on a cluster of its own: they wait for looks and leases more than they work.
PYTEST := $(PYTHON) -B -m pytest -q --capture=sys -p no:cacheprovider
LANE_2 := tests/integration/test_traffic.py tests/integration/test_loads.py
LANE_3 := tests/integration/test_takeover.py tests/integration/test_stages.py tests/integration/test_shards.py
.PHONY: test-integration
test-integration: build
	@echo "== Integration tests: real etcd, API server, gateway and Prometheus (5 to 9 minutes; the first time 30 more to build them)"
	@$(PYTHON) -B tests/cluster/cluster tools --tier integration
	@SLUICE_TEST_CLUSTER=integration-2 $(PYTEST) $(LANE_2) >build/integration-2.log 2>&1 & second=$$!; \
	SLUICE_TEST_CLUSTER=integration-3 $(PYTEST) $(LANE_3) >build/integration-3.log 2>&1 & third=$$!; \
	$(PYTEST) tests/integration $(addprefix --ignore=,$(LANE_2) $(LANE_3)); failed=$$?; \
	wait $$second || failed=1; wait $$third || failed=1; \
	cat build/integration-2.log build/integration-3.log; exit $$failed

.PHONY: test-load
test-load: build
	@echo "== Load tests: real Locust against small servers with weaknesses (3 minutes)"
	@$(PYTHON) -B -m pytest -q --capture=sys -p no:cacheprovider tests/load

.PHONY: test-faults test-faults-sample test-away
SAMPLE ?= 0
SEED   ?= 7
AWAY   ?= 20
test-faults: build
	@echo "== Fault tests: the operator killed, and its connections broken, at each single call (SAMPLE=$(SAMPLE), SEED=$(SEED))"
	@$(PYTHON) -B tests/faults/faults.py --sample $(SAMPLE) --seed $(SEED)
test-faults-sample: build
	@echo "== What is played in fault tests does as the real one"
	@$(PYTEST) tests/faults/test_played.py
	@$(MAKE) --no-print-directory test-faults SAMPLE=30
test-away: build
	@echo "== The API server and Prometheus away for $(AWAY) s each, in the middle of a canary"
	@$(PYTHON) -B -m pytest -q -p no:cacheprovider tests/faults --away $(AWAY)

.PHONY: test-e2e
test-e2e: build
	@echo "== End-to-end tests: a real node, Helm, Locust and model servers (10 minutes; the first time 15 more for images)"
	@$(PYTHON) -B -m pytest -q --capture=sys -p no:cacheprovider tests/e2e

.PHONY: bench
ROLLOUTS ?= 200
bench: build
	@echo "== What one look costs"
	@build/release/tests/bench_rollout --benchmark_min_time=0.2
	@build/release/tests/bench_stats --benchmark_min_time=0.2
	@echo "== What very many Rollouts cost the operator, with an API server in memory (1 minute)"
	@build/release/tests/bench_many
	@echo "== The operator with 1 and with $(ROLLOUTS) Rollouts (10 minutes; the first time 20 more to build a cluster's programs)"
	@$(PYTHON) -B tests/bench/bench.py --rollouts $(ROLLOUTS)

.PHONY: demo demo-down
demo: build
	@$(PYTHON) -B examples/digits/demo.py
demo-down:
	@$(PYTHON) -B examples/digits/demo.py down

.PHONY: sanitize-asan sanitize-tsan
sanitize: sanitize-asan sanitize-tsan
sanitize-asan sanitize-tsan: sanitize-%: build/%/build.ninja
	@echo "== Unit tests under $*"
	@cmake --build --preset $* -j $(JOBS)
	@TSAN_OPTIONS="suppressions=$(CURDIR)/tests/tsan.supp" ctest --test-dir build/$* --output-on-failure -j $(JOBS)
