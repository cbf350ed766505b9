/*
 * helper.h - runs corten-image over one archive and gathers what it reports.
 *
 * Ownership  helper_run() fills a report in the caller's arena.
 * Errors     The program's own, or how it died.
 */
#ifndef CORTEN_STORE_HELPER_H
#define CORTEN_STORE_HELPER_H

#include "store/internal.h"
#include "store/wire.h"

struct helper_image {
	char id[65];
	char manifest[65];
	char top[65];
	int64_t done_bytes;
	json_strings names; /* as the archive has them */
};

struct helper_layer {
	char diff_id[65];
	int64_t size_bytes;
};

struct helper_packed {
	char diff_id[65];
	char digest[65];
	char media_type[128];
	int64_t size_bytes;
	bool proved; /* packed just now; else it may be but what a manifest says */
};

struct helper_report {
	struct arena *arena;
	struct helper_image *images;
	size_t image_count;
	struct helper_layer *layers; /* those that were unpacked */
	size_t layer_count;
	struct helper_packed *packed; /* push */
	size_t packed_count;
	bool ended;
};

struct helper {
	const struct store_load *request;
	const char *verb; /* NULL: what the request's source says */
	int input_fd;     /* with a verb: in place of the request's */
	int staging_fd;
	int known_fd;
	int lock_fds[2];
	const json_strings *repositories; /* push: to mount from; else NULL */
};

int helper_run(const struct helper *helper, struct helper_report *report, struct err *err);

#endif
