/*
 * seccomp_file.h - a compiled program as a file: what the cache holds and a stage reads.
 *
 * Purpose    A header, then the instructions as the kernel takes them. The reader needs no heap and no
 *            library but read(2), so the smallest static program can use it.
 * Trust      The checksum finds accidents (a torn write, a bad disk). Against people stand the folder's
 *            owner and mode; see seccomp_cache.h.
 */
#ifndef CORTEN_KERN_SECCOMP_SECCOMP_FILE_H
#define CORTEN_KERN_SECCOMP_SECCOMP_FILE_H

#include <errno.h>
#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#define SECCOMP_FILE_MAGIC     0x3146504254524f43ULL /* "CORTBPF1" */
#define SECCOMP_FILE_MAX_INSNS 4096

struct seccomp_file_header {
	uint64_t magic;
	uint32_t flags; /* for seccomp(2) */
	uint32_t count; /* of instructions */
	uint64_t checksum;
};

/* FNV-1a over flags, count and the instructions, eight bytes at a time. */
static inline uint64_t seccomp_file_checksum(uint32_t flags, const struct sock_filter *insns,
					     uint32_t count)
{
	const uint64_t prime = 0x100000001b3ULL;
	uint64_t sum = 0xcbf29ce484222325ULL;

	sum = (sum ^ ((uint64_t)flags << 32 | count)) * prime;
	for (uint32_t i = 0; i < count; i++) {
		uint64_t word = (uint64_t)insns[i].code | (uint64_t)insns[i].jt << 16 |
				(uint64_t)insns[i].jf << 24 | (uint64_t)insns[i].k << 32;
		sum = (sum ^ word) * prime;
		sum ^= sum >> 32;
	}
	return sum;
}

/*
 * Reads the program from the start of fd, whatever its position, into insns, which has room for max
 * instructions. Returns their count, or -EBADMSG for a file that is no whole program, -E2BIG for one
 * over max, or another -errno.
 */
static inline int seccomp_program_read(int fd, struct sock_filter *insns, uint32_t max,
				       uint32_t *ret_flags)
{
	struct seccomp_file_header header;
	ssize_t got = pread(fd, &header, sizeof(header), 0);

	if (got < 0)
		return -errno;
	if ((size_t)got != sizeof(header) || header.magic != SECCOMP_FILE_MAGIC ||
	    header.count == 0 || header.count > SECCOMP_FILE_MAX_INSNS)
		return -EBADMSG;
	if (header.count > max)
		return -E2BIG;
	got = pread(fd, insns, header.count * sizeof(*insns), sizeof(header));
	if (got < 0)
		return -errno;
	if ((size_t)got != header.count * sizeof(*insns) ||
	    seccomp_file_checksum(header.flags, insns, header.count) != header.checksum)
		return -EBADMSG;
	*ret_flags = header.flags;
	return (int)header.count;
}

#endif
