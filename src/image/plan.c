#include "image/plan.h"

#include <errno.h>
#include <string.h>

#include "image/digest.h"
#include "image/limits.h"
#include "image/plan_internal.h"
#include "store/reference.h"

static int full(struct err *err)
{
	return err_set(err, ERR_INVALID, ENOMEM,
		       "the archive's documents are larger than %zu bytes together",
		       IMAGE_ARENA_BYTES_MAX);
}

/* An array in the arena doubles when its count is a power of two. */
static void *grow(struct plan *plan, void *items, size_t count, size_t size)
{
	if ((count & (count - 1)) != 0)
		return items;
	void *more = arena_alloc(&plan->arena, (count == 0 ? 1 : 2 * count) * size);
	if (more != NULL && count > 0)
		memcpy(more, items, count * size);
	return more;
}

int plan_hex(const char *digest, const char **ret_hex, struct err *err)
{
	if (strncmp(digest, "sha256:", 7) != 0 || !reference_is_hex64(digest + 7))
		return err_set(err, ERR_UNSUPPORTED, 0, "digest '%.100s': only sha256 is supported",
			       digest);
	*ret_hex = digest + 7;
	return 0;
}

int plan_add_name(struct plan *plan, struct plan_image *image, const char *name, struct err *err)
{
	struct reference ref;

	int rc = reference_parse(name, &ref, err);
	if (rc < 0)
		return rc;
	const char **items =
		grow(plan, image->names.items, image->names.count, sizeof(*image->names.items));
	char *copy = arena_strndup(&plan->arena, name, strlen(name));
	if (items == NULL || copy == NULL)
		return full(err);
	items[image->names.count++] = copy;
	image->names.items = items;
	return 0;
}

static int check_config(const struct oci_image_config *config, struct err *err)
{
	const char *hex = NULL;

	int rc = oci_image_config_check(config, err);
	if (rc < 0)
		return rc;
	if (config->rootfs.diff_ids.count > IMAGE_LAYERS_MAX)
		return err_set(err, ERR_INVALID, E2BIG, "%zu layers, more than %d",
			       config->rootfs.diff_ids.count, IMAGE_LAYERS_MAX);
	if (config->os != NULL && config->os[0] != '\0' && strcmp(config->os, "linux") != 0)
		return err_set(err, ERR_UNSUPPORTED, 0, "an image for '%.50s', not for linux",
			       config->os);
	for (size_t i = 0; i < config->rootfs.diff_ids.count && rc == 0; i++)
		rc = plan_hex(config->rootfs.diff_ids.items[i], &hex, err);
	return rc;
}

int plan_add_image(struct plan *plan, const struct archive_text *config,
		   struct plan_image **ret_image, struct oci_image_config **ret_config,
		   struct err *err)
{
	struct oci_image_config *parsed = arena_alloc(&plan->arena, sizeof(*parsed));
	struct plan_image *images =
		grow(plan, plan->images, plan->image_count, sizeof(*plan->images));

	if (parsed == NULL || images == NULL)
		return full(err);
	if (plan->image_count >= IMAGE_IMAGES_MAX)
		return err_set(err, ERR_INVALID, E2BIG, "more than %d images", IMAGE_IMAGES_MAX);
	plan->images = images;
	int rc = json_parse(&oci_image_config_shape, config->data, config->len, &plan->arena,
			    parsed, err);
	if (rc == 0)
		rc = check_config(parsed, err);
	if (rc < 0)
		return err_wrap(err, rc, "image configuration");
	struct plan_image *image = &images[plan->image_count++];
	*image = (struct plan_image){.config = *config};
	*ret_image = image;
	*ret_config = parsed;
	return digest_of(config->data, config->len, image->id, err);
}

int plan_add_layer(struct plan *plan, const struct plan_layer *layer, const char *diff_id,
		   struct err *err)
{
	const char *hex = NULL;

	int rc = plan_hex(diff_id, &hex, err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < plan->layer_count; i++) {
		if (strcmp(plan->layers[i].diff_id, hex) == 0)
			return 0;
	}
	struct plan_layer *layers =
		grow(plan, plan->layers, plan->layer_count, sizeof(*plan->layers));
	if (layers == NULL)
		return full(err);
	if (plan->layer_count >= IMAGE_TOTAL_LAYERS_MAX)
		return err_set(err, ERR_INVALID, E2BIG, "more than %d layers",
			       IMAGE_TOTAL_LAYERS_MAX);
	plan->layers = layers;
	struct plan_layer *added = &layers[plan->layer_count++];
	*added = *layer;
	memcpy(added->diff_id, hex, sizeof(added->diff_id));
	added->member = arena_strndup(&plan->arena, layer->member, strlen(layer->member));
	return added->member ? 0 : full(err);
}

/*
 * An archive of today's Docker is both kinds at once. The OCI side is preferred: there every byte
 * has a digest.
 */
int plan_read(const struct archive *archive, const struct platform *platform, struct plan *ret_plan,
	      struct err *err)
{
	struct plan plan = {.arena = ARENA_INIT(IMAGE_ARENA_BYTES_MAX)};
	int rc;

	if (archive_has(archive, "index.json"))
		rc = plan_read_oci(archive, platform, &plan, err);
	else if (archive_has(archive, "manifest.json"))
		rc = plan_read_docker(archive, &plan, err);
	else
		rc = err_set(err, ERR_INVALID, EINVAL,
			     "it is no image: neither 'index.json' (OCI) nor 'manifest.json' "
			     "(docker save) is in it; a root filesystem is for `import`");
	if (rc < 0) {
		plan_done(&plan);
		return rc;
	}
	*ret_plan = plan;
	return 0;
}

void plan_done(struct plan *plan)
{
	arena_done(&plan->arena);
	*plan = (struct plan){0};
}
