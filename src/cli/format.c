#include "cli/format.h"

#include <string.h>
#include <unistd.h>

#include "cli/text.h"
#include "engine/spec/list.h"

#define ROWS_MAX     (64 << 20)
#define DOCUMENT_MAX (64 << 20)
#define TABLE        "table"

const struct template_zero format_zeros[] = {
	{"Author", DATA_TEXT},        {"Cmd", DATA_LIST},         {"Comment", DATA_TEXT},
	{"DockerVersion", DATA_TEXT}, {"Domainname", DATA_TEXT},  {"Entrypoint", DATA_LIST},
	{"Env", DATA_LIST},           {"ExposedPorts", DATA_MAP}, {"Health", DATA_NULL},
	{"Healthcheck", DATA_NULL},   {"Hostname", DATA_TEXT},    {"Labels", DATA_MAP},
	{"OnBuild", DATA_LIST},       {"OsVersion", DATA_TEXT},   {"Parent", DATA_TEXT},
	{"RepoDigests", DATA_LIST},   {"RepoTags", DATA_LIST},    {"Shell", DATA_LIST},
	{"SizeRootFs", DATA_NULL},    {"SizeRw", DATA_NULL},      {"StopSignal", DATA_TEXT},
	{"StopTimeout", DATA_NULL},   {"User", DATA_TEXT},        {"Variant", DATA_TEXT},
	{"Volumes", DATA_MAP},        {"WorkingDir", DATA_TEXT},  {NULL, DATA_NULL}};

/* Outside of actions `\t` and `\n` stand for the characters, as Docker has it for rows. */
static const char *unescape(const char *text, struct arena *arena)
{
	char *copy = arena_strndup(arena, text, strlen(text)), *to = copy;
	bool action = false;

	for (const char *at = text; copy != NULL && *at != '\0'; at++) {
		if (strncmp(at, "{{", 2) == 0)
			action = true;
		else if (strncmp(at, "}}", 2) == 0)
			action = false;
		if (!action && at[0] == '\\' && (at[1] == 't' || at[1] == 'n'))
			*to++ = *++at == 't' ? '\t' : '\n';
		else
			*to++ = *at;
	}
	if (copy != NULL)
		*to = '\0';
	return copy;
}

int format_begin(struct format *format, const struct format_kind *kind, const char *text,
		 const char *table, struct arena *arena, struct err *err)
{
	*format = (struct format){.kind = kind, .arena = arena, .rows = BUF_INIT(ROWS_MAX)};
	if (text != NULL && strcmp(text, "json") == 0)
		return 0;
	if (text == NULL || text[0] == '\0' || strcmp(text, TABLE) == 0)
		text = table;
	/* What is "table" alone in another row's words is still that table. */
	format->table = strncmp(text, TABLE, strlen(TABLE)) == 0;
	if (format->table)
		text += strlen(TABLE);
	text += strspn(text, " ");
	text = unescape(text, arena);
	if (text == NULL)
		return list_no_memory(err);
	size_t len = strlen(text);
	while (len > 0 && text[len - 1] == ' ')
		len--;
	return template_parse(text, len, arena, &format->template, err);
}

void format_done(struct format *format)
{
	buf_done(&format->rows);
}

bool format_names(const char *text, const char *key)
{
	return text != NULL && strstr(text, key) != NULL;
}

static int labels_data(const json_pairs *labels, struct arena *arena, struct data *ret_data,
		       struct err *err)
{
	data_map map = {0};

	for (size_t i = 0; labels != NULL && i < labels->count; i++) {
		struct data_entry *entry = list_push(&map, sizeof(*entry), arena);
		const struct json_pair *label = &labels->items[i];
		if (entry == NULL)
			return list_no_memory(err);
		entry->key = label->key;
		entry->value = data_text(label->value, strlen(label->value));
	}
	*ret_data = (struct data){.kind = DATA_LABELS, .map = map};
	return 0;
}

/* A map of the row's members; row NULL: of their heads. */
static int row_data(const struct format *format, const void *row, const json_pairs *labels,
		    struct arena *arena, struct data *ret_data, struct err *err)
{
	const struct format_kind *kind = format->kind;
	size_t count = kind->shape->count;
	struct data_entry *items = arena_alloc(arena, (count + 1) * sizeof(*items));

	if (items == NULL)
		return list_no_memory(err);
	for (size_t i = 0; i < count; i++) {
		const struct json_field *field = &kind->shape->fields[i];
		const char *text = field->name;
		for (const struct format_head *head = kind->heads; head->key != NULL; head++)
			text = strcmp(head->key, field->name) == 0 ? head->head : text;
		if (row != NULL)
			memcpy(&text, (const char *)row + field->offset, sizeof(text));
		items[i].key = field->name;
		items[i].value = data_text(text, strlen(text));
	}
	*ret_data = (struct data){.kind = DATA_MAP, .map = {items, count + kind->labels}};
	if (!kind->labels)
		return 0;
	items[count].key = "Label";
	return labels_data(labels, arena, &items[count].value, err);
}

static int add_line(struct format *format, const void *row, const json_pairs *labels,
		    struct buf *out, struct err *err)
{
	ARENA_AUTO(arena, ROWS_MAX);
	const struct template_mode mode = {.row = format->kind->name, .head = row == NULL};
	struct data data;

	int rc = row_data(format, row, labels, &arena, &data, err);
	if (rc == 0)
		rc = template_run(format->template, &mode, &data, out, err);
	buf_char(out, '\n');
	return rc;
}

int format_row(struct format *format, const void *row, const json_pairs *labels, struct err *err)
{
	if (format->template != NULL)
		return add_line(format, row, labels, &format->rows, err);
	json_write(format->kind->shape, row, JSON_COMPACT, &format->rows);
	buf_char(&format->rows, '\n');
	return 0;
}

int format_end(struct format *format, struct buf *out, struct err *err)
{
	BUF_AUTO(lines, ROWS_MAX);

	int rc = buf_check(&format->rows, "the output", err);
	if (rc == 0 && format->table) {
		rc = add_line(format, NULL, NULL, &lines, err);
		buf_add(&lines, format->rows.data, format->rows.len);
	}
	if (rc == 0)
		rc = buf_check(&lines, "the output", err);
	if (rc < 0)
		return rc;
	if (format->table)
		rc = text_tabs(lines.data, lines.len, out, err);
	else
		buf_add(out, format->rows.data, format->rows.len);
	format_guard_terminal(out);
	return rc;
}

int format_document(const struct template *template, const struct template_zero *zeros,
		    const struct buf *document, struct buf *out, struct err *err)
{
	ARENA_AUTO(arena, DOCUMENT_MAX);
	const struct template_mode mode = {.zeros = zeros};
	BUF_AUTO(text, DOCUMENT_MAX);
	struct data data;

	int rc = data_parse(document->data, document->len, &arena, &data, err);
	if (rc == 0)
		rc = template_run(template, &mode, &data, &text, err);
	if (rc < 0)
		return rc;
	buf_add(out, text.data, text.len);
	buf_char(out, '\n');
	return 0;
}

void format_guard_terminal(struct buf *out)
{
	if (isatty(STDOUT_FILENO) != 1)
		return;
	text_tame(out->data, out->len, true);
}
