/*
 * seccomp_cache.h - compiled programs kept by the hash of the profile's text.
 *
 * Purpose    A container whose profile was seen before starts without parsing or compiling it.
 * Layout     The folder "~seccomp" (no container id has a ~) under the runtime's root, mode 0700; a file is named by 64 hexadecimal
 *            digits, mode 0600, in the format of seccomp_file.h.
 * Key        BLAKE2b-256 of the compiler's version, the processor and the text. It must resist
 *            collisions, since users write profiles: one that shared its name with a looser one would
 *            be filtered by that. BLAKE2b is the quickest such hash on 64-bit processors without
 *            special instructions (some 20 us for Docker's policy).
 * Trust      A folder or file that is a link, is not the caller's, is open to others, or is not a whole
 *            program is treated as absent; seccomp_cache_store() replaces a file.
 * Size       Past 256 files the next store empties the folder.
 * Ownership  Descriptors returned are the caller's, O_CLOEXEC.
 */
#ifndef CORTEN_KERN_SECCOMP_SECCOMP_CACHE_H
#define CORTEN_KERN_SECCOMP_SECCOMP_CACHE_H

#include <stddef.h>

#include "base/err.h"
#include "kern/seccomp/seccomp.h"

struct seccomp_cache_key {
	char name[65];
};

void seccomp_cache_key_init(struct seccomp_cache_key *key, const char *text, size_t len,
			    enum seccomp_arch native);

/* Opens the folder "~seccomp" beneath rootfd, made when absent. Fails with ERR_DENIED if not trusted. */
int seccomp_cache_open_folder(int rootfd, struct err *err);

/* Reads the program of a key; -ENOENT when it must be compiled. unknown_names is not kept: 0. */
int seccomp_cache_read(int folderfd, const struct seccomp_cache_key *key,
		       struct seccomp_program *ret_program);

/* The same file open for reading at its start, for a stage that reads it itself. */
int seccomp_cache_open(int folderfd, const struct seccomp_cache_key *key);

/* Stores a program, replacing what is there, and opens it as seccomp_cache_open() would. */
int seccomp_cache_store(int folderfd, const struct seccomp_cache_key *key,
			const struct seccomp_program *program, struct err *err);

#endif
