# Dongyue Hub. `make help` lists what can be made.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
WEB     := dashboards/web
LINT    := bin/golangci-lint
LINT_VERSION := v2.15.0
WEB_SOURCES := $(shell find $(WEB) -type f -not -path '*/node_modules/*' -not -path '$(WEB)/dist/*' -not -path '$(WEB)/test/*' 2>/dev/null)
GO_SOURCES  := $(shell find cmd broker devices streams rules dashboards configs internal -name '*.go' -o -name '*.sql' -o -path 'configs/*' -type f 2>/dev/null | grep -v node_modules) go.mod go.sum

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

.PHONY: run
run: bin/dongyue ## build everything and start the hub with the simulated community
	@exec bin/dongyue demo $(ARGS)

.PHONY: build
build: bin/dongyue ## the one binary, with the web apps inside: bin/dongyue

bin/dongyue: $(WEB)/dist/.built $(GO_SOURCES)
	@echo "▸ compiling the hub (the first time takes a few minutes: the database and the rule language are in it)"
	@mkdir -p bin && $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $@ ./cmd/dongyue

.PHONY: web
web: $(WEB)/dist/.built ## the web apps, into dashboards/web/dist

$(WEB)/node_modules/.installed: $(WEB)/package-lock.json
	@echo "▸ fetching what the web apps are built with"
	@cd $(WEB) && npm ci --no-audit --no-fund --loglevel=error && touch node_modules/.installed

$(WEB)/dist/.built: $(WEB)/node_modules/.installed $(WEB_SOURCES)
	@echo "▸ building the web apps"
	@cd $(WEB) && npm run --silent build && touch dist/.built

.PHONY: setup
setup: ## install what the tests need (Debian packages), or say what is missing
	@.ci/setup

.PHONY: test
test: setup web-test unit e2e ## everything that must pass: web checks, Go tests with the race detector, the browser
	@echo "✔ all tests passed"

.PHONY: web-test
web-test: $(WEB)/dist/.built ## types and unit tests of the web apps
	@echo "▸ checking the web apps"
	@cd $(WEB) && npm run --silent check && npm test --silent

# The database is C translated to Go: its own locks, no Go memory shared. Watching every
# access of it makes the tests that write three times slower and has nothing to find.
RACE := -race $(foreach p,modernc.org/sqlite/lib modernc.org/libc,-gcflags='$(p)=-race=false -d=checkptr=0')

.PHONY: unit
unit: $(WEB)/dist/.built ## Go tests, race detector on
	@echo "▸ vetting and testing the Go code"
	@$(GO) vet ./... && $(GO) test $(RACE) -timeout 15m ./...

.PHONY: e2e
e2e: bin/dongyue e2e/node_modules/.installed ## the whole hub in a real browser, over the real ports
	@echo "▸ end to end"
	@cd e2e && node run.mjs $(ARGS)

e2e/node_modules/.installed: e2e/package-lock.json
	@cd e2e && npm ci --no-audit --no-fund --loglevel=error && touch node_modules/.installed

.PHONY: lint
lint: $(LINT) ## golangci-lint with .golangci.yml
	@$(LINT) run ./...

$(LINT):
	@echo "▸ building golangci-lint $(LINT_VERSION) (once)"
	@mkdir -p bin && GOBIN=$(CURDIR)/bin $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)

FUZZTIME ?= 20s
.PHONY: fuzz
fuzz: ## each fuzz target for FUZZTIME (20s)
	@set -e; for f in $$(grep -rlE '^func Fuzz' --include='*_test.go' .); do \
	  for t in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9_]*)\(.*/\1/p' $$f); do \
	    echo "▸ $$t in $$(dirname $$f)"; $(GO) test -run '^$$' -fuzz "^$$t$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x ./$$(dirname $$f); done; done

.PHONY: fmt
fmt: ## format the Go code
	@gofmt -w $$(git ls-files '*.go')

.PHONY: generate
generate: ## files made from others: the configuration's schema
	@$(GO) generate ./...

.PHONY: clips
clips: ## draw and encode the simulated cameras' scenes again (needs ffmpeg)
	@internal/simulator/camera/clips/make.sh

.PHONY: clean
clean: ## remove what was built; data/ stays
	@rm -rf bin e2e/out && find $(WEB)/dist -mindepth 1 ! -name .keep -delete
