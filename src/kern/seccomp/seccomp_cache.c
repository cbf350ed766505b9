#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/process.h"
#include "kern/seccomp/blake2b.h"
#include "kern/seccomp/seccomp_cache.h"
#include "kern/seccomp/seccomp_file.h"

/* Part of every key: raise it when the compiler's output for a profile changes. */
#define COMPILER_VERSION "corten-seccomp 1"

#define FOLDER_NAME "~seccomp"
#define FILES_MAX   256 /* then all go: they lie in memory, and compiling again takes a millisecond */

void seccomp_cache_key_init(struct seccomp_cache_key *key, const char *text, size_t len,
			    enum seccomp_arch native)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t digest[BLAKE2B_DIGEST_BYTES];
	struct blake2b hash;
	uint8_t arch = (uint8_t)native;

	blake2b_init(&hash);
	blake2b_add(&hash, COMPILER_VERSION, sizeof(COMPILER_VERSION));
	blake2b_add(&hash, &arch, 1);
	blake2b_add(&hash, text, len);
	blake2b_finish(&hash, digest);
	for (size_t i = 0; i < sizeof(digest); i++) {
		key->name[2 * i] = digits[digest[i] >> 4];
		key->name[2 * i + 1] = digits[digest[i] & 15];
	}
	key->name[2 * sizeof(digest)] = '\0';
}

/* The caller's own, and nobody else may write it. */
static bool is_trusted(const struct stat *st, mode_t type, mode_t mode)
{
	return (st->st_mode & S_IFMT) == type && (st->st_mode & 07777) == mode &&
	       st->st_uid == process_born_as();
}

int seccomp_cache_open_folder(int rootfd, struct err *err)
{
	struct stat st;

	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	auto_fd fd = openat(rootfd, FOLDER_NAME, flags);
	if (fd < 0 && errno == ENOENT) {
		if (mkdirat(rootfd, FOLDER_NAME, 0700) < 0 && errno != EEXIST)
			return err_errno(err, "create the seccomp cache '%s'", FOLDER_NAME);
		fd = openat(rootfd, FOLDER_NAME, flags);
	}
	if (fd < 0)
		return err_errno(err, "open the seccomp cache '%s'", FOLDER_NAME);
	if (fstat(fd, &st) < 0)
		return err_errno(err, "look at the seccomp cache '%s'", FOLDER_NAME);
	if (!is_trusted(&st, S_IFDIR, 0700))
		return err_set(err, ERR_DENIED, EPERM,
			       "the seccomp cache '%s' has mode %04o and owner %u; it must be 0700 "
			       "and the runtime's own (remove the folder)",
			       FOLDER_NAME, (unsigned)(st.st_mode & 07777), (unsigned)st.st_uid);
	return fd_take(&fd);
}

/* Opens and reads in one go, so that what was checked is what is handed out. */
static int open_and_read(int folderfd, const struct seccomp_cache_key *key,
			 struct seccomp_program *ret_program)
{
	auto_fd fd = openat(folderfd, key->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !is_trusted(&st, S_IFREG, 0600) || st.st_nlink != 1)
		return -ENOENT;
	int count = seccomp_program_read(fd, ret_program->insns, SECCOMP_MAX_INSNS,
					 &ret_program->flags);
	if (count < 0 || (size_t)st.st_size != sizeof(struct seccomp_file_header) +
						       (size_t)count * sizeof(struct sock_filter))
		return -ENOENT;
	ret_program->count = (uint32_t)count;
	ret_program->unknown_names = 0;
	return fd_take(&fd);
}

int seccomp_cache_read(int folderfd, const struct seccomp_cache_key *key,
		       struct seccomp_program *ret_program)
{
	auto_fd fd = open_and_read(folderfd, key, ret_program);

	return fd < 0 ? fd : 0;
}

int seccomp_cache_open(int folderfd, const struct seccomp_cache_key *key)
{
	struct seccomp_program program;

	return open_and_read(folderfd, key, &program);
}

/* Empties a folder that has grown too full. What is open stays readable. */
static void make_room(int folderfd)
{
	auto_fd fd = openat(folderfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	unsigned count = 0;

	if (dir == NULL)
		return;
	(void)fd_take(&fd); /* closedir() closes it */
	while (readdir(dir) != NULL)
		count++;
	rewinddir(dir);
	for (const struct dirent *entry = readdir(dir); entry != NULL && count > FILES_MAX;
	     entry = readdir(dir)) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			(void)unlinkat(folderfd, entry->d_name, 0);
	}
	(void)closedir(dir);
}

int seccomp_cache_store(int folderfd, const struct seccomp_cache_key *key,
			const struct seccomp_program *program, struct err *err)
{
	struct {
		struct seccomp_file_header header;
		struct sock_filter insns[SECCOMP_MAX_INSNS];
	} file;

	file.header = (struct seccomp_file_header){
		.magic = SECCOMP_FILE_MAGIC,
		.flags = program->flags,
		.count = program->count,
		.checksum = seccomp_file_checksum(program->flags, program->insns, program->count),
	};
	make_room(folderfd);
	memcpy(file.insns, program->insns, program->count * sizeof(program->insns[0]));
	int rc = fd_replace_file_at(folderfd, key->name, &file,
				    sizeof(file.header) + program->count * sizeof(file.insns[0]),
				    0600, err);
	if (rc < 0)
		return err_wrap(err, rc, "store a seccomp program");
	int fd = seccomp_cache_open(folderfd, key);
	if (fd < 0)
		return err_set(err, ERR_SYSTEM, EIO, "the seccomp program '%s' cannot be read back",
			       key->name);
	return fd;
}
