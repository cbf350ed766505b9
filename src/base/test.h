/*
 * test.h - the frame of a unit test: one program per module, one function per case.
 *
 *   TEST(buf_grows) { CHECK_INT(buf.len, 3); }
 *   TESTS(T(buf_grows))
 *
 * Prints one line per failure and closes with "N passed, N failed, N skipped". Exit 1 when a case
 * failed. A case that cannot run here says why: TEST_SKIP("no cgroup v2 here"). What emulators lack is not
 * the case's business: CORTEN_TEST_SKIP holds globs of PROGRAM/CASE, separated by commas.
 */
#ifndef CORTEN_BASE_TEST_H
#define CORTEN_BASE_TEST_H

#include <errno.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct test_case {
	const char *name;
	void (*run)(void);
};

/* Of the running case. */
static const char *test_name;
static int test_failures;
static bool test_skipped;

#define TEST(name) static void name(void)
#define T(name)             \
	{                   \
#name, name \
	}

#define TEST_FAIL(...)                                 \
	do {                                           \
		test_failures++;                       \
		printf("%s:%d: ", __FILE__, __LINE__); \
		printf(__VA_ARGS__);                   \
		printf("\n");                          \
	} while (0)

#define CHECK(cond)                                       \
	do {                                              \
		if (!(cond))                              \
			TEST_FAIL("not true: %s", #cond); \
	} while (0)

#define CHECK_INT(got, want)                                                  \
	do {                                                                  \
		long long got_ = (long long)(got), want_ = (long long)(want); \
		if (got_ != want_)                                            \
			TEST_FAIL("%s is %lld, not %lld", #got, got_, want_); \
	} while (0)

#define CHECK_STR(got, want)                                                                    \
	do {                                                                                    \
		const char *got_ = (got), *want_ = (want);                                      \
		if (got_ == NULL || strcmp(got_, want_) != 0)                                   \
			TEST_FAIL("%s is '%s', not '%s'", #got, got_ ? got_ : "(null)", want_); \
	} while (0)

/* For a value whose absence makes the rest of the case meaningless. */
#define REQUIRE(cond)                                     \
	do {                                              \
		if (!(cond)) {                            \
			TEST_FAIL("not true: %s", #cond); \
			return;                           \
		}                                         \
	} while (0)

/* Leaves the case; tests/expected-skips must expect it. */
#define TEST_SKIP(...)                          \
	do {                                    \
		test_skipped = true;            \
		printf("SKIP %s: ", test_name); \
		printf(__VA_ARGS__);            \
		printf("\n");                   \
		return;                         \
	} while (0)

static inline bool test_is_unwanted(const char *name)
{
	const char *at = getenv("CORTEN_TEST_SKIP");
	char full[256], glob[256];

	(void)snprintf(full, sizeof(full), "%s/%s", program_invocation_short_name, name);
	while (at != NULL && *at != '\0') {
		int len = (int)strcspn(at, ",");
		(void)snprintf(glob, sizeof(glob), "%.*s", len, at);
		if (fnmatch(glob, full, 0) == 0)
			return true;
		at += len + (at[len] == ',');
	}
	return false;
}

static inline int test_run(const struct test_case *cases, size_t count)
{
	int passed = 0, failed = 0, skipped = 0;

	for (size_t i = 0; i < count; i++) {
		test_name = cases[i].name;
		test_failures = 0;
		test_skipped = false;
		if (test_is_unwanted(test_name)) {
			printf("SKIP %s: named in CORTEN_TEST_SKIP\n", test_name);
			test_skipped = true;
		} else {
			cases[i].run();
		}
		if (test_failures > 0) {
			printf("FAIL %s\n", cases[i].name);
			failed++;
		} else if (test_skipped) {
			skipped++;
		} else {
			passed++;
		}
	}
	printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
	return failed > 0;
}

#define TESTS(...)                                                        \
	int main(void)                                                    \
	{                                                                 \
		static const struct test_case cases[] = {__VA_ARGS__};    \
		return test_run(cases, sizeof(cases) / sizeof(cases[0])); \
	}

#endif
