#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include "engine/internal.h"
#include "engine/spec/list.h"
#include "engine/spec/resources.h"
#include "kern/cgroup/host.h"

static const char *cgroup_text(void)
{
	struct cgroup_host host;
	struct err ignored;

	if (cgroup_host_open(&host, &ignored) < 0)
		return "none";
	enum cgroup_mode mode = host.mode;
	cgroup_host_close(&host);
	return cgroup_mode_name(mode);
}

/* In the form of Docker's SecurityOptions. */
static int security_texts(const struct engine_config *config, const struct spec_host *host,
			  struct arena *arena, json_strings *ret_texts, struct err *err)
{
	const char *profile = config->seccomp_profile != NULL ? config->seccomp_profile : "builtin";
	const char *texts[] = {
		host->apparmor ? "name=apparmor" : NULL,
		host->seccomp ? list_text(arena, "name=seccomp,profile=%s", profile) : NULL,
		host->selinux ? "name=selinux" : NULL,
	};
	int rc = 0;

	if (host->seccomp && texts[1] == NULL)
		return list_no_memory(err);
	for (size_t i = 0; rc == 0 && i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (texts[i] != NULL)
			rc = list_push_text(ret_texts, texts[i], arena, err);
	}
	return rc;
}

int engine_info(struct engine *engine, struct arena *arena, struct engine_info *ret_info,
		struct err *err)
{
	engine_containers containers;
	engine_images images;
	struct spec_host host;
	struct utsname names;
	struct sysinfo memory;
	struct engine_info info = {.root = engine->root, .state = engine->state};
	struct err missing;

	int rc = engine_container_list(engine, arena, &containers, err);
	if (rc == 0)
		rc = engine_image_list(engine, arena, &images, err);
	if (rc != 0)
		return rc;
	info.containers = containers.count;
	for (size_t i = 0; i < containers.count; i++)
		info.running += containers.items[i].status == ENGINE_RUNNING;
	info.images = images.count;
	if (paths_find_program(engine, "corten-runtime", arena, &info.libexec, &missing) < 0)
		info.libexec = "not found";
	host_look(&host);
	info.cpus = host.cpu_count;
	if (sysinfo(&memory) == 0)
		info.memory_bytes = (int64_t)memory.totalram * memory.mem_unit;
	if (uname(&names) == 0) {
		info.kernel = list_text(arena, "%s", names.release);
		info.machine = list_text(arena, "%s", names.machine);
	}
	info.cgroups = cgroup_text();
	info.version = CORTEN_VERSION;
	rc = security_texts(engine->config, &host, arena, &info.security, err);
	if (rc < 0)
		return rc;
	if (info.kernel == NULL || info.machine == NULL)
		return list_no_memory(err);
	*ret_info = info;
	return 0;
}
