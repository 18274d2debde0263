# Bare `make` lists the targets. Everything needs Go (see go.mod for the version); what a target needs
# beyond that is fetched by it or named in its line.

GO       ?= go
PKGS     ?= ./...
ARGS     ?=
FUZZTIME ?= 10s
SEEDS    ?= 500
FIRST    ?= 1
HOURS    ?= 1
ONLY     ?=
SOAK     ?= 5m
# Exchanges recorded from an original cluster, for the tests that replay them; those skip without.
VECTORS  ?= $(wildcard $(CURDIR)/../shared/vectors)
export PEGASUS_VECTORS = $(VECTORS)

.DEFAULT_GOAL := help
.PHONY: help build onebox shell deps test race race-e2e lint gen bench bench-compare bench-table bench-curves bench-trouble baseline baseline-check compat fuzz sim cores mutants e2e chaos chaos-long soak fmt clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## compile bin/pegasus
	$(GO) build -buildvcs=auto -o bin/pegasus ./cmd/pegasus

onebox: build ## run 3 metas and 3 replica servers on 127.0.0.1 (ARGS="--processes --clean" ...); stop with Ctrl-C
	./bin/pegasus onebox $(ARGS)

shell: build ## interactive shell on the onebox (ARGS="-c 'ls -d'" ...)
	./bin/pegasus shell $(ARGS)

deps: ## install what the tests need and is missing (Debian packages: python3-venv, a JDK, maven, zookeeper)
	@compat-tests/install.sh

test: deps ## all tests, 500 simulated hours and five minutes of chaos (PKGS=./rpc/... narrows it down to unit tests)
	$(GO) test -timeout 18m $(PKGS)
ifeq ($(PKGS),./...)
	$(MAKE) --no-print-directory sim
	$(MAKE) --no-print-directory chaos
endif

race: ## the same tests under the race detector, long loops shortened
	$(GO) test -race -short -timeout 40m $(PKGS)

race-e2e: deps ## servers built with the race detector: observed behaviour, failover, rolling restart, witness, soak
	PEGASUS_RACE=1 $(GO) test -count=1 -timeout 40m -v -run 'Observed|Failover|RollingRestart|Witness|Soak' ./compat-tests $(ARGS)

lint: ## import floors, gofmt, vet, sizes, doc.go, links in docs
	$(GO) test -count=1 ./internal/lint

gen: ## regenerate gen-go from idl (Debian package thrift-compiler)
	./idl/generate.sh

bench: build ## measure a running onebox (ARGS="--workload set --callers 32" ...)
	./bin/pegasus bench $(ARGS)

baseline: ## measure what operations cost in allocations and system calls, and write it to internal/baseline/baseline.txt
	$(GO) test -count=1 -v ./internal/baseline -run '^TestBaseline$$' -rewrite

baseline-check: ## compare what operations cost with the baseline
	$(GO) test -count=1 -v ./internal/baseline -run '^TestBaseline$$'

bench-table: build ## all cases beside their targets, on clusters it starts itself, into docs/performance.md; 12 minutes on a quiet machine (a first look: bin/pegasus bench table --quick)
	./bin/pegasus bench table --write docs/performance.md --json bin/bench-table.json $(ARGS)

bench-curves: build ## how cost grows with partitions, callers, rows, sizes and servers, into docs/performance/; 13 minutes on a quiet machine (ARGS="--curve callers" ...)
	./bin/pegasus bench curves --out docs/performance $(ARGS)

bench-compare: build ## what an operation costs here beside another build, with clusters of both at the same time (OLD=path of the other; ARGS="-w set" ...); five minutes
	./bin/pegasus bench compare --old $(OLD) $(ARGS)

bench-trouble: build ## latency during learning, checkpoints, compaction, balance moves and with a slow peer beside the quiet figures, into docs/performance/; 15 minutes on a quiet machine (ARGS="--trouble learn" ...; a first look: bin/pegasus bench trouble --quick)
	./bin/pegasus bench trouble --write docs/performance/trouble.md $(ARGS)

compat: build ## real client libraries against a onebox (fetched by their package managers; compat-tests/install.sh names what Debian lacks)
	PEGASUS_BIN=$(CURDIR)/bin/pegasus $(GO) test -count=1 -timeout 30m -v ./compat-tests/... $(ARGS)

fuzz: ## every fuzz test for FUZZTIME each (default 10s)
	@GO='$(GO)' internal/fuzz/run.sh $(FUZZTIME) $(PKGS)

sim: ## whole clusters from SEEDS seeds, HOURS simulated hours each, on one thread per core (FIRST=1, ONLY="kill,pause")
	$(GO) test -count=1 -timeout 12h -v ./sim/seeded -run 'TestSeeds|TestCorpus|TestSameSeedSameRun' -seeds $(SEEDS) -first $(FIRST) -hours $(HOURS) -only "$(ONLY)"

cores: ## seeded histories of the replication and meta cores alone (SEEDS=500)
	$(GO) test -count=1 -timeout 60m ./replica/pacifica -run Random -seeds $(SEEDS)
	$(GO) test -count=1 -timeout 60m ./meta/cluster -sim.seeds $(SEEDS)

mutants: ## plant known bugs one by one and see which layer of the tests objects (ARGS="-only lease")
	$(GO) run ./internal/mutants $(ARGS)

e2e: build ## kill servers of a real onebox under load, check that nothing acknowledged is lost, and what a person types
	$(GO) test -count=1 -timeout 30m -v ./cmd/pegasus
	$(GO) test -count=1 -timeout 30m -v -run 'Failover|Observed|StandardPorts' ./compat-tests

soak: ## plateaus of memory, descriptors, threads and goroutines under all that comes and goes (SOAK=10m); soak/soak.csv and .svg
	SOAK=$(SOAK) SOAK_OUT=$(CURDIR)/soak $(GO) test -count=1 -timeout 240m -v -run TestSoak ./compat-tests

chaos: build deps ## five minutes of faults on real processes with real clients, as root (ARGS="-chaos.seed 7" ...); figures in bin/chaos
	PEGASUS_BIN=$(CURDIR)/bin/pegasus $(GO) test -count=1 -timeout 30m -v ./compat-tests/chaos -run '^TestChaos$$' -chaos.duration 5m -chaos.report $(CURDIR)/bin/chaos $(ARGS)

chaos-long: build deps ## the same for an hour
	PEGASUS_BIN=$(CURDIR)/bin/pegasus $(GO) test -count=1 -timeout 2h -v ./compat-tests/chaos -run '^TestChaos$$' -chaos.duration 1h -chaos.report $(CURDIR)/bin/chaos $(ARGS)

fmt: ## gofmt all files that are not generated
	gofmt -l -w $$(find . -name '*.go' -not -path './.*' | xargs grep -L '^// Code generated .* DO NOT EDIT')

clean: ## remove bin and the test cache (data of the onebox stays; `pegasus onebox --clean` drops it)
	rm -rf bin
	$(GO) clean -testcache
