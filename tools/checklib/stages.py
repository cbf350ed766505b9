"""The table of stages, in the order in which they run: what fails soonest comes first."""
from . import builds, sources, tests
from .frame import Stage

STAGES = [
    #     name              run                            quick  budget limit what
    Stage("deps",           sources.deps_stage,            True,   5,   60, "the packages of tools/packages are installed"),
    Stage("checks",         tests.checks_stage,            True,  10,   60, "the checks themselves can fail"),
    Stage("format",         sources.format_stage,          True,  10,  120, "clang-format changes nothing"),
    Stage("layers",         sources.layers_stage,          True,   5,   60, "rooms include only what src/LAYERS allows"),
    Stage("sizes",          sources.sizes_stage,           True,   5,   60, "files, functions and parameter lists have maxima"),
    Stage("calls",          sources.calls_stage,           True,   5,   60, "no banned call, no path resolved but by its owners"),
    Stage("pages",          sources.pages_stage,           True,   5,   60, "spelling, links, docs/dependencies.md"),
    Stage("scripts",        sources.scripts_stage,         True,  10,   60, "shellcheck and pyflakes on the scripts"),
    Stage("headers",        sources.headers_stage,         True,  15,  120, "every header compiles alone"),
    Stage("build",          builds.build_stage,            True,  60,  600, "gcc: dynamic and static, warnings as errors"),
    Stage("unit",           tests.unit_stage,              True,  20,  300, "unit tests with glibc"),
    Stage("unit-static",    tests.unit_static_stage,       True,  20,  300, "unit tests with musl, as shipped"),
    Stage("clang",          builds.clang_stage,            False, 60,  600, "clang: warnings as errors"),
    Stage("cppcheck",       builds.cppcheck_stage,         False, 120, 900, "static analysis"),
    Stage("tidy",           builds.tidy_stage,             False, 420, 1200, "static analysis by clang-tidy"),
    Stage("unit-asan",      tests.unit_asan_stage,         False, 120, 900, "unit tests under ASan and UBSan"),
    Stage("valgrind",       tests.valgrind_stage,          False, 60,  600, "unit tests that neither clone nor mount"),
    Stage("fuzz",           tests.fuzz_stage,              False, 300, 1200, "fuzz targets: seeds and a fixed number of runs"),
    Stage("aarch64",        tests.aarch64_stage,           False, 120, 900, "cross-build, unit tests under qemu-user"),
    Stage("black-box",      tests.black_box_stage,         False, 300, 1200, "tests/ with the shipped programs"),
    Stage("black-box-asan", tests.black_box_asan_stage,    False, 600, 1500, "tests/ with an ASan and UBSan build"),
    Stage("clients",        tests.clients_stage,           False, 240, 1200, "other engines, and crun's tests"),
    Stage("guest",          tests.guest_stage,             False, 300, 1200, "other kernels, in virtual machines"),
]
