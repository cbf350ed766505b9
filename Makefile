# The front door. Meson and ninja do the work; see CONTRIBUTING.md.
PREFIX ?= /usr/local
DESTDIR ?=
BUILD = build

.PHONY: help deps build demo check check-quick bench install uninstall clean
help:
	@echo 'make deps         install the Debian packages that building and testing need'
	@echo 'make build        build everything, its packages included; the programs are in build/dist'
	@echo 'make demo         make two images, run containers from them, show what they say'
	@echo 'make check        every check, in stages (tools/check --list); minutes'
	@echo 'make check-quick  the checks that fit in five minutes'
	@echo 'make bench        compare with crun and runc'
	@echo 'make install      install to DESTDIR, PREFIX (now "$(DESTDIR)", $(PREFIX))'
	@echo 'make uninstall    remove what install put there'

deps:
	@tools/deps

build:
	@tools/deps build run
	@tools/build

demo:
	@tools/demo

check:
	@tools/check

check-quick:
	@tools/check --quick

bench: build
	@bench/run

install: build
	@tools/install PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)'

uninstall:
	@tools/install --remove PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)'

clean:
	rm -rf $(BUILD)/dev $(BUILD)/static $(BUILD)/dist
