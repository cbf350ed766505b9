/*
 * progress.h - how far an image is, on stderr: a bar on a terminal, or a line a layer.
 */
#ifndef CORTEN_CLI_PROGRESS_H
#define CORTEN_CLI_PROGRESS_H

#include "engine/engine.h"

enum progress_form {
	PROGRESS_NONE,
	PROGRESS_LINES,
	PROGRESS_BARS,
};

struct progress {
	enum progress_form form;
	bool drawn;
	uint32_t layer;
	int64_t drawn_ms; /* when the bar was last drawn */
};

void progress_begin(struct progress *progress, enum progress_form form);
void progress_show(void *arg, const struct engine_progress *event); /* arg: struct progress */
void progress_end(struct progress *progress);

#endif
