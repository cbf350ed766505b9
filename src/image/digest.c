#include "image/digest.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

int digest_init(struct digest *digest, struct err *err)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	if (context == NULL || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1) {
		EVP_MD_CTX_free(context);
		return err_set(err, ERR_SYSTEM, ENOMEM, "prepare SHA-256");
	}
	digest->context = context;
	return 0;
}

void digest_add(struct digest *digest, const void *data, size_t size)
{
	(void)EVP_DigestUpdate(digest->context, data, size);
}

void digest_hex(struct digest *digest, char ret_hex[65])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char bytes[EVP_MAX_MD_SIZE] = {0};

	(void)EVP_DigestFinal_ex(digest->context, bytes, NULL);
	for (size_t i = 0; i < 32; i++) {
		ret_hex[2 * i] = digits[bytes[i] >> 4];
		ret_hex[2 * i + 1] = digits[bytes[i] & 15];
	}
	ret_hex[64] = '\0';
}

void digest_done(struct digest *digest)
{
	EVP_MD_CTX_free(digest->context);
	digest->context = NULL;
}

int digest_of(const void *data, size_t size, char ret_hex[65], struct err *err)
{
	struct digest digest = {0};

	int rc = digest_init(&digest, err);
	if (rc < 0)
		return rc;
	digest_add(&digest, data, size);
	digest_hex(&digest, ret_hex);
	digest_done(&digest);
	return 0;
}

int digest_prepare(struct err *err)
{
	char hex[65];

	/* No configuration file: it could name modules to load. */
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL) != 1)
		return err_set(err, ERR_SYSTEM, 0, "prepare libcrypto");
	return digest_of("", 0, hex, err);
}
