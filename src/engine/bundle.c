/* An OCI bundle of an image: its root filesystem and the configuration that any runtime takes. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "engine/internal.h"
#include "engine/prepare.h"
#include "engine/spec/list.h"

#define HOSTNAME   "corten"
#define CONFIG_MAX (4 * 1024 * 1024)

/* What `run` gives a container whose user asks for nothing, without what only this engine or host has. */
static int build(struct engine *engine, const struct oci_image_run *image, int rootfs_fd,
		 struct arena *arena, struct spec_result *result, struct err *err)
{
	static const char *const shell[] = {"sh"};
	const mount_option_list no_mounts = {0};
	struct engine_container container = {.options = ENGINE_OPTIONS_DEFAULT};
	struct prepared prepared = {0};

	if (image->entrypoint.count == 0 && image->cmd.count == 0)
		container.options.command = (json_strings){(const char **)(uintptr_t)shell, 1};
	host_look(&prepared.host);
	int rc = spec_modes_parse(&container.options, &prepared.modes, err);
	if (rc == 0)
		rc = prepare_security(engine, &container, image, rootfs_fd, arena, &prepared, err);
	if (rc < 0)
		return rc;
	const struct spec_request request = {
		.options = &container.options,
		.image = image,
		.host = &prepared.host,
		.modes = &prepared.modes,
		.security = &prepared.security,
		.account = &prepared.account,
		.caps = prepared.caps,
		.id = HOSTNAME,
		.hostname = HOSTNAME,
		.mounts = {.mounts = &no_mounts},
		.seccomp = prepared.seccomp,
	};
	rc = spec_build(&request, arena, result, err);
	/* Nothing in it is newer, and crun before 1.9 takes no other. */
	result->config.oci_version = "1.0.2";
	return rc;
}

static int write_config(const struct oci_config *config, int bundle_fd, struct err *err)
{
	BUF_AUTO(text, CONFIG_MAX);

	json_write(&oci_config_shape, config, JSON_PRETTY, &text);
	buf_char(&text, '\n');
	int rc = buf_check(&text, "config.json", err);
	if (rc < 0)
		return rc;
	auto_fd fd = openat(bundle_fd, "config.json",
			    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_errno(err, "make 'config.json'");
	rc = fd_write_all(fd, text.data, text.len);
	return rc < 0 ? err_set(err, err_kind_of(-rc), -rc, "write 'config.json'") : 0;
}

static int fill(struct engine *engine, const struct store_image *image, int bundle_fd,
		struct arena *arena, struct err *err)
{
	struct spec_result result;
	const char *program = NULL;

	if (mkdirat(bundle_fd, "rootfs", 0755) < 0)
		return err_errno(err, "make folder 'rootfs'");
	auto_fd rootfs =
		openat(bundle_fd, "rootfs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (rootfs < 0)
		return err_errno(err, "open folder 'rootfs'");
	int rc = paths_find_program(engine, "corten-image", arena, &program, err);
	if (rc == 0)
		rc = store_unpack(engine->store, image, program, rootfs, err);
	if (rc == 0)
		rc = build(engine, &image->config->config, rootfs, arena, &result, err);
	return rc < 0 ? rc : write_config(&result.config, bundle_fd, err);
}

int engine_image_bundle(struct engine *engine, const char *reference, int bundle_fd,
			struct arena *arena, struct err *err)
{
	struct store_image *image = NULL;

	/* Whoever may look into it finds the image's device nodes and set-user-id programs. */
	if (fchmod(bundle_fd, 0700) < 0)
		return err_errno(err, "close the folder to others");
	int rc = store_image_find(engine->store, reference, &image, err);
	if (rc < 0)
		return rc;
	rc = fill(engine, image, bundle_fd, arena, err);
	store_image_free(image);
	return rc;
}
