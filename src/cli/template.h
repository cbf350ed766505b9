/*
 * template.h - the language of `--format`: the part of Go's text/template that users of Docker write.
 *
 * Purpose    `{{.Field}}`, `{{json .}}`, `{{index .Map "key"}}`, if, range, with, variables, pipelines,
 *            comparisons, printf, and Docker's functions json, split, join, title, lower, upper, pad,
 *            truncate. Not: define, template, block, call, html, js, urlquery.
 * Ownership  A parsed template lives in its arena and points into the text.
 * Limits     TEMPLATE_TEXT_MAX bytes of text, blocks and parentheses TEMPLATE_DEPTH_MAX deep,
 *            TEMPLATE_STEPS_MAX steps, TEMPLATE_MEMORY_MAX bytes of intermediate values a run; the
 *            output's maximum is its buffer's.
 * Errors     ERR_INVALID in Docker's words, with line and column where Go has them:
 *            `template parsing error: template: :1:2: executing "" at <.X>: map has no entry for key "X"`.
 */
#ifndef CORTEN_CLI_TEMPLATE_H
#define CORTEN_CLI_TEMPLATE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "cli/data.h"

#define TEMPLATE_TEXT_MAX      65536
#define TEMPLATE_DEPTH_MAX     64
#define TEMPLATE_VARIABLES_MAX 32
#define TEMPLATE_STEPS_MAX     10000000
#define TEMPLATE_MEMORY_MAX    (64 << 20)

struct template;

int template_parse(const char *text, size_t len, struct arena *arena,
		   const struct template **ret_template, struct err *err);

/* A member that a document leaves out, or has as null, when it is empty; and as what a template finds it. */
struct template_zero {
	const char *name;
	enum data_kind kind; /* DATA_NULL, DATA_TEXT, DATA_LIST or DATA_MAP */
};

struct template_mode {
	const char *row; /* dot is a row of a table and this its kind, "image": for messages */
	bool head;       /* dot holds the heads of columns: functions leave them as they are */
	const struct template_zero *zeros; /* ends with a NULL name; NULL: none */
};

/* Appends what the template makes of `dot`. */
int template_run(const struct template *template, const struct template_mode *mode,
		 const struct data *dot, struct buf *out, struct err *err);

#endif
