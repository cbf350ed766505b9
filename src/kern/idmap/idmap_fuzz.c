#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kern/idmap/idmap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A mapping's text, with and without a mapping that "@" refers to. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct ns_id_map lines[] = {{0, 100000, 1000}, {5000, 4294967000U, 200}};
	static const struct ns_maps own = {
		.uids = lines, .uid_count = 2, .gids = lines, .gid_count = 1};
	struct idmap_table table;
	struct err err = {0};
	char *text = malloc(size + 1);

	if (text == NULL)
		return 0;
	(void)memcpy(text, data, size);
	text[size] = '\0';
	for (int i = 0; i < 2; i++) {
		if (idmap_parse(text, i == 0 ? NULL : &own, &table, &err) < 0)
			continue;
		if (table.maps.uid_count == 0 || table.maps.uid_count > NS_MAP_LINES_MAX ||
		    table.maps.gid_count == 0 || table.maps.gid_count > NS_MAP_LINES_MAX)
			abort();
		/* What the kernel would refuse is found before anything is written. */
		(void)ns_check_map(table.uids, table.maps.uid_count, "uid", &err);
	}
	free(text);
	return 0;
}
