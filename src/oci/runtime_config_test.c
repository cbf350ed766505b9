#include "oci/runtime_config.h"

#include <stdlib.h>

#include "oci/oci_test.h"

static const char *const config_files[] = {"config_runc_spec.json", "config_podman.json",
					   "config_docker.json", "config_everything.json"};
#define CONFIG_FILES (sizeof(config_files) / sizeof(config_files[0]))

TEST(config_files_are_read_checked_and_written)
{
	for (size_t i = 0; i < CONFIG_FILES; i++) {
		struct oci_config config;
		struct oci_seccomp seccomp;
		struct err err;
		char message[600];
		BUF_AUTO(text, DOCUMENT_MAX);
		ARENA_AUTO(arena, DOCUMENT_MAX);

		if (document_read(config_files[i], &text) < 0 ||
		    document_parse(&oci_config_shape, &text, &arena, &config) < 0)
			continue;
		if (oci_config_check(&config, &err) < 0)
			TEST_FAIL("%s: %s", config_files[i],
				  err_format(&err, message, sizeof(message)));
		const struct json_text *raw = &config.linux->seccomp;
		if (raw->len > 0)
			CHECK_INT(json_parse(&oci_seccomp_shape, raw->text, raw->len, &arena,
					     &seccomp, &err),
				  0);
		document_round_trip(&oci_config_shape, config_files[i], JSON_COMPACT);
		document_round_trip(&oci_config_shape, config_files[i], JSON_PRETTY);
	}
}

TEST(config_of_runc_spec)
{
	struct oci_config config;
	BUF_AUTO(text, DOCUMENT_MAX);
	ARENA_AUTO(arena, DOCUMENT_MAX);

	if (document_read("config_runc_spec.json", &text) < 0 ||
	    document_parse(&oci_config_shape, &text, &arena, &config) < 0)
		return;
	CHECK_STR(config.oci_version, "1.2.1");
	CHECK_STR(config.hostname, "runc");
	CHECK_STR(config.root->path, "rootfs");
	CHECK(config.root->readonly);
	CHECK(config.process->terminal);
	CHECK(config.process->no_new_privileges);
	CHECK_INT(config.process->args.count, 1);
	CHECK_STR(config.process->args.items[0], "sh");
	CHECK_INT(config.process->capabilities->bounding.count, 3);
	CHECK_INT(config.process->capabilities->inheritable.count, 0);
	CHECK_INT(config.process->rlimits.items[0].type, OCI_RLIMIT_NOFILE);
	CHECK_INT(config.process->rlimits.items[0].hard, 1024);
	CHECK(config.process->oom_score_adj == NULL);
	CHECK_INT(config.mounts.count, 7);
	CHECK_STR(config.mounts.items[2].destination, "/dev/pts");
	CHECK_STR(config.mounts.items[2].options.items[5], "gid=5");
	CHECK_INT(config.linux->masked_paths.count, 10);
	CHECK(!config.linux->resources->devices.items[0].allow);
	CHECK(config.linux->resources->devices.items[0].major == NULL);
	CHECK(config.linux->resources->memory == NULL);
	CHECK(oci_config_namespace(&config, OCI_NS_MOUNT) != NULL);
	CHECK(oci_config_namespace(&config, OCI_NS_USER) == NULL);
	CHECK_INT(config.linux->seccomp.len, 0);
}

TEST(config_of_podman)
{
	struct oci_config config;
	struct oci_seccomp seccomp;
	struct err err;
	BUF_AUTO(text, DOCUMENT_MAX);
	ARENA_AUTO(arena, DOCUMENT_MAX);

	if (document_read("config_podman.json", &text) < 0 ||
	    document_parse(&oci_config_shape, &text, &arena, &config) < 0)
		return;
	CHECK_INT(*config.process->user.umask, 18);
	CHECK_INT(config.process->user.additional_gids.items[6], 10);
	CHECK(*config.process->oom_score_adj == 0);
	CHECK_INT(*config.linux->resources->memory->limit_bytes, 134217728);
	CHECK_INT(*config.linux->resources->pids->limit, 2048);
	CHECK_INT(*config.linux->resources->cpu->quota_us, 50000);
	CHECK(config.linux->resources->cpu->shares == NULL);
	CHECK_INT(config.linux->uid_mappings.items[1].size, 65536);
	CHECK_INT(config.mounts.items[9].uid_mappings.items[0].host_id, 1000);
	CHECK_STR(oci_config_namespace(&config, OCI_NS_NETWORK)->path,
		  "/run/user/1000/netns/netns-1");
	CHECK_STR(oci_annotation_get(&config.annotations, "io.container.manager"), "libpod");
	CHECK(oci_annotation_get(&config.annotations, "io.container") == NULL);
	CHECK_INT(*config.hooks->create_container.items[0].timeout_s, 5);
	REQUIRE(json_parse(&oci_seccomp_shape, config.linux->seccomp.text,
			   config.linux->seccomp.len, &arena, &seccomp, &err) == 0);
	CHECK_STR(seccomp.default_action, "SCMP_ACT_ERRNO");
	CHECK_INT(*seccomp.default_errno_ret, 38);
	CHECK_INT(seccomp.syscalls.count, 4);
	CHECK_INT(seccomp.syscalls.items[3].args.items[0].value, 2114060288);
	CHECK_STR(seccomp.syscalls.items[3].args.items[0].op, "SCMP_CMP_MASKED_EQ");
}

TEST(config_of_docker)
{
	struct oci_config config;
	BUF_AUTO(text, DOCUMENT_MAX);
	ARENA_AUTO(arena, DOCUMENT_MAX);

	if (document_read("config_docker.json", &text) < 0 ||
	    document_parse(&oci_config_shape, &text, &arena, &config) < 0)
		return;
	CHECK_INT(config.process->user.uid, 101);
	CHECK_STR(config.process->apparmor_profile, "docker-default");
	CHECK_STR(config.hooks->prestart.items[0].args.items[0], "libnetwork-setkey");
	CHECK(config.linux->resources->pids->limit == NULL);
	CHECK(*config.linux->resources->cpu->shares == 0);
	CHECK(*config.linux->resources->block_io->weight == 0);
	CHECK(!*config.linux->resources->memory->disable_oom_killer);
	CHECK_INT(*config.linux->resources->devices.items[2].minor, 3);
	CHECK_STR(config.linux->cgroups_path, "system.slice:docker:7d1e");
	CHECK_STR(config.linux->sysctl.items[1].value, "0 2147483647");
}

/* Counts the table's names that the text does not hold. */
static void check_names(const struct json_shape *shape, const char *text)
{
	char name[64];

	for (size_t i = 0; i < shape->count; i++) {
		const struct json_field *field = &shape->fields[i];
		(void)snprintf(name, sizeof(name), "\"%s\":", field->name);
		if (strstr(text, name) == NULL)
			TEST_FAIL("%s: %s is not written", shape->name, name);
		if (field->type == JSON_TYPE_OBJECT)
			check_names(field->shape, text);
	}
}

TEST(config_with_every_member)
{
	struct oci_config config;
	struct oci_linux *linux;
	BUF_AUTO(text, DOCUMENT_MAX);
	BUF_AUTO(out, DOCUMENT_MAX);
	ARENA_AUTO(arena, DOCUMENT_MAX);

	if (document_read("config_everything.json", &text) < 0 ||
	    document_parse(&oci_config_shape, &text, &arena, &config) < 0)
		return;
	json_write(&oci_config_shape, &config, JSON_COMPACT, &out);
	check_names(&oci_config_shape, out.data);
	/* Nothing was lost: the document was written without space too and holds no plain zero. */
	CHECK_INT(out.len, text.len - 1);
	linux = config.linux;
	CHECK_INT(config.process->scheduler->policy, OCI_SCHED_DEADLINE);
	CHECK_INT(config.process->io_priority->class, OCI_IO_CLASS_IDLE);
	CHECK_STR(config.process->exec_cpu_affinity->final, "0-3,7");
	CHECK_INT(config.process->rlimits.count, OCI_RLIMIT_COUNT);
	for (size_t i = 0; i < config.process->rlimits.count; i++)
		CHECK_INT(config.process->rlimits.items[i].type, i);
	CHECK_INT(linux->namespaces.count, OCI_NS_COUNT);
	for (size_t i = 0; i < linux->namespaces.count; i++)
		CHECK_INT(linux->namespaces.items[i].type, i);
	CHECK_STR(linux->resources->rdma.items[0].device, "mlx5_1");
	CHECK_INT(*linux->resources->rdma.items[0].hca_objects, 10000);
	CHECK_INT(linux->time_offsets.items[1].secs, -604800);
	CHECK_STR(linux->time_offsets.items[1].clock, "boottime");
	CHECK_STR(linux->net_devices.items[0].name, "container_eth0");
	CHECK(linux->net_devices.items[1].name == NULL);
	CHECK_INT(linux->memory_policy->mode, OCI_MPOL_INTERLEAVE);
	CHECK_INT(linux->personality->domain, OCI_PER_LINUX32);
	CHECK_INT(*linux->devices.items[0].file_mode, 0666);
	CHECK(linux->devices.items[1].file_mode == NULL);
	CHECK(config.vm.len > 0 && config.freebsd.len > 0);
}

TEST(config_errors_name_the_place)
{
	static const struct {
		const char *document;
		const char *error;
	} cases[] = {
		{"{}", "ociVersion: missing"},
		{"{\"ociVersion\":1}", "ociVersion: expected a string"},
		{"{\"ociVersion\":\"1.0.0\",\"process\":{}}", "process.cwd: missing"},
		{"{\"ociVersion\":\"1.0.0\",\"root\":{}}", "root.path: missing"},
		{"{\"ociVersion\":\"1.0.0\",\"mounts\":[{\"destination\":\"/"
		 "a\"},{\"source\":\"x\"}]}",
		 "mounts[1].destination: missing"},
		{"{\"ociVersion\":\"1.0.0\",\"mounts\":[{\"destination\":3}]}",
		 "mounts[0].destination: expected a string"},
		{"{\"ociVersion\":\"1.0.0\",\"linux\":{\"resources\":{\"memory\":{\"limit\":\"5m\"}"
		 "}}}",
		 "linux.resources.memory.limit: expected an integer"},
		{"{\"ociVersion\":\"1.0.0\",\"linux\":{\"namespaces\":[{\"type\":\"pids\"}]}}",
		 "linux.namespaces[0].type: unknown value \"pids\""},
		{"{\"ociVersion\":\"1.0.0\",\"linux\":{\"namespaces\":[{}]}}",
		 "linux.namespaces[0].type: missing"},
		{"{\"ociVersion\":\"1.0.0\",\"linux\":{\"sysctl\":{\"a.b\":1}}}",
		 "linux.sysctl[\"a.b\"]: expected a string"},
		{"{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":\"/\",\"user\":{\"uid\":-1}}}",
		 "process.user.uid: expected an integer from 0 to 4294967295"},
		{"{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":\"/\",\"rlimits\":[{\"type\":"
		 "\"RLIMIT_FOO\"}]}}",
		 "process.rlimits[0].type: unknown value \"RLIMIT_FOO\""},
		{"{\"ociVersion\":\"1.0.0\",\"linux\":{\"seccomp\":{\"syscalls\":[}}}",
		 "line 1, column 55: expected a value"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct oci_config config;
		struct err err = {0};
		char message[600];
		ARENA_AUTO(arena, DOCUMENT_MAX);

		CHECK(json_parse(&oci_config_shape, cases[i].document, strlen(cases[i].document),
				 &arena, &config, &err) < 0);
		CHECK_STR(err_format(&err, message, sizeof(message)), cases[i].error);
	}
}

TEST(resources_are_read_alone)
{
	static const char text[] =
		"{\"memory\":{\"limit\":-1},\"unified\":{\"memory.max\":\"max\"}}";
	struct oci_resources resources;
	struct err err;
	ARENA_AUTO(arena, DOCUMENT_MAX);

	REQUIRE(json_parse(&oci_resources_shape, text, sizeof(text) - 1, &arena, &resources,
			   &err) == 0);
	CHECK(*resources.memory->limit_bytes == -1);
	CHECK_STR(resources.unified.items[0].key, "memory.max");
}

TESTS(T(config_files_are_read_checked_and_written), T(config_of_runc_spec), T(config_of_podman),
      T(config_of_docker), T(config_with_every_member), T(config_errors_name_the_place),
      T(resources_are_read_alone))
