/*
 * format.h - `--format` of commands that print rows: a table, JSON, or a template, with Docker's keys.
 *
 * Purpose    A command names its keys once, in a json_shape of texts; a table is a template with heads.
 * Ownership  Everything lives in the arena; the rows' struct may go after format_row().
 * Errors     As template.h has them.
 */
#ifndef CORTEN_CLI_FORMAT_H
#define CORTEN_CLI_FORMAT_H

#include "base/json.h"
#include "cli/template.h"

/* What --help says of it; a shell offers the words in small letters. */
#define FORMAT_METAVAR "table|json|TEMPLATE"

struct format_head {
	const char *key;
	const char *head; /* "IMAGE ID" */
};

struct format_kind {
	const char *name;                /* "image" */
	const struct json_shape *shape;  /* of a row; every member a text */
	const struct format_head *heads; /* of every key; ends with a NULL key */
	bool labels;                     /* rows have `.Label "name"` */
};

struct format {
	const struct format_kind *kind;
	struct arena *arena;
	const struct template *template; /* NULL: JSON */
	bool table;
	struct buf rows;
};

/* text: of the option; NULL or "table" stand for `table`, a template that begins with "table ". */
int format_begin(struct format *format, const struct format_kind *kind, const char *text,
		 const char *table, struct arena *arena, struct err *err);
void format_done(struct format *format);
#define FORMAT_AUTO(name) __attribute__((cleanup(format_done))) struct format name = {0}

/* Whether the text names the key: what is costly to find out is found out for that alone, as with Docker. */
bool format_names(const char *text, const char *key);

/* labels: of the row, when the kind has them. */
int format_row(struct format *format, const void *row, const json_pairs *labels, struct err *err);

/* Appends all to out, guarded as below. */
int format_end(struct format *format, struct buf *out, struct err *err);

/*
 * For commands that print documents: appends what the template makes of a JSON document, and a line's end. `zeros`
 * is the mode's.
 */
int format_document(const struct template *template, const struct template_zero *zeros,
		    const struct buf *document, struct buf *out, struct err *err);

/* What Docker's containers and images leave out when it is empty. */
extern const struct template_zero format_zeros[];

/* On a terminal: nothing in it commands it. */
void format_guard_terminal(struct buf *out);

#endif
