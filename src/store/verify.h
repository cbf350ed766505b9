/*
 * verify.h - whether what the store holds of an image is what its names say.
 *
 * Purpose    Documents (configuration, manifest) must have the digests that name them, the configuration must list
 *            the layers that the database has, and each layer must be there. The files in it are not looked at.
 * Errors     A finding is no failure of the call; those are what could not be read for another reason.
 */
#ifndef CORTEN_STORE_VERIFY_H
#define CORTEN_STORE_VERIFY_H

#include "store/store.h"

/* What is wrong, in words; a negative return ends the check. */
typedef int store_finding_fn(void *arg, const char *text, struct err *err);

struct store_verify {
	store_finding_fn *finding;
	void *arg;
};

int store_image_verify(struct store *store, const char *reference,
		       const struct store_verify *request, struct err *err);

#endif
