/*
 * plan_internal.h - what the readers of both kinds of archive share.
 */
#ifndef CORTEN_IMAGE_PLAN_INTERNAL_H
#define CORTEN_IMAGE_PLAN_INTERNAL_H

#include "image/plan.h"

int plan_read_docker(const struct archive *archive, struct plan *plan, struct err *err);
int plan_read_oci(const struct archive *archive, const struct platform *platform, struct plan *plan,
		  struct err *err);

/* A new image, its configuration parsed into ret_config (in the plan's arena) and checked. */
int plan_add_image(struct plan *plan, const struct archive_text *config,
		   struct plan_image **ret_image, struct oci_image_config **ret_config,
		   struct err *err);

/* Adds a layer unless its diff-id is there. diff_id: "sha256:HEX". */
int plan_add_layer(struct plan *plan, const struct plan_layer *layer, const char *diff_id,
		   struct err *err);

int plan_add_name(struct plan *plan, struct plan_image *image, const char *name, struct err *err);

/* Refuses a digest that is not "sha256:" and 64 hex digits; gives the digits. */
int plan_hex(const char *digest, const char **ret_hex, struct err *err);

#endif
