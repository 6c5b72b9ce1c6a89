# The commands of this repository; `make` alone lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# The linter is built from source, once per Go version: it must not be older
# than the Go it reads.
LINT := .build/golangci-lint-$(shell go env GOVERSION)
# -count=1: a result from the cache would hide a server that is gone.
GOTEST := go test -race -count=1
# A program with the race detector waits a second before it ends, and tests start
# hundreds of them. A tenth is enough for what ends beside it to be reported.
export GORACE ?= atexit_sleep_ms=100
# What `make soak` runs, and arguments for `make bench` and `make demo`.
RUN ?= .
ARGS ?=

.PHONY: help
help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build the binary ./cliendo
	go build -o cliendo ./cmd/cliendo

.PHONY: demo
demo: ## run the whole product on localhost:8080 with made-up users
	go run ./cmd/cliendo gateway demo $(ARGS)

.PHONY: test
test: ## install what tests need, then vet, lint, run all tests with the race detector
	@.ci/phase install .ci/install test
	@.ci/phase 'go vet' go vet ./...
	@.ci/phase 'build the linter' $(MAKE) $(LINT)
	@.ci/phase lint $(LINT) run
	@.ci/phase 'build with the race detector' go build -race ./...
	@# The tests of the whole binary run by themselves: they start gateways, servers and
	@# browsers enough for a machine.
	@.ci/phase 'tests of packages' $(GOTEST) -vet=off -timeout 30m -p 2 $$(go list ./... | grep -v '/endtoend$$')
	@.ci/phase 'tests of the whole binary' $(GOTEST) -vet=off -timeout 45m ./caddymodule/endtoend

.PHONY: lint
lint: $(LINT) ## lint and check the format (the import directions are linted too)
	@$(LINT) run

.PHONY: fmt
fmt: $(LINT) ## format all Go files
	@$(LINT) fmt

$(LINT): .ci/tools/go.mod .ci/tools/go.sum
	@mkdir -p .build
	@rm -f .build/golangci-lint*
	@go build -C .ci/tools -trimpath -o $(CURDIR)/$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

.PHONY: soak
soak: ## the same tests with long rounds: hours; RUN=name for some of them
	@.ci/install test
	SOAK=1 $(GOTEST) -timeout 6h -p 1 -run '$(RUN)' ./...

.PHONY: fuzz
fuzz: ## every fuzz target for 30 s (FUZZTIME=5m for longer)
	@.ci/fuzz

.PHONY: bench
bench: ## measure against the twin, a bare reverse proxy; prints one table
	@.ci/install bench
	go run ./bench $(ARGS)

.PHONY: clean
clean: ## remove what was built, tools and npm packages included
	rm -rf .build bench/out cliendo
