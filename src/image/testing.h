/*
 * testing.h - for unit tests and fuzz targets: a stream out of memory, handed out in small windows so
 * that everything crosses a border, and tar headers.
 */
#ifndef CORTEN_IMAGE_TESTING_H
#define CORTEN_IMAGE_TESTING_H

#include <stdio.h>
#include <string.h>

#include "image/stream.h"

struct memory_stream {
	struct stream stream;
	const uint8_t *data;
	size_t left;
	size_t window;
};

static inline int memory_fill(struct stream *stream, struct err *err)
{
	struct memory_stream *memory = (struct memory_stream *)stream;
	size_t size = memory->left < memory->window ? memory->left : memory->window;

	(void)err;
	stream->at = memory->data;
	stream->len = size;
	memory->data += size;
	memory->left -= size;
	return 0;
}

static inline struct memory_stream memory_stream(const void *data, size_t size, size_t window)
{
	return (struct memory_stream){
		.stream = {.fill = memory_fill}, .data = data, .left = size, .window = window};
}

/* A ustar header with its checksum, in 512 bytes. */
static inline void testing_header(uint8_t *block, const char *name, char type, size_t size,
				  const char *link)
{
	static const char magic[8] = {'u', 's', 't', 'a', 'r', '\0', '0', '0'};
	unsigned int sum = 0;
	char *text = (char *)block;

	memset(block, 0, 512);
	memcpy(text, name, strnlen(name, 100));
	memcpy(text + 100, "0000644", 8);
	memcpy(text + 108, "0000012", 8);
	memcpy(text + 116, "0000013", 8);
	(void)snprintf(text + 124, 12, "%011zo", size);
	memcpy(text + 136, "07346545000", 12);
	text[156] = type;
	if (link != NULL)
		memcpy(text + 157, link, strnlen(link, 100));
	memcpy(text + 257, magic, sizeof(magic));
	memset(text + 148, ' ', 8);
	for (size_t i = 0; i < 512; i++)
		sum += block[i];
	(void)snprintf(text + 148, 8, "%06o", sum & 0777777);
}

#endif
