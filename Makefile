# make run    the service on embedded defaults, with its web app
# make test   everything that continuous integration runs
# make help   the rest
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run build app tools packages agents agents-test claude-code qwen-code opencode codex conformance test test-go test-app test-browser soak bench bench-shell bench-voice doctor clean

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
# For a phone in the same network: make run LAN=1
LAN     ?=
# A tofu of your own skips the build: make run TOFU=/path/to/tofu
TOFU    ?=
export TOFU

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

# The first build leaves out the driver of remote models, a third of all compiling,
# unless one is asked for; it follows while the service runs.
run: ## run the service; OpenTofu is built meanwhile, once
	@.tools/service '$(VERSION)' $(if $(findstring openai:,$(ARGS) $(SANDBOX_MODEL) $(SANDBOX_SPEECH_TO_TEXT) $(SANDBOX_TEXT_TO_SPEECH)),,first)
	@(nice -n 19 $(MAKE) --no-print-directory tools build || true) & \
	exec bin/sandbox serve --log-format text --log-level warn \
	  --provider-mirror "$$(.tools/mirror)" $(if $(TOFU),,--tofu "$$(.tools/build --path tofu)") $(if $(LAN),--lan) $(ARGS)

build: ## bin/sandbox, bin/sandbox-holder and, where its libraries are, bin/sandbox-ear
	@.tools/service '$(VERSION)'

# The app is built again only when something in it has changed.
app: web/app/dist/index.html
web/app/dist/index.html: $(shell find web/app/src web/app/public web/app/index.html web/app/*.ts web/app/package*.json -type f 2>/dev/null)
	@.tools/app

tools: ## OpenTofu and its Hetzner provider, from source into the user's cache
	@.tools/build hcloud
	@$(if $(TOFU),:,.tools/build tofu)

packages: ## the Debian packages that tests need
	@.tools/packages

agents: claude-code qwen-code opencode codex ## the coding agents, from npm into the user's cache

claude-code qwen-code opencode codex: ## one of them
	@.tools/npm $@

conformance: ## the MCP conformance suite that tests run, from npm into the user's cache
	@.tools/npm conformance

agents-test: packages build agents ## the real coding agents alone
	@go test -count=1 -run 'Code$$|Codex|KnowToolServers' ./shell
	@cd web/app && node stories/agents.mjs

test: packages build tools conformance agents test-app test-go test-browser ## everything, as continuous integration does

test-app:
	@echo "test: the web app's unit tests"
	@cd web/app && npm run --silent test

# The flags of .tools/follow, so that tests find compiled what make build has compiled.
test-go: export CGO_ENABLED = 0
test-go: export GOFLAGS = -trimpath -gcflags=all=-dwarf=false
# Properties try the same inputs each time here; make soak draws new ones.
test-go: export RAPID_SEED = 1
test-go:
	@echo "test: go vet, go test"
	@test -z "$$(gofmt -l cmd conversation mcp provisioner shell voice web)" || { gofmt -l cmd conversation mcp provisioner shell voice web; exit 1; }
	@go vet ./...
	@go test -timeout 20m ./...

test-browser:
	@echo "test: the stories in Chromium"
	@cd web/app && npm run --silent stories

# With other inputs in each run. CHECKS=n says how many.
soak: CHECKS = 10000
soak: ## every property 10,000 times, not 100
	@SANDBOX_SOAK=1 RAPID_CHECKS=$(CHECKS) go test -timeout 120m $$(git grep -l pgregory.net/rapid '*_test.go' | xargs -n1 dirname | sort -u | sed 's|^|./|')

bench: packages build tools ## the figures: name, value, unit, goal, met or short
	@.tools/bench

bench-shell: build ## the figures of the developer shell, beside a bare terminal and gotty
	@.tools/bench shell

bench-voice: build ## the figures of the calls, in real time: some eight minutes
	@.tools/bench voice

doctor: build ## what is found on this machine
	@bin/sandbox doctor

clean: ## what was built in the checkout; the cache stays
	@rm -rf bin web/app/node_modules && find web/app/dist -mindepth 1 ! -name .gitkeep -delete
