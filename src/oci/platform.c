#include "oci/platform.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "oci/document.h"

/* The processor that this is built for: the filter of confine.c allows no uname(). */
#if defined(__x86_64__)
#define OWN_ARCHITECTURE "amd64"
#define OWN_VARIANT      ""
#elif defined(__aarch64__)
#define OWN_ARCHITECTURE "arm64"
#define OWN_VARIANT      "v8"
#else
#error "platform.c: name this processor as Go does"
#endif

static void set_own(struct platform *platform)
{
	(void)snprintf(platform->os, sizeof(platform->os), "linux");
	(void)snprintf(platform->architecture, sizeof(platform->architecture), "%s",
		       OWN_ARCHITECTURE);
	(void)snprintf(platform->variant, sizeof(platform->variant), "%s", OWN_VARIANT);
}

int platform_parse(const char *text, struct platform *ret_platform, struct err *err)
{
	struct platform platform = {0};
	int end = 0;

	if (text == NULL) {
		set_own(&platform);
	} else {
		int fields = sscanf(text, "%31[a-z0-9]/%31[a-z0-9_]%n/%15[a-z0-9.]%n", platform.os,
				    platform.architecture, &end, platform.variant, &end);
		if (fields < 2 || text[end] != '\0')
			return err_set(err, ERR_INVALID, EINVAL,
				       "platform '%.100s' is not OS/ARCHITECTURE[/VARIANT]", text);
	}
	*ret_platform = platform;
	return 0;
}

int platform_match(const struct platform *platform, const struct oci_platform *have)
{
	if (have == NULL || have->os == NULL || have->architecture == NULL)
		return 1;
	if (strcmp(have->os, platform->os) != 0 ||
	    strcmp(have->architecture, platform->architecture) != 0)
		return 0;
	bool said = have->variant != NULL && have->variant[0] != '\0';
	if (platform->variant[0] == '\0' || !said)
		return said ? 2 : 3;
	return strcmp(have->variant, platform->variant) == 0 ? 3 : 0;
}

const struct oci_descriptor *platform_choose(const struct platform *platform,
					     const struct oci_index *index)
{
	const struct oci_descriptor *best = NULL;
	int best_fit = 0;

	for (size_t i = 0; i < index->manifests.count; i++) {
		const struct oci_descriptor *item = &index->manifests.items[i];
		int fit = platform_match(platform, item->platform);
		if (fit > best_fit &&
		    (oci_is_index(item->media_type) || oci_is_manifest(item->media_type))) {
			best = item;
			best_fit = fit;
		}
	}
	return best;
}
