#include "engine/spec/build.h"

#include <linux/capability.h>
#include <sys/sysmacros.h>

#include "base/test.h"
#include "engine/spec/environment.h"
#include "engine/spec/list.h"
#include "engine/spec/process.h"

#define LIST(...)                                                                     \
	{                                                                             \
		.items = (const char *[]){__VA_ARGS__},                               \
		.count = sizeof((const char *[]){__VA_ARGS__}) / sizeof(const char *) \
	}

static const struct spec_host host = {.cpu_count = 2,
				      .swap_limit = true,
				      .all_caps = (UINT64_C(1) << 41) - 1,
				      .hostname = "metal"};
static const char id[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

struct built {
	struct arena arena;
	int rc;
	char error[512];
	struct spec_result result;
	struct spec_modes modes;
	struct security security;
	struct account account;
	struct spec_labels labels;
	mount_option_list mounts;
	uint32_t gids[1];
};

static void done(struct built *b)
{
	arena_done(&b->arena);
}
#define BUILT __attribute__((cleanup(done))) struct built b = {.arena = ARENA_INIT(1 << 20)}

static int prepare(struct built *b, const struct engine_options *options,
		   const struct oci_image_run *image, struct spec_request *request, struct err *err)
{
	b->account = (struct account){.home = "/root", .groups = {b->gids, 1}};
	int rc = spec_modes_parse(options, &b->modes, err);
	if (rc == 0)
		rc = security_parse(&options->security, &b->security, err);
	if (rc == 0)
		rc = mounts_collect(options, image, &b->arena, &b->mounts, err);
	if (rc == 0)
		rc = security_caps(&options->cap_add, &options->cap_drop, options->privileged,
				   host.all_caps, &request->caps, err);
	for (size_t i = 0; i < b->mounts.count; i++) {
		if (b->mounts.items[i].type == MOUNT_OPTION_VOLUME)
			b->mounts.items[i].source = "/volumes/0";
	}
	return rc;
}

static void build(struct built *b, const struct engine_options *options,
		  const struct oci_image_run *image)
{
	struct err err = {0};
	struct spec_request request = {
		.options = options,
		.image = image,
		.host = &host,
		.modes = &b->modes,
		.security = &b->security,
		.account = &b->account,
		.labels = b->labels,
		.id = id,
		.mounts = {.mounts = &b->mounts,
			   .shm_size = options->shm_size,
			   .privileged = options->privileged,
			   .hosts_file = "/run/c/hosts"},
		.cgroups_path = "/corten/x",
	};

	b->rc = prepare(b, options, image, &request, &err);
	request.mounts.ipc_host = b->modes.host_ipc;
	request.hostname = spec_hostname(options, &b->modes, &host, id, &b->arena);
	if (b->rc == 0)
		b->rc = spec_build(&request, &b->arena, &b->result, &err);
	if (b->rc == 0)
		b->rc = oci_config_check(&b->result.config, &err);
	err_format(&err, b->error, sizeof(b->error));
}

static const struct oci_image_run shell = {.cmd = LIST("sh")};

/* A mount without a destination when there is none. */
static const struct oci_mount *mount_at(const struct built *b, const char *target)
{
	static const struct oci_mount absent;

	for (size_t i = 0; i < b->result.config.mounts.count; i++) {
		if (strcmp(b->result.config.mounts.items[i].destination, target) == 0)
			return &b->result.config.mounts.items[i];
	}
	return &absent;
}

TEST(defaults_are_dockers)
{
	static const struct engine_options options;
	BUILT;

	build(&b, &options, &shell);
	CHECK_STR(b.error, "");
	REQUIRE(b.rc == 0);
	const struct oci_process *process = b.result.config.process;
	CHECK_STR(process->args.items[0], "sh");
	CHECK_STR(process->cwd, "/");
	CHECK_INT(process->capabilities->bounding.count, 14);
	CHECK_INT(process->capabilities->effective.count, 14);
	CHECK_INT(process->capabilities->inheritable.count, 0);
	CHECK_INT(process->capabilities->ambient.count, 0);
	CHECK(!process->no_new_privileges);
	CHECK_STR(b.result.config.hostname, "0123456789ab");
	CHECK_STR(environment_get(&process->env, "HOSTNAME"), "0123456789ab");
	CHECK_STR(environment_get(&process->env, "HOME"), "/root");
	CHECK(environment_get(&process->env, "TERM") == NULL);
	CHECK_INT(b.result.config.linux->namespaces.count, 6);
	CHECK(!b.result.config.root->readonly);
	CHECK(list_has(&b.result.config.linux->masked_paths, "/proc/kcore"));
	CHECK(list_has(&b.result.config.linux->readonly_paths, "/proc/sys"));
	REQUIRE(mount_at(&b, "/sys")->destination != NULL);
	CHECK(list_has(&mount_at(&b, "/sys")->options, "ro"));
	REQUIRE(mount_at(&b, "/dev/shm")->destination != NULL);
	CHECK(list_has(&mount_at(&b, "/dev/shm")->options, "size=67108864"));
	REQUIRE(b.result.config.linux->resources->devices.count > 1);
	CHECK(!b.result.config.linux->resources->devices.items[0].allow);
	CHECK_INT(b.result.config.linux->devices.count, 0);
}

TEST(a_document_comes_out)
{
	static const struct engine_options options = {.memory = "64m", .tty = true};
	BUILT;
	BUF_AUTO(text, 1 << 20);
	struct oci_config again;
	struct err err;

	build(&b, &options, &shell);
	REQUIRE(b.rc == 0);
	json_write(&oci_config_shape, &b.result.config, JSON_COMPACT, &text);
	REQUIRE(json_parse(&oci_config_shape, text.data, text.len, &b.arena, &again, &err) == 0);
	REQUIRE(again.linux != NULL && again.linux->resources != NULL);
	CHECK_INT(*again.linux->resources->memory->limit_bytes, 64 << 20);
	CHECK_INT(*again.linux->resources->memory->swap_bytes, 128 << 20);
	CHECK(again.process->terminal);
}

TEST(image_and_user_meet)
{
	const struct oci_image_run image = {
		.entrypoint = LIST("/entry"),
		.cmd = LIST("a", "b"),
		.env = LIST("PATH=/bin", "A=1"),
		.working_dir = "/srv",
		.labels = {(struct json_pair[]){{"run.oci.hooks", "x"}}, 1},
	};
	const struct engine_options options = {.env = LIST("A=2", "HOSTNAME=mine"),
					       .hostname = "web"};
	BUILT;

	build(&b, &options, &image);
	REQUIRE(b.rc == 0);
	const struct oci_process *process = b.result.config.process;
	REQUIRE(process->args.count == 3);
	CHECK_STR(process->args.items[0], "/entry");
	CHECK_STR(environment_get(&process->env, "A"), "2");
	CHECK_STR(environment_get(&process->env, "PATH"), "/bin");
	CHECK_STR(environment_get(&process->env, "HOSTNAME"), "mine");
	CHECK_STR(process->cwd, "/srv");
	CHECK_STR(b.result.config.hostname, "web");
	CHECK_INT(b.result.config.annotations.count, 0);
}

TEST(entrypoint_replaces_the_images_command)
{
	const struct oci_image_run image = {.entrypoint = LIST("/entry"), .cmd = LIST("a")};
	struct engine_options options = {.entrypoint = "/mine"};
	{
		BUILT;
		build(&b, &options, &image);
		CHECK_INT(b.result.config.process->args.count, 1);
		CHECK_STR(b.result.config.process->args.items[0], "/mine");
	}
	options = (struct engine_options){.entrypoint = "", .command = LIST("ls", "-l")};
	{
		BUILT;
		build(&b, &options, &image);
		CHECK_INT(b.result.config.process->args.count, 2);
		CHECK_STR(b.result.config.process->args.items[0], "ls");
	}
	options = (struct engine_options){.entrypoint = ""};
	BUILT;
	build(&b, &options, &image);
	CHECK_STR(b.error, "No command specified");
}

TEST(mounts_in_order)
{
	const struct oci_image_run image = {
		.cmd = LIST("sh"), .volumes = {(struct oci_set_entry[]){{"/data"}, {"/a/b"}}, 2}};
	const struct engine_options options = {.volumes = LIST("/h:/a/b/c:ro", "/h2:/a"),
					       .tmpfs = LIST("/run:exec,size=1m")};
	BUILT;
	size_t a = 0, deep = 0;

	build(&b, &options, &image);
	REQUIRE(b.rc == 0);
	for (size_t i = 0; i < b.result.config.mounts.count; i++) {
		const char *target = b.result.config.mounts.items[i].destination;
		a = strcmp(target, "/a") == 0 ? i : a;
		deep = strcmp(target, "/a/b/c") == 0 ? i : deep;
	}
	CHECK(a < deep);
	CHECK(list_has(&mount_at(&b, "/a/b/c")->options, "ro"));
	CHECK(list_has(&mount_at(&b, "/a/b/c")->options, "rbind"));
	REQUIRE(mount_at(&b, "/run")->destination != NULL);
	CHECK(!list_has(&mount_at(&b, "/run")->options, "noexec"));
	CHECK(list_has(&mount_at(&b, "/run")->options, "nosuid"));
	CHECK(list_has(&mount_at(&b, "/run")->options, "size=1m"));
	CHECK_STR(mount_at(&b, "/data")->source, "/volumes/0");
	CHECK_STR(mount_at(&b, "/etc/hosts")->source, "/run/c/hosts");
	const json_strings *words = &mount_at(&b, "/etc/hosts")->options;
	REQUIRE(words->count == 5);
	CHECK_STR(words->items[2], "nosuid");
	CHECK_STR(words->items[3], "nodev");
	CHECK_STR(words->items[4], "noexec");
}

TEST(a_users_mount_replaces_a_default)
{
	const struct engine_options options = {.volumes = LIST("/dev:/dev", "/x:/etc/hosts")};
	BUILT;

	build(&b, &options, &shell);
	REQUIRE(b.rc == 0);
	CHECK_STR(mount_at(&b, "/dev")->type, "bind");
	CHECK(mount_at(&b, "/dev/pts")->destination == NULL);
	CHECK_STR(mount_at(&b, "/etc/hosts")->source, "/x");
}

TEST(hosts_namespaces)
{
	const struct engine_options options = {
		.network = "host", .ipc = "host", .pid = "host", .uts = "host"};
	BUILT;

	build(&b, &options, &shell);
	REQUIRE(b.rc == 0);
	CHECK_INT(b.result.config.linux->namespaces.count, 2);
	CHECK(b.result.config.hostname == NULL);
	CHECK_STR(mount_at(&b, "/dev/shm")->type, "bind");
	CHECK_INT(b.result.config.linux->sysctl.count, 0);
}

TEST(privileged)
{
	const struct engine_options options = {.privileged = true};
	BUILT;

	build(&b, &options, &shell);
	REQUIRE(b.rc == 0);
	CHECK_INT(b.result.config.process->capabilities->bounding.count, 41);
	CHECK_INT(b.result.config.linux->masked_paths.count, 0);
	CHECK_INT(b.result.config.linux->readonly_paths.count, 0);
	CHECK(!list_has(&mount_at(&b, "/sys")->options, "ro"));
	CHECK_INT(b.result.config.linux->resources->devices.count, 1);
	CHECK_STR(b.result.config.linux->resources->devices.items[0].type, "a");
}

TEST(resources)
{
	const struct engine_options options = {.memory = "1g",
					       .memory_swap = "-1",
					       .memory_reservation = "512m",
					       .cpus = "1.5",
					       .cpu_shares = "512",
					       .cpuset_cpus = "0-1",
					       .pids_limit = "100",
					       .devices = LIST("/dev/null:/dev/n:r"),
					       .ulimits = LIST("nofile=64:64", "nofile=32:32"),
					       .oom_score_adj = "500"};
	BUILT;

	build(&b, &options, &shell);
	CHECK_STR(b.error, "");
	REQUIRE(b.rc == 0);
	const struct oci_resources *r = b.result.config.linux->resources;
	CHECK_INT(*r->memory->limit_bytes, 1 << 30);
	CHECK_INT(*r->memory->swap_bytes, -1);
	CHECK_INT(*r->cpu->quota_us, 150000);
	CHECK_INT(*r->cpu->period_us, 100000);
	CHECK_INT(*r->cpu->shares, 512);
	CHECK_STR(r->cpu->cpus, "0-1");
	CHECK_INT(*r->pids->limit, 100);
	REQUIRE(b.result.config.linux->devices.count == 1);
	CHECK_INT(*b.result.config.linux->devices.items[0].minor, 3);
	CHECK_STR(r->devices.items[r->devices.count - 1].access, "r");
	REQUIRE(b.result.config.process->rlimits.count == 1);
	CHECK_INT(b.result.config.process->rlimits.items[0].hard, 32);
	CHECK_INT(*b.result.config.process->oom_score_adj, 500);
}

struct refusal {
	struct engine_options options;
	const char *text;
};

TEST(refused)
{
	const struct refusal rows[] = {
		{{.memory = "1m"}, "Minimum memory limit allowed is 6MB"},
		{{.cpus = "64"},
		 "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available"},
		{{.network = "bridge"},
		 "--network bridge is not built yet: use none (the default) or host"},
		{{.pid = "container:x"},
		 "--pid container:x is not built yet: host and private are"},
		{{.ipc = "nosuch"}, "--ipc: invalid mode: nosuch"},
		{{.uts = "host", .hostname = "a"},
		 "conflicting options: hostname and the UTS mode"},
		{{.sysctls = LIST("kernel.panic=1")},
		 "sysctl 'kernel.panic' is not allowed: it is not namespaced"},
		{{.network = "host", .sysctls = LIST("net.a=1")},
		 "sysctl 'net.a' is not allowed in the host's namespace"},
		{{.sysctls = LIST("net.a")}, "--sysctl 'net.a': the value is missing"},
		{{.workdir = "srv"},
		 "the working directory 'srv' is invalid, it needs to be an absolute path"},
		{{.volumes = LIST("/a:/x", "/b:/x/")}, "Duplicate mount point: /x"},
		{{.devices = LIST("/etc/passwd")}, "--device /etc/passwd: not a device node"},
		{{.memory_swap = "1g"},
		 "You should always set the Memory limit when using Memoryswap limit"},
		{{.cpus = "1", .cpu_quota = "1000"},
		 "Conflicting options: --cpus and --cpu-quota or --cpu-period cannot both be set"},
		{{.pids_limit = "many"}, "--pids-limit: 'many' is not a whole number"},
		{{.oom_score_adj = "2000"}, "--oom-score-adj: 2000 is not between -1000 and 1000"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		BUILT;
		build(&b, &rows[i].options, &shell);
		CHECK(b.rc < 0);
		CHECK_STR(b.error, rows[i].text);
	}
}

TEST(labels_have_their_places)
{
	static const struct engine_options options;
	BUILT;

	build(&b, &options, &shell);
	REQUIRE(b.rc == 0);
	CHECK(b.result.process.apparmor_profile == NULL);
	CHECK(b.result.process.selinux_label == NULL);
	CHECK(b.result.linux_part.mount_label == NULL);
	b.labels = (struct spec_labels){"profile", "u:r:t", "u:r:f"};
	build(&b, &options, &shell);
	REQUIRE(b.rc == 0);
	CHECK_STR(b.result.process.apparmor_profile, "profile");
	CHECK_STR(b.result.process.selinux_label, "u:r:t");
	CHECK_STR(b.result.linux_part.mount_label, "u:r:f");
}

TEST(no_swap_accounting_is_a_warning)
{
	static const struct engine_options options = {.memory = "64m"};
	ARENA_AUTO(arena, 65536);
	struct spec_host poor = host;
	struct oci_linux config = {0};
	json_strings warnings = {0};
	struct err err;

	poor.swap_limit = false;
	CHECK_INT(resources_build(&options, &poor, &arena, &config, &warnings, &err), 0);
	CHECK_INT(warnings.count, 1);
	CHECK(config.resources->memory->swap_bytes == NULL);
}

TEST(who_is_not_root_has_no_effective_capabilities)
{
	ARENA_AUTO(arena, 1 << 20);
	struct err err;
	struct oci_process process;
	uint32_t gid = 7;
	struct account account = {.uid = 1000, .gid = 7, .home = "/", .groups = {&gid, 1}};
	struct process_request request = {.args = LIST("x"), .account = &account, .caps = 3};

	CHECK_INT(process_build(&request, &arena, &process, &err), 0);
	CHECK_INT(process.capabilities->bounding.count, 2);
	CHECK_INT(process.capabilities->effective.count, 0);
	CHECK_INT(process.capabilities->permitted.count, 0);
	CHECK_INT(process.user.uid, 1000);
}

TESTS(T(defaults_are_dockers), T(a_document_comes_out), T(image_and_user_meet),
      T(entrypoint_replaces_the_images_command), T(mounts_in_order),
      T(a_users_mount_replaces_a_default), T(hosts_namespaces), T(privileged), T(resources),
      T(refused), T(labels_have_their_places), T(no_swap_accounting_is_a_warning),
      T(who_is_not_root_has_no_effective_capabilities))
