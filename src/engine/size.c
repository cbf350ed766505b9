#include "base/fd.h"
#include "engine/internal.h"
#include "store/usage.h"

int engine_container_size(struct engine *engine, const struct engine_container *container,
			  struct engine_container_size *ret_size, struct err *err)
{
	struct engine_container_size size = {0};
	struct store_image *image = NULL;
	struct store_usage usage = {0};
	struct err gone;
	auto_fd data = paths_open_data(engine, container->id, &gone);

	/* Before its first start it has no folder. */
	if (data < 0 && gone.kind != ERR_NOT_FOUND) {
		*err = gone;
		return data;
	}
	int rc = data >= 0 ? store_usage_tree(data, "upper", &usage, err) : 0;
	if (rc < 0)
		return err_wrap(err, rc, "container %.12s", container->id);
	size.own_bytes = usage.size_bytes;
	/* An image that was removed by force has no size that could be told. */
	if (store_image_find(engine->store, container->image_id, &image, &gone) == 0)
		size.image_bytes = image->size_bytes;
	store_image_free(image);
	*ret_size = size;
	return 0;
}
