/*
 * progress.h - a bar on stderr while an image is loaded. Nothing is drawn where it is no terminal.
 */
#ifndef CORTEN_CLI_PROGRESS_H
#define CORTEN_CLI_PROGRESS_H

#include "engine/engine.h"

struct progress {
	bool on;
	bool drawn;
	uint32_t layer;
	int64_t drawn_ms; /* when the bar was last drawn */
};

void progress_begin(struct progress *progress, bool on);
void progress_show(void *arg, const struct engine_progress *event); /* arg: struct progress */
void progress_end(struct progress *progress);

#endif
