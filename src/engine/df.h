/*
 * df.h - what every byte beneath --root is for.
 *
 * Purpose    `system df`: the root's files, each counted once and put down to one thing, so that the sum is what du
 *            says of the folder.
 * Units      Bytes as the filesystem counts them, blocks and all.
 * Ownership  Lists live in the arena.
 */
#ifndef CORTEN_ENGINE_DF_H
#define CORTEN_ENGINE_DF_H

#include "engine/engine.h"

enum engine_df_kind {
	ENGINE_DF_IMAGES, /* layers, those of no image too */
	ENGINE_DF_CONTAINERS,
	ENGINE_DF_DOCUMENTS, /* manifests and configurations */
	ENGINE_DF_STAGING,   /* unfinished work */
	ENGINE_DF_TRASH,
	ENGINE_DF_DATABASE,
	ENGINE_DF_OTHER, /* folders that hold the rest, lock files */
	ENGINE_DF_KINDS,
};

struct engine_df_row {
	size_t total;
	size_t active; /* that something uses */
	int64_t bytes;
	int64_t reclaimable_bytes;
};

struct engine_df_layer {
	const char *id; /* diff-id in hex */
	int64_t bytes;
	size_t images; /* that have it */
	bool active;   /* a container's image has it */
};

struct engine_df_image {
	struct engine_image image;
	int64_t bytes;
	int64_t shared_bytes; /* of layers that other images have too */
	size_t containers;
};

struct engine_df_container {
	struct engine_container container;
	int64_t bytes; /* its log and journal included */
};

struct engine_df {
	struct engine_df_row rows[ENGINE_DF_KINDS];
	JSON_LIST_OF(struct engine_df_layer) layers; /* by id */
	JSON_LIST_OF(struct engine_df_image) images;
	JSON_LIST_OF(struct engine_df_container) containers;
};

int engine_df(struct engine *engine, struct arena *arena, struct engine_df *ret_df,
	      struct err *err);

#endif
