#include "remote/registries.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "remote/toml.h"

#define ENTRIES_MAX 4096
#define MIRRORS_MAX (REGISTRIES_ENDPOINTS_MAX - 1)

enum section {
	SECTION_OTHER,
	SECTION_REGISTRY,
	SECTION_MIRROR,
};

struct reader {
	struct registries *registries;
	enum section section;
	struct registries_entry entry; /* being read */
	bool open;
};

static void *grow(struct arena *arena, void *items, size_t count, size_t size, size_t max)
{
	if (count >= max)
		return NULL;
	if ((count & (count - 1)) != 0)
		return items;
	void *more = arena_alloc(arena, (count == 0 ? 1 : 2 * count) * size);
	if (more != NULL && count > 0)
		memcpy(more, items, count * size);
	return more;
}

/* "host[:port][/path]", or "*.domain": of lower case where a path is. */
static bool place_valid(const char *text, bool wildcard)
{
	char full[REFERENCE_TEXT_MAX];
	struct reference ref;
	struct err ignored;

	if (wildcard && str_starts_with(text, "*.") && strpbrk(text, "/:@") == NULL)
		text += 2;
	/* A first word that names no host would silently become a path of Docker's registry. */
	return str_format(full, sizeof(full), "%s/x", text) == 0 &&
	       reference_parse(full, &ref, &ignored) == 0 && strchr(text, '@') == NULL &&
	       (str_starts_with(text, ref.domain) || str_starts_with(text, "index.docker.io"));
}

static int end_entry(struct reader *reader, struct err *err)
{
	struct registries *registries = reader->registries;
	struct registries_entry *entry = &reader->entry;

	if (!reader->open)
		return 0;
	reader->open = false;
	if (entry->prefix == NULL || entry->prefix[0] == '\0')
		entry->prefix = entry->place.location;
	if (entry->prefix == NULL)
		return err_set(err, ERR_INVALID, 0, "a [[registry]] without prefix and location");
	if (!place_valid(entry->prefix, true) ||
	    (entry->place.location != NULL && !place_valid(entry->place.location, false)))
		return err_set(err, ERR_INVALID, 0, "[[registry]] '%.100s': no HOST[:PORT][/PATH]",
			       entry->prefix);
	for (size_t i = 0; i < entry->mirrors.count; i++) {
		const char *location = entry->mirrors.items[i].location;
		if (location == NULL || !place_valid(location, false))
			return err_set(err, ERR_INVALID, 0,
				       "[[registry]] '%.100s': a mirror's location is no "
				       "HOST[:PORT][/PATH]",
				       entry->prefix);
	}
	for (size_t i = 0; i < registries->entries.count; i++) {
		if (strcmp(registries->entries.items[i].prefix, entry->prefix) == 0) {
			registries->entries.items[i] = *entry;
			return 0;
		}
	}
	struct registries_entry *items =
		grow(registries->arena, registries->entries.items, registries->entries.count,
		     sizeof(*items), ENTRIES_MAX);
	if (items == NULL)
		return err_set(err, ERR_INVALID, E2BIG, "too many registries");
	items[registries->entries.count++] = *entry;
	registries->entries.items = items;
	return 0;
}

static int begin_table(struct reader *reader, const struct toml_item *item, struct err *err)
{
	struct registries_entry *entry = &reader->entry;

	if (item->list && strcmp(item->name, "registry.mirror") == 0 && reader->open) {
		struct registries_place *mirrors =
			grow(reader->registries->arena, entry->mirrors.items, entry->mirrors.count,
			     sizeof(*mirrors), MIRRORS_MAX);
		if (mirrors == NULL)
			return err_set(err, ERR_INVALID, E2BIG, "more than %d mirrors",
				       MIRRORS_MAX);
		mirrors[entry->mirrors.count++] = (struct registries_place){0};
		entry->mirrors.items = mirrors;
		reader->section = SECTION_MIRROR;
		return 0;
	}
	int rc = end_entry(reader, err);
	reader->section = SECTION_OTHER;
	if (item->list && strcmp(item->name, "registry") == 0) {
		reader->section = SECTION_REGISTRY;
		reader->open = true;
		*entry = (struct registries_entry){0};
	}
	return rc;
}

static int wrong_kind(const struct toml_item *item, const char *wanted, struct err *err)
{
	return err_set(err, ERR_INVALID, 0, "'%.50s' is %s", item->name, wanted);
}

static int take_text(const struct toml_item *item, const char **to, struct err *err)
{
	if (item->kind != TOML_STRING)
		return wrong_kind(item, "a \"text\"", err);
	*to = item->text[0] != '\0' ? item->text : NULL;
	return 0;
}

static int take_truth(const struct toml_item *item, bool *to, struct err *err)
{
	if (item->kind != TOML_BOOL)
		return wrong_kind(item, "true or false", err);
	*to = item->truth;
	return 0;
}

static int take_pull(const struct toml_item *item, enum registries_pull *to, struct err *err)
{
	static const char *const words[] = {"all", "digest-only", "tag-only"};

	for (size_t i = 0; item->kind == TOML_STRING && i < 3; i++) {
		if (strcmp(item->text, words[i]) == 0) {
			*to = (enum registries_pull)i;
			return 0;
		}
	}
	return wrong_kind(item, "\"all\", \"digest-only\" or \"tag-only\"", err);
}

static int take_setting(struct reader *reader, const struct toml_item *item, struct err *err)
{
	struct registries_entry *entry = &reader->entry;
	bool mirror = reader->section == SECTION_MIRROR;
	struct registries_place *place =
		mirror ? &entry->mirrors.items[entry->mirrors.count - 1] : &entry->place;

	if (reader->section == SECTION_OTHER)
		return 0;
	if (strcmp(item->name, "location") == 0)
		return take_text(item, &place->location, err);
	if (strcmp(item->name, "insecure") == 0)
		return take_truth(item, &place->insecure, err);
	if (mirror && strcmp(item->name, "pull-from-mirror") == 0)
		return take_pull(item, &place->pull, err);
	if (!mirror && strcmp(item->name, "prefix") == 0)
		return take_text(item, &entry->prefix, err);
	if (!mirror && strcmp(item->name, "blocked") == 0)
		return take_truth(item, &entry->blocked, err);
	if (!mirror && strcmp(item->name, "mirror-by-digest-only") == 0)
		return take_truth(item, &entry->mirrors_by_digest_only, err);
	return 0;
}

int registries_parse(struct registries *registries, const char *text, size_t len, const char *name,
		     struct err *err)
{
	struct reader reader = {.registries = registries};
	struct toml toml;
	struct toml_item item;
	int rc;

	toml_init(&toml, text, len, registries->arena);
	while ((rc = toml_next(&toml, &item, err)) > 0) {
		rc = item.kind == TOML_TABLE ? begin_table(&reader, &item, err)
					     : take_setting(&reader, &item, err);
		if (rc < 0) {
			err_wrap(err, rc, "line %u", toml.line);
			break;
		}
	}
	if (rc == 0)
		rc = end_entry(&reader, err);
	return rc < 0 ? err_wrap(err, rc, "'%s'", name) : 0;
}

/* How much of the name the prefix is, 0: none of it. A wildcard stands for one or more labels of the host. */
static size_t match(const char *prefix, const struct reference *reference, const char *full)
{
	size_t len = strlen(prefix);

	if (str_starts_with(prefix, "*.")) {
		size_t host = strlen(reference->domain);
		return host > len - 1 &&
				       strcmp(reference->domain + host - (len - 1), prefix + 1) == 0
			       ? len
			       : 0;
	}
	if (strncmp(full, prefix, len) != 0)
		return 0;
	return full[len] == '/' || full[len] == ':' || full[len] == '@' || full[len] == '\0' ? len
											     : 0;
}

const struct registries_entry *registries_find(const struct registries *registries,
					       const struct reference *reference)
{
	const struct registries_entry *best = NULL;
	char full[REFERENCE_TEXT_MAX];
	size_t longest = 0;

	(void)reference_full(reference, full);
	for (size_t i = 0; i < registries->entries.count; i++) {
		size_t fit = match(registries->entries.items[i].prefix, reference, full);
		if (fit > longest) {
			longest = fit;
			best = &registries->entries.items[i];
		}
	}
	return best;
}

/* The reference with `location` in the place of the prefix. */
static int rewrite(const struct registries_entry *entry, const char *location,
		   const struct reference *reference, struct reference *ret_reference,
		   struct err *err)
{
	char full[REFERENCE_TEXT_MAX], moved[2 * REFERENCE_TEXT_MAX];
	bool wildcard = str_starts_with(entry->prefix, "*.");
	size_t len = wildcard ? strlen(reference->domain) : strlen(entry->prefix);

	if (location == NULL) {
		*ret_reference = *reference;
		return 0;
	}
	if (str_format(moved, sizeof(moved), "%s%s", location,
		       reference_full(reference, full) + len) < 0)
		return err_set(err, ERR_INVALID, ENAMETOOLONG, "'%.100s'", full);
	int rc = reference_parse(moved, ret_reference, err);
	return rc < 0 ? err_wrap(err, rc, "registry '%.100s' stands for '%.100s'", location,
				 entry->prefix)
		      : 0;
}

static bool is_for(const struct registries_entry *entry, const struct registries_place *mirror,
		   const struct reference *reference)
{
	bool digest = reference->digest[0] != '\0';

	if (entry->mirrors_by_digest_only || mirror->pull == REGISTRIES_DIGEST_ONLY)
		return digest;
	return mirror->pull != REGISTRIES_TAG_ONLY || !digest;
}

int registries_resolve(const struct registries *registries, const struct reference *reference,
		       struct registries_endpoint ret_endpoints[REGISTRIES_ENDPOINTS_MAX],
		       size_t *ret_count, struct err *err)
{
	const struct registries_entry *entry = registries_find(registries, reference);
	int rc = 0;

	*ret_count = 0;
	if (entry == NULL) {
		ret_endpoints[(*ret_count)++] =
			(struct registries_endpoint){.reference = *reference};
		return 0;
	}
	if (entry->blocked)
		return err_set(err, ERR_DENIED, 0, "'%.100s' is blocked by registries.conf",
			       entry->prefix);
	for (size_t i = 0; i <= entry->mirrors.count && rc == 0; i++) {
		const struct registries_place *place =
			i < entry->mirrors.count ? &entry->mirrors.items[i] : &entry->place;
		if (i < entry->mirrors.count && !is_for(entry, place, reference))
			continue;
		struct registries_endpoint *endpoint = &ret_endpoints[(*ret_count)++];
		endpoint->insecure = place->insecure;
		rc = rewrite(entry, place->location, reference, &endpoint->reference, err);
	}
	return rc;
}
