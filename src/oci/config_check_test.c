#include "base/test.h"
#include "oci/runtime_config.h"

/* One document, one fault each; the members that every document needs are added around it. */
struct fault {
	const char *members;
	const char *error; /* NULL: accepted */
};

static void check_faults(const char *before, const char *after, const struct fault *faults,
			 size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct oci_config config;
		struct err err = {0};
		char message[600];
		BUF_AUTO(text, 65536);
		ARENA_AUTO(arena, 1 << 20);

		buf_fmt(&text, "%s%s%s", before, faults[i].members, after);
		int rc = json_parse(&oci_config_shape, text.data, text.len, &arena, &config, &err);
		if (rc < 0)
			TEST_FAIL("%s: not even read", text.data);
		else
			rc = oci_config_check(&config, &err);
		(void)err_format(&err, message, sizeof(message));
		if (faults[i].error != NULL)
			CHECK_STR(message, faults[i].error);
		else if (rc < 0)
			TEST_FAIL("%s: %s", text.data, message);
		CHECK_INT(rc < 0, faults[i].error != NULL);
		if (rc < 0)
			CHECK_INT(err.kind, ERR_INVALID);
	}
}

#define CHECK_FAULTS(before, after, faults) \
	check_faults(before, after, faults, sizeof(faults) / sizeof((faults)[0]))

TEST(check_version)
{
	static const struct fault faults[] = {
		{"1.0.0", NULL},
		{"1.3.0", NULL},
		{"1.0.2-dev", NULL},
		{"1.99.100-rc.1.2+build-5", NULL},
		{"1.0.0-rc5", NULL},
		{"1.2.0+dev", NULL},
		{"", "ociVersion: empty"},
		{"1", "ociVersion: \"1\" is not a semantic version"},
		{"1.0", "ociVersion: \"1.0\" is not a semantic version"},
		{"1.0.", "ociVersion: \"1.0.\" is not a semantic version"},
		{"1.0.0.0", "ociVersion: \"1.0.0.0\" is not a semantic version"},
		{"v1.0.0", "ociVersion: \"v1.0.0\" is not a semantic version"},
		{"01.0.0", "ociVersion: \"01.0.0\" is not a semantic version"},
		{"1.00.0", "ociVersion: \"1.00.0\" is not a semantic version"},
		{"1.0.0-", "ociVersion: \"1.0.0-\" is not a semantic version"},
		{"1.0.0-a..b", "ociVersion: \"1.0.0-a..b\" is not a semantic version"},
		{"1.0.0+", "ociVersion: \"1.0.0+\" is not a semantic version"},
		{"1.0.0 ", "ociVersion: \"1.0.0 \" is not a semantic version"},
		{"0.9.0", "ociVersion: \"0.9.0\" is not supported; 1.x is"},
		{"2.0.0", "ociVersion: \"2.0.0\" is not supported; 1.x is"},
		{"10.0.0", "ociVersion: \"10.0.0\" is not supported; 1.x is"},
	};

	CHECK_FAULTS("{\"ociVersion\":\"", "\",\"root\":{\"path\":\"r\"}}", faults);
}

TEST(check_top)
{
	static const struct fault faults[] = {
		{"\"root\":{\"path\":\"r\"}", NULL},
		{"\"hostname\":\"x\"", "root: missing"},
		{"\"root\":{\"path\":\"\"}", "root.path: empty"},
		{"\"root\":{\"path\":\"r\"},\"mounts\":[{\"destination\":\"relative\"}]", NULL},
		{"\"root\":{\"path\":\"r\"},\"mounts\":[{\"destination\":\"/"
		 "\"},{\"destination\":\"\"}]",
		 "mounts[1].destination: empty"},
		{"\"root\":{\"path\":\"r\"},\"mounts\":[{\"destination\":\"/"
		 "a\",\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":1}]}]",
		 "mounts[0]: uidMappings and gidMappings need each other"},
		{"\"root\":{\"path\":\"r\"},\"annotations\":{\"\":\"x\"}",
		 "annotations: a name is empty"},
		{"\"root\":{\"path\":\"r\"},\"hooks\":{\"poststop\":[{\"path\":\"/a\"},"
		 "{\"path\":\"b\"}]}",
		 "hooks.poststop[1].path: \"b\" is not an absolute path"},
		{"\"root\":{\"path\":\"r\"},\"hooks\":{\"prestart\":[{\"path\":\"/"
		 "a\",\"timeout\":0}]}",
		 "hooks.prestart[0].timeout: 0 is not more than zero"},
	};

	CHECK_FAULTS("{\"ociVersion\":\"1.0.0\",", "}", faults);
}

TEST(check_process)
{
	static const struct fault faults[] = {
		{"\"cwd\":\"/\",\"args\":[\"sh\"]", NULL},
		{"\"cwd\":\"/\",\"args\":[\"sh\"],\"env\":[\"A=\",\"B=x=y\"]", NULL},
		{"\"cwd\":\"/\",\"args\":[\"sh\"],\"env\":[\"A=\",\"NOEQUALS\"]",
		 "process.env[1]: \"NOEQUALS\" is not NAME=VALUE"},
		{"\"cwd\":\"/\",\"args\":[\"sh\"],\"env\":[\"=x\"]",
		 "process.env[0]: \"=x\" is not NAME=VALUE"},
		{"\"cwd\":\"\",\"args\":[\"sh\"]", "process.cwd: \"\" is not an absolute path"},
		{"\"cwd\":\"tmp\",\"args\":[\"sh\"]",
		 "process.cwd: \"tmp\" is not an absolute path"},
		{"\"cwd\":\"/\"", "process.args: missing or empty"},
		{"\"cwd\":\"/\",\"args\":[]", "process.args: missing or empty"},
		{"\"cwd\":\"/\",\"args\":[\"\"]", "process.args[0]: empty"},
		{"\"cwd\":\"/\",\"args\":[\"sh\"],\"user\":{\"uid\":4294967294,\"gid\":0}", NULL},
		{"\"cwd\":\"/\",\"args\":[\"sh\"],\"user\":{\"uid\":4294967295,\"gid\":0}",
		 "process.user.uid: 4294967295 is no user"},
		{"\"cwd\":\"/\",\"args\":[\"sh\"],\"user\":{\"uid\":0,\"gid\":4294967295}",
		 "process.user.gid: 4294967295 is no group"},
		{"\"cwd\":\"/"
		 "\",\"args\":[\"sh\"],\"user\":{\"uid\":0,\"gid\":0,\"additionalGids\":[1,"
		 "4294967295]}",
		 "process.user.additionalGids[1]: 4294967295 is no group"},
		{"\"cwd\":\"/\",\"args\":[\"sh\"],\"user\":{\"uid\":0,\"gid\":0,\"umask\":512}",
		 "process.user.umask: 512 is more than 511 (octal 777)"},
		{"\"cwd\":\"/\",\"args\":[\"sh\"],\"oomScoreAdj\":-1001",
		 "process.oomScoreAdj: -1001 is not in -1000 to 1000"},
		{"\"cwd\":\"/"
		 "\",\"args\":[\"sh\"],\"scheduler\":{\"policy\":\"SCHED_BATCH\",\"nice\":"
		 "-20,\"flags\":[\"SCHED_FLAG_RESET_ON_FORK\"]}",
		 NULL},
		{"\"cwd\":\"/"
		 "\",\"args\":[\"sh\"],\"scheduler\":{\"policy\":\"SCHED_BATCH\",\"nice\":20}",
		 "process.scheduler.nice: 20 is not in -20 to 19"},
		{"\"cwd\":\"/"
		 "\",\"args\":[\"sh\"],\"scheduler\":{\"policy\":\"SCHED_RR\",\"priority\":-1}",
		 "process.scheduler.priority: -1 is negative"},
		{"\"cwd\":\"/"
		 "\",\"args\":[\"sh\"],\"scheduler\":{\"policy\":\"SCHED_FIFO\",\"period\":1}",
		 "process.scheduler: runtime, deadline and period are for SCHED_DEADLINE alone"},
		{"\"cwd\":\"/"
		 "\",\"args\":[\"sh\"],\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"flags\":["
		 "\"SCHED_FLAG_NEW\"]}",
		 "process.scheduler.flags[0]: unknown flag \"SCHED_FLAG_NEW\""},
		{"\"cwd\":\"/\",\"args\":[\"sh\"],\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\","
		 "\"priority\":8}",
		 "process.ioPriority.priority: 8 is not in 0 to 7"},
		{"\"cwd\":\"/"
		 "\",\"args\":[\"sh\"],\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"hard\":1,"
		 "\"soft\":2}]",
		 "process.rlimits[0].soft: 2 is more than the hard limit 1"},
		{"\"cwd\":\"/"
		 "\",\"args\":[\"sh\"],\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"hard\":1,"
		 "\"soft\":1},{\"type\":\"RLIMIT_CORE\",\"hard\":1,\"soft\":1}]",
		 "process.rlimits[1].type: RLIMIT_CORE comes twice"},
	};

	CHECK_FAULTS("{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"process\":{", "}}",
		     faults);
}

#define USER_NS "\"namespaces\":[{\"type\":\"user\"}],"

TEST(check_linux_namespaces_and_ids)
{
	static const struct fault faults[] = {
		{"\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"ipc\",\"path\":\"/proc/1/ns/"
		 "ipc\"}]",
		 NULL},
		{"\"namespaces\":[{\"type\":\"pid\",\"path\":\"\"}]", NULL},
		{"\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"ipc\"},{\"type\":\"pid\"}]",
		 "linux.namespaces[2].type: \"pid\" comes twice"},
		{"\"namespaces\":[{\"type\":\"pid\",\"path\":\"ns/pid\"}]",
		 "linux.namespaces[0].path: \"ns/pid\" is not an absolute path"},
		{"\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":1}]",
		 "linux.uidMappings: needs a namespace of type \"user\""},
		{"\"gidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":1}]",
		 "linux.gidMappings: needs a namespace of type \"user\""},
		{USER_NS "\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":4294967295}]",
		 NULL},
		{USER_NS "\"uidMappings\":[{\"containerID\":1,\"hostID\":0,\"size\":4294967295}]",
		 "linux.uidMappings[0]: the range passes the largest id"},
		{USER_NS "\"gidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":1},"
			 "{\"containerID\":1,\"hostID\":4294967295,\"size\":1}]",
		 "linux.gidMappings[1]: the range passes the largest id"},
		{USER_NS "\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":0}]",
		 "linux.uidMappings[0].size: 0 maps nothing"},
		{"\"timeOffsets\":{\"boottime\":{}}",
		 "linux.timeOffsets: needs a namespace of type \"time\""},
		{"\"namespaces\":[{\"type\":\"time\"}],\"timeOffsets\":{\"realtime\":{}}",
		 "linux.timeOffsets: unknown clock \"realtime\""},
		{"\"namespaces\":[{\"type\":\"time\"}],\"timeOffsets\":{\"boottime\":{\"nanosecs\":"
		 "1000000000}}",
		 "linux.timeOffsets[\"boottime\"].nanosecs: 1000000000 is over a second"},
	};

	CHECK_FAULTS("{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"linux\":{", "}}",
		     faults);
}

TEST(check_user_is_mapped)
{
	static const struct fault faults[] = {
		{"\"uid\":9,\"gid\":5,\"additionalGids\":[5,6]", NULL},
		{"\"uid\":10,\"gid\":5",
		 "process.user.uid: 10 is not mapped in the user namespace; add it to "
		 "linux.uidMappings"},
		{"\"uid\":9,\"gid\":4",
		 "process.user.gid: 4 is not mapped in the user namespace; add it to "
		 "linux.gidMappings"},
		{"\"uid\":9,\"gid\":5,\"additionalGids\":[6,7]",
		 "process.user.additionalGids[1]: 7 is not mapped in the user namespace; add it to "
		 "linux.gidMappings"},
	};

	CHECK_FAULTS(
		"{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"linux\":{\"namespaces\":"
		"[{\"type\":\"user\"}],\"uidMappings\":[{\"containerID\":0,\"hostID\":70,"
		"\"size\":10}],\"gidMappings\":[{\"containerID\":5,\"hostID\":9,\"size\":2}]},"
		"\"process\":{\"cwd\":\"/\",\"args\":[\"a\"],\"user\":{",
		"}}}", faults);
}

TEST(check_linux_devices)
{
	static const struct fault faults[] = {
		{"\"devices\":[{\"path\":\"/dev/"
		 "x\",\"type\":\"c\",\"major\":4095,\"minor\":1048575}]",
		 NULL},
		{"\"devices\":[{\"path\":\"/dev/p\",\"type\":\"p\"}]", NULL},
		{"\"devices\":[{\"path\":\"dev/x\",\"type\":\"c\"}]",
		 "linux.devices[0].path: \"dev/x\" is not an absolute path"},
		{"\"devices\":[{\"path\":\"/dev/x\",\"type\":\"a\"}]",
		 "linux.devices[0].type: \"a\" is none of c, b, u, p"},
		{"\"devices\":[{\"path\":\"/dev/x\",\"type\":\"c\",\"major\":4096,\"minor\":0}]",
		 "linux.devices[0]: 4096:0 is no device number"},
		{"\"devices\":[{\"path\":\"/dev/x\",\"type\":\"b\",\"major\":1,\"minor\":-1}]",
		 "linux.devices[0]: 1:-1 is no device number"},
		{"\"devices\":[{\"path\":\"/dev/x\",\"type\":\"c\"}]",
		 "linux.devices[0].major: missing; a device of type c needs major and minor"},
		{"\"devices\":[{\"path\":\"/dev/x\",\"type\":\"b\",\"major\":0}]",
		 "linux.devices[0].minor: missing; a device of type b needs major and minor"},
		{"\"devices\":[{\"path\":\"/dev/x\",\"type\":\"u\",\"minor\":0}]",
		 "linux.devices[0].major: missing; a device of type u needs major and minor"},
		{"\"devices\":[{\"path\":\"/dev/x\",\"type\":\"p\",\"uid\":4294967295}]",
		 "linux.devices[0].uid: 4294967295 is no user"},
		{"\"devices\":[{\"path\":\"/dev/x\",\"type\":\"p\",\"gid\":4294967295}]",
		 "linux.devices[0].gid: 4294967295 is no group"},
		{"\"namespaces\":[{\"type\":\"network\"}],\"netDevices\":{\"eth0\":{\"name\":"
		 "\"abcdefghijklmno\"},\"eth1\":{}}",
		 NULL},
		{"\"namespaces\":[{\"type\":\"network\"}],\"netDevices\":{\"a\":{\"name\":"
		 "\"eth%d\"},\"b\":{\"name\":\"eth%d\"}}",
		 NULL},
		{"\"netDevices\":{\"eth0\":{}}",
		 "linux.netDevices: needs a namespace of type \"network\""},
		{"\"netDevices\":{\"a\":{\"name\":\"b\"},\"b\":{}}",
		 "linux.netDevices: \"a\" and \"b\" would both be called \"b\""},
		{"\"netDevices\":{\"eth0\":{\"name\":\"abcdefghijklmnop\"}}",
		 "linux.netDevices: \"abcdefghijklmnop\" cannot name a network device"},
		{"\"netDevices\":{\"a/b\":{}}",
		 "linux.netDevices: \"a/b\" cannot name a network device"},
		{"\"netDevices\":{\"..\":{\"name\":\"x\"}}",
		 "linux.netDevices: \"..\" cannot name a network device"},
		{"\"netDevices\":{\"\":{\"name\":\"x\"}}",
		 "linux.netDevices: \"\" cannot name a network device"},
	};

	CHECK_FAULTS("{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"linux\":{", "}}",
		     faults);
}

TEST(check_linux_resources)
{
	static const struct fault faults[] = {
		{"\"devices\":[{\"allow\":true,\"type\":\"\",\"access\":\"\"}]", NULL},
		{"\"devices\":[{\"allow\":true},{\"allow\":true,\"type\":\"u\"}]",
		 "linux.resources.devices[1].type: \"u\" is none of a, b, c"},
		{"\"devices\":[{\"allow\":true,\"access\":\"rwx\"}]",
		 "linux.resources.devices[0].access: \"rwx\" is not made of r, w, m"},
		{"\"memory\":{\"swappiness\":100}", NULL},
		{"\"memory\":{\"swappiness\":101}",
		 "linux.resources.memory.swappiness: 101 is not in 0 to 100"},
		{"\"hugepageLimits\":[{\"pageSize\":\"64KB\",\"limit\":1},{\"pageSize\":\"1GB\","
		 "\"limit\":0}]",
		 NULL},
		{"\"hugepageLimits\":[{\"pageSize\":\"../2MB\",\"limit\":1}]",
		 "linux.resources.hugepageLimits[0].pageSize: \"../2MB\" is not a size such as "
		 "64KB, "
		 "2MB or 1GB"},
		{"\"hugepageLimits\":[{\"pageSize\":\"2\",\"limit\":1}]",
		 "linux.resources.hugepageLimits[0].pageSize: \"2\" is not a size such as 64KB, "
		 "2MB or 1GB"},
		{"\"rdma\":{\"mlx\":{}}",
		 "linux.resources.rdma[\"mlx\"]: needs hcaHandles or hcaObjects"},
		{"\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":0}]}",
		 "linux.resources.blockIO.weightDevice[0]: needs weight or leafWeight"},
	};

	CHECK_FAULTS(
		"{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"linux\":{\"resources\":{",
		"}}}", faults);
}

TEST(check_linux_words)
{
	static const struct fault faults[] = {
		{"\"rootfsPropagation\":\"rslave\"", NULL},
		{"\"rootfsPropagation\":\"\"", NULL},
		{"\"rootfsPropagation\":\"slaves\"",
		 "linux.rootfsPropagation: unknown mode \"slaves\""},
		{"\"maskedPaths\":[\"/a\",\"b\"]",
		 "linux.maskedPaths[1]: \"b\" is not an absolute path"},
		{"\"readonlyPaths\":[\"\"]",
		 "linux.readonlyPaths[0]: \"\" is not an absolute path"},
		{"\"sysctl\":{\"\":\"1\"}", "linux.sysctl: a name is empty"},
		{"\"personality\":{\"domain\":\"LINUX\",\"flags\":[\"X\"]}",
		 "linux.personality.flags: unknown flag \"X\""},
		{"\"intelRdt\":{\"closID\":\"/\"}", NULL},
		{"\"intelRdt\":{\"closID\":\"../x\"}",
		 "linux.intelRdt.closID: \"../x\" cannot name a class"},
		{"\"intelRdt\":{\"closID\":\"..\"}",
		 "linux.intelRdt.closID: \"..\" cannot name a class"},
		{"\"intelRdt\":{\"schemata\":[\"L3:0=f\",\"MB:0=1\\nL3:1=1\"]}",
		 "linux.intelRdt.schemata[1]: holds a line break"},
		{"\"intelRdt\":{\"memBwSchema\":\"\"}", NULL},
		{"\"intelRdt\":{\"memBwSchema\":\"L3:0=1\"}",
		 "linux.intelRdt.memBwSchema: does not start with \"MB:\""},
		{"\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"flags\":[\"MPOL_F_STATIC_NODES\"]}",
		 NULL},
		{"\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"flags\":[\"MPOL_F_NEW\"]}",
		 "linux.memoryPolicy.flags[0]: unknown flag \"MPOL_F_NEW\""},
		{"\"intelRdt\":{\"memBwSchema\":\"MB:0=1\\n\"}",
		 "linux.intelRdt.memBwSchema: holds a line break"},
		{"\"intelRdt\":{\"l3CacheSchema\":\"\\n\"}",
		 "linux.intelRdt.l3CacheSchema: holds a line break"},
	};

	CHECK_FAULTS("{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"linux\":{", "}}",
		     faults);
}

TEST(process_check_uses_its_place)
{
	static const char *args[] = {"sh"};
	struct oci_process process = {.cwd = "x", .args = {args, 1}};
	struct err err;
	char message[200];

	CHECK(oci_process_check(&process, "process.json", &err) < 0);
	CHECK_STR(err_format(&err, message, sizeof(message)),
		  "process.json.cwd: \"x\" is not an absolute path");
}

TESTS(T(check_version), T(check_top), T(check_process), T(check_linux_namespaces_and_ids),
      T(check_user_is_mapped), T(check_linux_devices), T(check_linux_resources),
      T(check_linux_words), T(process_check_uses_its_place))
