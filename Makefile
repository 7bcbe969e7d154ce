# `make` alone says what there is.
SWIFT ?= swift
PREFIX ?= /usr/local
DESTDIR ?=
# One way to build the release everywhere: the Swift runtime inside, so that a node needs no toolchain.
RELEASE := -c release --static-swift-stdlib
NODE_PRODUCTS := swiftlet swiftlet-pin
PRODUCTS := $(NODE_PRODUCTS) swiftlet-bench

.PHONY: help deps build release test test-node node package lint format fuzz sanitize demo bench proto install install-files clean

help: ## This list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

deps: ## Install the Debian packages that building, running and testing need; only those missing
	@Scripts/install-dependencies

build: deps ## Debug build
	$(SWIFT) build

release: deps ## Release build, with the Swift runtime linked in
	$(foreach product,$(PRODUCTS),$(SWIFT) build $(RELEASE) --product $(product) &&) true

test: deps ## All tests, with real pods on this machine (root)
	$(SWIFT) build --build-tests
	$(SWIFT) test --skip-build --disable-xctest --no-parallel

test-node: deps ## The integration tests in a node: systemd, cgroup v2, AppArmor, Linux 6.1 (root)
	$(SWIFT) build --build-tests
	@Scripts/node/test $(COMBINATIONS)

node: package ## A shell in such a node with Swiftlet as its unit; CLUSTER=1 KUBERNETES=DIR: a whole cluster; SELINUX=1 (root)
	@Scripts/node/shell

package: deps ## The Debian package, of the release build
	$(foreach product,$(NODE_PRODUCTS),$(SWIFT) build $(RELEASE) --product $(product) &&) true
	@Scripts/package

lint: ## Formatting of our Swift sources, syntax of our scripts
	@Scripts/lint

format: ## Format our Swift sources in place
	@Scripts/lint --fix

fuzz: deps ## Fuzz targets under libFuzzer, SECONDS=60 each, all or TARGETS="layer spdy"
	@Scripts/fuzz --seconds $(or $(SECONDS),60) $(TARGETS)

sanitize: deps ## Unit tests under AddressSanitizer and ThreadSanitizer, or SANITIZERS=address
	@Scripts/sanitize $(SANITIZERS)

demo: release ## A daemon, a registry, a pod with two containers, and where the time went (root)
	@Scripts/demo

bench: release ## Swiftlet against Debian's containerd, in interleaved rounds (root)
	@Scripts/install-dependencies containerd
	@Scripts/bench

proto: ## Write Sources/CRI anew from Protos/runtime.proto
	@Scripts/proto

install: release install-files ## Install the programs and the systemd unit under PREFIX (/usr/local)
	# What images' signatures are held to; one that is there stays.
	test -e $(DESTDIR)/etc/containers/policy.json || install -D -m 0644 contrib/policy.json $(DESTDIR)/etc/containers/policy.json

install-files:
	install -D -m 0755 .build/release/swiftlet $(DESTDIR)$(PREFIX)/bin/swiftlet
	install -D -m 0755 .build/release/swiftlet-pin $(DESTDIR)$(PREFIX)/bin/swiftlet-pin
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's|@PREFIX@|$(PREFIX)|g' contrib/systemd/swiftlet.service > $(DESTDIR)$(PREFIX)/lib/systemd/system/swiftlet.service

clean: ## Remove what was built
	rm -rf .build
