#include "cli/progress.h"

#include <stdio.h>
#include <time.h>

#include "cli/text.h"

#define BAR_CHARS    30
#define REDRAW_MS    50
#define CLEAR_LINE   "\r\x1b[K"
#define DIGEST_SHOWN 12

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void progress_begin(struct progress *progress, enum progress_form form)
{
	*progress = (struct progress){.form = form};
}

static void draw(const struct engine_progress *event)
{
	char bar[BAR_CHARS + 1], done[32], total[32] = "?";
	int filled = 0;

	if (event->total_bytes > 0) {
		filled = (int)(event->done_bytes * BAR_CHARS / event->total_bytes);
		text_size(event->total_bytes, total, sizeof(total));
	}
	for (int i = 0; i < BAR_CHARS; i++)
		bar[i] = i < filled ? '=' : i == filled ? '>' : ' ';
	bar[BAR_CHARS] = '\0';
	text_size(event->done_bytes, done, sizeof(done));
	(void)fprintf(stderr, CLEAR_LINE "layer %u %.*s [%s] %s/%s", event->layer + 1, DIGEST_SHOWN,
		      event->name, bar, done, total);
}

void progress_show(void *arg, const struct engine_progress *event)
{
	struct progress *progress = arg;

	if (progress->form == PROGRESS_NONE)
		return;
	if (event->done) {
		(void)fprintf(stderr, "%slayer %u %.*s %s\n",
			      progress->form == PROGRESS_BARS ? CLEAR_LINE : "", event->layer + 1,
			      DIGEST_SHOWN, event->name,
			      event->known ? "is there already" : "done");
		progress->drawn = false;
		return;
	}
	if (progress->form == PROGRESS_LINES)
		return;
	int64_t now = now_ms();
	if (progress->drawn && progress->layer == event->layer &&
	    now - progress->drawn_ms < REDRAW_MS)
		return;
	draw(event);
	progress->drawn = true;
	progress->layer = event->layer;
	progress->drawn_ms = now;
}

void progress_end(struct progress *progress)
{
	if (progress->form == PROGRESS_BARS && progress->drawn)
		(void)fputs(CLEAR_LINE, stderr);
}
