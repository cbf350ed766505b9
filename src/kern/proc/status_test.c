#include "kern/proc/status.h"

#include <signal.h>
#include <sys/prctl.h>

#include "kern/testing.h"

#define BIT(sig) (1ULL << ((sig)-1))

TEST(status_says_what_the_kernel_says)
{
	struct proc_status status;

	signal(SIGUSR2, SIG_IGN);
	proc_status_read(&status);
	CHECK(status.known);
	CHECK((status.signals_ignored & BIT(SIGUSR2)) != 0);
	signal(SIGUSR2, SIG_DFL);
	proc_status_read(&status);
	CHECK((status.signals_ignored & BIT(SIGUSR2)) == 0);
	for (int i = 0; i < 40; i++)
		CHECK_INT((status.caps_bounding >> i) & 1, prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1);
}

TEST(without_a_status_all_counts_as_ignored)
{
#define BND "\nCapBnd:\t0000000000000001"
#define AMB "\nCapAmb:\t0000000000000000"
	static const char *const bad[] = {
		"",
		"Name:\tx" BND AMB "\n",
		"Name:\tx\nSigIgn:\t000000000000000" BND AMB "\n",
		"Name:\tx\nSigIgn:\t0000000000000001",
	};
	struct proc_status status;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		proc_status_parse(bad[i], &status);
		CHECK(!status.known);
		CHECK(status.signals_ignored == UINT64_MAX);
		CHECK_INT(status.caps_bounding, 0);
	}
	proc_status_parse("Name:\tx\nSigIgn:\t0000000000001000\nCapBnd:\t00000000000000ff\n"
			  "CapAmb:\t0000000000000003\n",
			  &status);
	CHECK(status.known);
	CHECK(status.signals_ignored == 0x1000);
	CHECK_INT(status.caps_bounding, 0xff);
	CHECK_INT(status.caps_ambient, 3);
}

TESTS(T(status_says_what_the_kernel_says), T(without_a_status_all_counts_as_ignored))
