#include "engine/identity.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define LEVEL_CATEGORIES 1024U

static const char *const adjectives[] = {
	"able",    "airy",    "ample",    "azure",  "balmy",   "brave",  "breezy", "bright",
	"brisk",   "calm",    "candid",   "clever", "cosy",    "crisp",  "daring", "deft",
	"eager",   "early",   "earnest",  "fabled", "fair",    "fluent", "fond",   "frank",
	"fresh",   "gentle",  "glad",     "golden", "grand",   "happy",  "hardy",  "hearty",
	"humble",  "ideal",   "jolly",    "jovial", "keen",    "kind",   "lively", "loyal",
	"lucid",   "lucky",   "mellow",   "merry",  "mighty",  "modest", "neat",   "nimble",
	"noble",   "patient", "placid",   "plucky", "polite",  "proud",  "quick",  "quiet",
	"radiant", "ready",   "rosy",     "rustic", "sage",    "serene", "sharp",  "sincere",
	"snug",    "sober",   "spry",     "steady", "stoic",   "sunny",  "swift",  "tender",
	"thrifty", "tidy",    "tireless", "upbeat", "valiant", "vivid",  "warm",   "wise",
	"witty",   "worthy",  "young",    "zesty",
};

/* People of science and of the arts of building and of computing. */
static const char *const surnames[] = {
	"abel",     "agnesi",      "ampere",     "archimedes", "avogadro",  "babbage",
	"banach",   "bernoulli",   "bessemer",   "bohr",       "boole",     "bose",
	"boyle",    "brahe",       "brunel",     "cantor",     "cauchy",    "chandra",
	"church",   "copernicus",  "curie",      "dalton",     "darwin",    "dijkstra",
	"dirac",    "eiffel",      "einstein",   "engelbart",  "erdos",     "euclid",
	"euler",    "faraday",     "fermat",     "fermi",      "feynman",   "fibonacci",
	"fleming",  "franklin",    "galileo",    "galois",     "gauss",     "germain",
	"goldberg", "hamilton",    "heron",      "hertz",      "hilbert",   "hooke",
	"hopper",   "hubble",      "huygens",    "hypatia",    "ibnsina",   "jacobi",
	"johnson",  "joule",       "kepler",     "khwarizmi",  "kirchhoff", "kolmogorov",
	"lagrange", "lamarr",      "laplace",    "lavoisier",  "leibniz",   "linnaeus",
	"lovelace", "maxwell",     "meitner",    "mendel",     "mendeleev", "mirzakhani",
	"napier",   "nash",        "newton",     "noether",    "ohm",       "pascal",
	"pasteur",  "pauli",       "perlman",    "planck",     "poincare",  "ramanujan",
	"riemann",  "ritchie",     "rutherford", "shannon",    "sinan",     "stevin",
	"telford",  "tesla",       "torricelli", "turing",     "vaughan",   "volta",
	"watt",     "weierstrass", "wilkes",     "wright",     "yonath",    "zuse",
};

static int random_bytes(void *bytes, size_t size, struct err *err)
{
	if (getrandom(bytes, size, 0) != (ssize_t)size)
		return err_errno(err, "read random numbers");
	return 0;
}

int identity_new_id(char ret_id[IDENTITY_ID_CHARS + 1], struct err *err)
{
	static const char hex[] = "0123456789abcdef";
	unsigned char bytes[IDENTITY_ID_CHARS / 2];

	do {
		int rc = random_bytes(bytes, sizeof(bytes), err);
		if (rc < 0)
			return rc;
		for (size_t i = 0; i < sizeof(bytes); i++) {
			ret_id[2 * i] = hex[bytes[i] >> 4];
			ret_id[2 * i + 1] = hex[bytes[i] & 15];
		}
		ret_id[IDENTITY_ID_CHARS] = '\0';
	} while (strspn(ret_id, "0123456789") >= 12);
	return 0;
}

int identity_new_name(int attempt, char ret_name[IDENTITY_NAME_MAX], struct err *err)
{
	uint32_t words[3];

	int rc = random_bytes(words, sizeof(words), err);
	if (rc < 0)
		return rc;
	const char *adjective = adjectives[words[0] % (sizeof(adjectives) / sizeof(adjectives[0]))];
	const char *surname = surnames[words[1] % (sizeof(surnames) / sizeof(surnames[0]))];
	if (attempt == 0)
		(void)snprintf(ret_name, IDENTITY_NAME_MAX, "%s_%s", adjective, surname);
	else
		(void)snprintf(ret_name, IDENTITY_NAME_MAX, "%s_%s%u", adjective, surname,
			       words[2] % (attempt < 3 ? 100U : 1000000U));
	return 0;
}

int identity_new_level(char ret_level[IDENTITY_LEVEL_MAX], struct err *err)
{
	uint32_t words[2];

	int rc = random_bytes(words, sizeof(words), err);
	if (rc < 0)
		return rc;
	/* Any first one, then any of the 1,023 others. */
	unsigned a = words[0] % LEVEL_CATEGORIES;
	unsigned b = (a + 1 + words[1] % (LEVEL_CATEGORIES - 1)) % LEVEL_CATEGORIES;
	(void)snprintf(ret_level, IDENTITY_LEVEL_MAX, "s0:c%u,c%u", a < b ? a : b, a < b ? b : a);
	return 0;
}

int identity_check_name(const char *name, struct err *err)
{
	size_t len = strlen(name);
	bool good = len >= 2 && len < IDENTITY_NAME_MAX && isalnum((unsigned char)name[0]);

	for (size_t i = 1; good && i < len; i++)
		good = isalnum((unsigned char)name[i]) || strchr("_.-", name[i]) != NULL;
	if (!good)
		return err_set(
			err, ERR_INVALID, 0,
			"Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
			name);
	return 0;
}

bool identity_is_id_prefix(const char *text)
{
	size_t len = strlen(text);

	return len > 0 && len <= IDENTITY_ID_CHARS && strspn(text, "0123456789abcdef") == len;
}
