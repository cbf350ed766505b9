# The front door. Meson and ninja do the work; see CONTRIBUTING.md.
BUILD ?= build
DEV = $(BUILD)/dev
STATIC = $(BUILD)/static

.PHONY: build
build: $(DEV)/build.ninja $(STATIC)/build.ninja
	ninja -C $(STATIC)
	ninja -C $(DEV)

$(DEV)/build.ninja:
	meson setup $(DEV)

$(STATIC)/build.ninja:
	meson setup $(STATIC) --native-file meson/musl.ini -Drooms=static
