#include "runtime/config.h"

#include "base/test.h"

TEST(unknown_capabilities_are_named_once)
{
	const char *bounding[] = {"CAP_KILL", "CAP_NEW", "CAP_NE", "CAP_NEWER"};
	const char *others[] = {"CAP_NEWER", "CAP_KILL", "CAP_NEW", "NEW"};
	struct oci_capabilities caps = {
		.bounding = {bounding, 4},
		.effective = {others, 4},
		.permitted = {others, 4},
	};
	struct oci_process process = {.capabilities = &caps};
	struct caps_sets sets;
	struct err err = {0};
	struct proc_status self;
	uint64_t dropped;
	BUF_AUTO(unknown, 4096);

	proc_status_read(&self);
	CHECK_INT(config_resolve_caps(&process, &self, &sets, &dropped, &unknown, &err), 0);
	CHECK_STR(unknown.data, "CAP_NEW, CAP_NE, CAP_NEWER, NEW");
}

TESTS(T(unknown_capabilities_are_named_once))
