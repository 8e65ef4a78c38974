# Everything runs with Go alone; tools come by "go run" at these versions.
GOLANGCI  := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GORELEASER := github.com/goreleaser/goreleaser/v2@v2.16.0
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
DEADCODE  := golang.org/x/tools/cmd/deadcode@v0.38.0

export CGO_ENABLED = 0
# The race detector needs a C compiler; without one the tests run all the same.
CC_FOUND := $(shell command -v gcc || command -v clang || command -v cc)
RACE = $(if $(CC_FOUND),-race)
RACE_CGO = $(if $(CC_FOUND),1,0)
FUZZTIME ?= 10s
PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

.PHONY: build demo test shells test-postgres torture-postgres test-distributed race lint deadcode fmt fmt-check vet fuzz bench bench-postgres peers test-browser pictures recordings cover completions completions-check torture cross release-check snapshot package-check check

build: ## bin/payctl
	go build -trimpath -o bin/payctl ./cmd/payctl

demo: ## the main job, offline, from a fresh clone
	@echo "building payctl; the first time takes about a minute"
	@go run ./cmd/payctl demo

test: shells ## all tests; with the race detector where a C compiler is found
	CGO_ENABLED=$(RACE_CGO) go test $(RACE) ./...

shells: ## what the tests in a terminal and in each shell drive; Debian's, for root, where they are missing
	@missing=""; for p in tmux zsh fish; do command -v $$p >/dev/null || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -q >/dev/null && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $$missing >/dev/null; } || \
	  echo "LOUD SKIP:$$missing: not installed, and cannot be from here; tests that drive them are skipped"; \
	fi

test-postgres: ## the tests of the ledger, the scripts that name no ledger file and the faults of a shared one, on a private PostgreSQL server
	sh testdata/postgres/run.sh sh -c 'go test ./internal/store/... && go test -run "^TestScript$$" ./cmd/payctl && go test -run "^TestShared" ./cmd/payctl'

torture-postgres: ## the faults of a shared ledger at length: outages of 20 s, 60 kills; prints what was acknowledged, stored and forwarded
	PAYCTL_TORTURE=1 sh testdata/postgres/run.sh go test -count 1 -timeout 30m -run "^TestShared" -v ./cmd/payctl

test-distributed: ## the ledger's tests on CockroachDB and YugabyteDB, where their binaries are found; nightly
	sh testdata/postgres/distributed.sh go test ./internal/store

race: ## all tests with the race detector, failing without a C compiler
	CGO_ENABLED=1 go test -race ./...

lint:
	go run $(GOLANGCI) run ./...

deadcode: ## functions that no command reaches; what serves tests alone is named here
	@out="$$(go run $(DEADCODE) ./... | grep -vE 'internal/(emulator/emulatortest|npmtest|store/postgres/postgrestest)/|Catalogue$$|socketio/.*(EmitAck|Close|Transport|EventKind.String)$$|wasaapay/.*: Verify$$' || true)"; if [ -n "$$out" ]; then echo "$$out"; exit 1; fi

fmt:
	go run $(GOLANGCI) fmt ./...

fmt-check:
	@out="$$(gofmt -l cmd internal testdata)"; if [ -n "$$out" ]; then echo "not gofmt-clean:"; echo "$$out"; exit 1; fi

vet: ## for every system that a release is built for
	go vet ./...
	GOOS=darwin go vet ./...
	GOOS=windows go vet ./...

fuzz: ## every fuzz target for FUZZTIME
	@set -e; for pkg in $$(go list ./...); do \
	  for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "$$pkg $$target"; go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$pkg; \
	  done; done

bench: ## one table of figures, each beside its yardstick of the same run
	@{ go test -run '^$$' -bench Startup -benchtime 40x ./cmd/payctl; \
	   go test -run '^$$' -bench 'Verify$$' -benchtime 1s -count 3 ./internal/wasaapay; \
	   go test -run '^$$' -bench 'Inspect$$' ./internal/daraja; \
	   go test -run '^$$' -bench 'Archive$$' -benchtime 3x ./internal/webhook; \
	   go test -run '^$$' -bench . -benchtime 3x ./internal/replay; \
	   go test -run '^$$' -bench 'Record|Create|Read|Open' -benchtime 1s ./internal/store; \
	   go test -run '^$$' -bench Flat -benchtime 1x ./internal/store; \
	   go test -run '^$$' -bench Notice -benchtime 200x ./internal/watch; \
	   go test -run '^$$' -bench . -benchtime 1x ./internal/emulator; \
	   go test -run '^$$' -bench Reconcile -benchtime 1x ./internal/reconcile; \
	   go test -run '^$$' -bench Listener -benchtime 3x ./internal/listen; } 2>&1 | tee /dev/stderr | go run ./cmd/benchtable

bench-postgres: ## one table of figures of a shared ledger; PAYCTL_BENCH_ROWS=5000000 for large ones
	@{ PAYCTL_TEST_FSYNC=on sh testdata/postgres/run.sh \
	     go test -run '^$$' -bench '^BenchmarkShared' -benchtime 1x -count 3 ./internal/store; \
	   sh testdata/postgres/run.sh \
	     go test -run '^$$' -bench '^BenchmarkLarge$$' -benchtime 20x -timeout 60m ./internal/store; } 2>&1 | tee /dev/stderr | go run ./cmd/benchtable shared

test-browser: ## the browser view in a real Chromium, held by axe-core; installs Debian's when missing
	@for p in chromium npm; do command -v $$p >/dev/null || { apt-get update -q && apt-get install -y -q --no-install-recommends $$p; }; done
	cd testdata/browser && BROWSER_REQUIRED=1 go test -count 1 -timeout 15m -v .
	go test -count 1 -run '^TestInChromium$$' -v ./internal/page

pictures: ## write the pictures of README anew
	cd testdata/browser && BROWSER_REQUIRED=1 WRITE_PICTURES=1 go test -count 1 -run '^TestPages$$' .

recordings: ## record the terminal sessions of README anew, from real runs
	WRITE_RECORDINGS=1 go test -count 1 -run '^TestRecordings$$' ./cmd/payctl

peers: ## clients of others against the emulator, from npm; payctl against the servers of others that PEERS_SERVERS names
	go test -count 1 -run '^TestPeers$$' -v ./internal/emulator
	go test -count 1 -run '^TestPeerServers$$' -v ./cmd/payctl

torture: ## the long crash test, and a million random steps of payments
	PAYCTL_TORTURE=1 go test -count 1 -timeout 60m -run 'Crash|Torture|MoneyKills' -v ./internal/store ./internal/listen ./cmd/payctl
	PAYCTL_TORTURE=1 go test -count 1 -timeout 240m -run StateMachine -v ./internal/deposit
	PAYCTL_TORTURE=1 go test -count 1 -timeout 60m -run UndoProvesNothingWrong -v ./internal/webhook

cover:
	go test -coverprofile coverage.out ./... && go tool cover -func coverage.out | tail -1

completions: ## write completions/ anew
	go run ./cmd/payctl completion bash > completions/payctl.bash
	go run ./cmd/payctl completion zsh > completions/_payctl
	go run ./cmd/payctl completion fish > completions/payctl.fish
	go run ./cmd/payctl completion powershell > completions/payctl.ps1

completions-check:
	go test -run TestCompletionsAreCurrent ./internal/cli

cross: ## every release platform compiles
	@set -e; for p in $(PLATFORMS); do echo "build $$p"; \
	  GOOS=$${p%/*} GOARCH=$${p#*/} go build -trimpath -o /dev/null ./cmd/payctl; done

release-check:
	go run $(GORELEASER) check

package-check: snapshot ## the deb, installed into a scratch root and used; the same bytes from another place
	sh testdata/release/check.sh

snapshot: ## release archives in dist/, without publishing
	go run $(GORELEASER) release --snapshot --clean --skip=publish

verify: ## what was downloaded is what go.sum names
	go mod verify

vulncheck: ## known vulnerabilities, where their database can be reached
	@if curl -fsS -m 10 -o /dev/null https://vuln.go.dev/index/db.json 2>/dev/null; then go run $(GOVULNCHECK) ./...; \
	else echo "vulncheck: skipped, https://vuln.go.dev cannot be reached; see SECURITY in README.md for what was looked at by hand"; fi

check: fmt-check vet lint deadcode verify vulncheck ## what CI runs
	$(MAKE) test
	$(MAKE) demo
	$(MAKE) completions-check cross release-check
