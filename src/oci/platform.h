/*
 * platform.h - which of an index's images fits: this machine's, or the one asked for.
 */
#ifndef CORTEN_OCI_PLATFORM_H
#define CORTEN_OCI_PLATFORM_H

#include "base/err.h"
#include "oci/image.h"

struct platform {
	char os[32];
	char architecture[32]; /* Go's names: "amd64", "arm64" */
	char variant[16];      /* "v8"; "" when there is none */
};

/* text "os/architecture[/variant]"; NULL: the machine's own. */
int platform_parse(const char *text, struct platform *ret_platform, struct err *err);

/* The manifest or index of an index that fits best, the first of equals; NULL: none does. */
const struct oci_descriptor *platform_choose(const struct platform *platform,
					     const struct oci_index *index);

/* 0: does not fit; 1: fits as nothing is said; 2: fits; 3: fits to the variant. */
int platform_match(const struct platform *platform, const struct oci_platform *have);

#endif
