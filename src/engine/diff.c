#include "store/diff.h"
#include "engine/internal.h"

struct teller {
	engine_change_fn *change;
	void *arg;
};

static int tell(void *arg, enum store_change change, const char *path, struct err *err)
{
	static const char letters[] = {
		[STORE_ADDED] = 'A', [STORE_CHANGED] = 'C', [STORE_DELETED] = 'D'};
	const struct teller *teller = arg;

	return teller->change(teller->arg, letters[change], path, err);
}

int engine_image_diff(struct engine *engine, const char *reference, const char *base,
		      engine_change_fn *change, void *arg, struct err *err)
{
	struct store_image *image = NULL, *other = NULL;
	struct teller teller = {change, arg};
	json_strings below = {0};

	int rc = store_image_find(engine->store, reference, &image, err);
	if (rc == 0 && base != NULL)
		rc = store_image_find(engine->store, base, &other, err);
	if (rc == 0) {
		below = other != NULL ? other->layers : image->layers;
		/* Without another image: against what its top layer stands on. */
		below.count -= other == NULL && below.count > 0;
		const struct store_diff diff = {&below, &image->layers, tell, &teller};
		rc = store_diff_layers(engine->store, &diff, err);
	}
	store_image_free(image);
	store_image_free(other);
	return rc;
}
