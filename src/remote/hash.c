#include "remote/hash.h"

#include <errno.h>
#include <openssl/evp.h>

#include "base/str.h"

/* struct hash is OpenSSL's context, under a name of ours. */
static EVP_MD_CTX *context_of(struct hash *hash)
{
	return (EVP_MD_CTX *)hash;
}

static void begin(struct hash *hash)
{
	(void)EVP_DigestInit_ex(context_of(hash), EVP_sha256(), NULL);
}

struct hash *hash_new(struct err *err)
{
	struct hash *hash = (struct hash *)EVP_MD_CTX_new();

	if (hash == NULL || EVP_DigestInit_ex(context_of(hash), EVP_sha256(), NULL) != 1) {
		hash_free(hash);
		(void)err_set(err, ERR_SYSTEM, ENOMEM, "compute a digest");
		return NULL;
	}
	return hash;
}

void hash_free(struct hash *hash)
{
	EVP_MD_CTX_free(context_of(hash));
}

void hash_add(struct hash *hash, const void *data, size_t size)
{
	(void)EVP_DigestUpdate(context_of(hash), data, size);
}

void hash_end(struct hash *hash, char ret_digest[HASH_TEXT_MAX])
{
	unsigned char digest[EVP_MAX_MD_SIZE] = {0};
	unsigned int size = 0;

	(void)EVP_DigestFinal_ex(context_of(hash), digest, &size);
	(void)str_copy(ret_digest, HASH_TEXT_MAX, "sha256:");
	for (size_t i = 0; i < 32; i++)
		(void)str_format(ret_digest + 7 + 2 * i, 3, "%02x", digest[i]);
	begin(hash);
}

int hash_of(const void *data, size_t size, char ret_digest[HASH_TEXT_MAX], struct err *err)
{
	struct hash *hash = hash_new(err);

	if (hash == NULL)
		return -ENOMEM;
	hash_add(hash, data, size);
	hash_end(hash, ret_digest);
	hash_free(hash);
	return 0;
}
