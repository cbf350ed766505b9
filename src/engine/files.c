#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "engine/internal.h"
#include "engine/spec/list.h"
#include "kern/lsm/lsm.h"

#define FILE_MAX 262144

void files_hosts(const struct engine_options *options, const char *hostname, const char *host_text,
		 bool host_network, struct buf *out)
{
	if (host_network && host_text != NULL) {
		buf_str(out, host_text);
		if (out->len > 0 && out->data[out->len - 1] != '\n')
			buf_char(out, '\n');
	} else {
		buf_str(out, "127.0.0.1\tlocalhost\n"
			     "::1\tlocalhost ip6-localhost ip6-loopback\n"
			     "fe00::\tip6-localnet\n"
			     "ff00::\tip6-mcastprefix\n"
			     "ff02::1\tip6-allnodes\n"
			     "ff02::2\tip6-allrouters\n");
		/* With no other interface the name leads to the loopback. */
		buf_fmt(out, "127.0.1.1\t%s\n", hostname);
	}
	for (size_t i = 0; i < options->hosts.count; i++) {
		const char *entry = options->hosts.items[i];
		size_t name = strcspn(entry, ":=");
		if (entry[name] != '\0')
			buf_fmt(out, "%s\t%.*s\n", entry + name + 1, (int)name, entry);
	}
}

/* A resolver on the host's loopback is out of reach from another network namespace. */
static bool is_loopback_line(const char *line, size_t len)
{
	static const char server[] = "nameserver";
	size_t at = sizeof(server) - 1;

	if (len < at || memcmp(line, server, at) != 0)
		return false;
	while (at < len && (line[at] == ' ' || line[at] == '\t'))
		at++;
	return (len - at >= 4 && memcmp(line + at, "127.", 4) == 0) ||
	       (len - at >= 3 && memcmp(line + at, "::1", 3) == 0);
}

static bool begins(const char *line, size_t len, const char *word)
{
	size_t word_len = strlen(word);

	return len > word_len && memcmp(line, word, word_len) == 0 &&
	       (line[word_len] == ' ' || line[word_len] == '\t');
}

static void join(struct buf *out, const char *key, const json_strings *words)
{
	if (words->count == 0)
		return;
	buf_str(out, key);
	for (size_t i = 0; i < words->count; i++)
		buf_fmt(out, " %s", words->items[i]);
	buf_char(out, '\n');
}

void files_resolv(const struct engine_options *options, const char *host_text, bool host_network,
		  struct buf *out)
{
	for (const char *line = host_text; line != NULL && *line != '\0';) {
		size_t len = strcspn(line, "\n");
		bool replaced = (options->dns.count > 0 && begins(line, len, "nameserver")) ||
				(options->dns_search.count > 0 && begins(line, len, "search")) ||
				(options->dns_options.count > 0 && begins(line, len, "options"));
		if (!replaced && (host_network || !is_loopback_line(line, len))) {
			buf_add(out, line, len);
			buf_char(out, '\n');
		}
		line += len + (line[len] == '\n');
	}
	join(out, "search", &options->dns_search);
	for (size_t i = 0; i < options->dns.count; i++)
		buf_fmt(out, "nameserver %s\n", options->dns.items[i]);
	join(out, "options", &options->dns_options);
}

static int write_file(int dirfd, const char *name, const struct buf *text, const char *label,
		      struct err *err)
{
	auto_fd fd =
		openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);

	int rc = buf_check(text, name, err);
	if (rc < 0)
		return rc;
	if (fd < 0)
		return err_errno(err, "make '%s'", name);
	rc = fd_write_all(fd, text->data != NULL ? text->data : "", text->len);
	if (rc < 0)
		return err_set(err, err_kind_of(-rc), -rc, "write '%s'", name);
	return label != NULL ? lsm_selinux_set_file(fd, label, err) : 0;
}

int files_write(int data_fd, const struct engine_options *options, const char *hostname,
		bool host_network, const char *label, struct err *err)
{
	BUF_AUTO(host, FILE_MAX);
	BUF_AUTO(text, FILE_MAX);
	struct err absent;

	buf_fmt(&text, "%s\n", hostname);
	int rc = write_file(data_fd, "hostname", &text, label, err);
	if (rc < 0)
		return rc;
	buf_clear(&text);
	if (host_network)
		(void)fd_read_file_at(AT_FDCWD, "/etc/hosts", &host, &absent);
	files_hosts(options, hostname, host.data, host_network, &text);
	rc = write_file(data_fd, "hosts", &text, label, err);
	if (rc < 0)
		return rc;
	buf_clear(&text);
	buf_clear(&host);
	(void)fd_read_file_at(AT_FDCWD, "/etc/resolv.conf", &host, &absent);
	files_resolv(options, host.data, host_network, &text);
	return write_file(data_fd, "resolv.conf", &text, label, err);
}
