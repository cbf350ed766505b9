/*
 * document.h - what a document is, whatever it or others say of it: an index or a manifest.
 *
 * Purpose    Two readers of one document must not see two images in it: its members decide, and what it says of
 *            itself and what its descriptor says must agree with them.
 * Ownership  Nothing is kept; what is parsed lives in the caller's arena.
 * Errors     ERR_INVALID with what disagrees, ERR_UNSUPPORTED for a manifest of the first schema.
 */
#ifndef CORTEN_OCI_DOCUMENT_H
#define CORTEN_OCI_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

/* By media type alone, of OCI or of Docker. NULL is neither. */
bool oci_is_index(const char *media_type);
bool oci_is_manifest(const char *media_type);

/* Whether a media type is that of an image's layer, packed in whatever way. */
bool oci_is_layer(const char *media_type);

/* media_type: its descriptor's; NULL: there is none, as of index.json. */
int oci_document_check(const char *text, size_t len, bool want_index, const char *media_type,
		       struct arena *arena, struct err *err);

#endif
