#include "remote/pages.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "remote/limits.h"

static int into_buffer(void *arg, const void *data, size_t size)
{
	struct buf *text = arg;

	buf_add(text, data, size);
	return text->failed ? -EFBIG : 0;
}

int pages_get(struct session *session, const char *path, const char *accept, pages_fn *page,
	      void *arg, struct err *err)
{
	BUF_AUTO(text, REMOTE_DOCUMENT_BYTES_MAX);
	struct session_answer answer;
	char at[REMOTE_URL_MAX];
	const char *headers[] = {accept};
	size_t total = 0;
	const struct session_request request = {.path = at,
						.headers = {.items = headers, .count = 1},
						.listed = true,
						.whole_s = REMOTE_DOCUMENT_S,
						.sink = into_buffer,
						.sink_arg = &text};

	if (str_copy(at, sizeof(at), path) < 0)
		return err_set(err, ERR_INVALID, ENAMETOOLONG, "the name is too long");
	for (int count = 0; count < REMOTE_PAGES_MAX; count++) {
		buf_clear(&text);
		int rc = session_get(session, &request, &answer, err);
		if (rc < 0)
			return rc;
		total += text.len;
		if (answer.stopped || total > REMOTE_LIST_BYTES_MAX)
			return err_set(err, ERR_INVALID, EFBIG,
				       "the registry's list is larger than %zu bytes, or a page "
				       "of it than %zu",
				       REMOTE_LIST_BYTES_MAX, REMOTE_DOCUMENT_BYTES_MAX);
		rc = page(arg, text.data != NULL ? text.data : "", text.len, &answer, err);
		if (rc != 0 || answer.next[0] == '\0')
			return rc < 0 ? rc : 0;
		if (strcmp(answer.next, at) == 0)
			return err_set(err, ERR_INVALID, ELOOP,
				       "the registry's list goes on where it is: '%.200s'", at);
		(void)str_copy(at, sizeof(at), answer.next);
	}
	return err_set(err, ERR_INVALID, ELOOP, "the registry's list has more than %d pages",
		       REMOTE_PAGES_MAX);
}
