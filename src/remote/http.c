#include "remote/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "remote/link.h"

#define BUFFER_BYTES 131072L

struct http_client {
	CURL *easy;
	char error[CURL_ERROR_SIZE];
};

struct exchange {
	const struct http_request *request;
	struct http_response *response;
	size_t header_count;
	size_t header_bytes;
	bool stopped;
	bool wrong;
};

int http_init(struct err *err)
{
	CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);

	return code == CURLE_OK ? 0
				: err_set(err, ERR_SYSTEM, 0, "prepare libcurl: %s",
					  curl_easy_strerror(code));
}

struct http_client *http_client_new(struct err *err)
{
	struct http_client *client = calloc(1, sizeof(*client));

	if (client != NULL)
		client->easy = curl_easy_init();
	if (client == NULL || client->easy == NULL) {
		free(client);
		(void)err_set(err, ERR_SYSTEM, ENOMEM, "prepare a connection");
		return NULL;
	}
	return client;
}

void http_client_free(struct http_client *client)
{
	if (client == NULL)
		return;
	curl_easy_cleanup(client->easy);
	free(client);
}

/* A header's value as text without what would order a terminal about; "" when it does not fit. */
static void copy_value(char *to, size_t size, const char *value, size_t len)
{
	to[0] = '\0';
	if (len >= size)
		return;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)value[i];
		if (c < ' ' || c >= 0x7f)
			return;
	}
	memcpy(to, value, len);
	to[len] = '\0';
}

static int64_t parse_seconds(const char *text)
{
	struct err ignored;
	int64_t value;

	if (str_parse_int64(text, 0, INT32_MAX, &value, &ignored) == 0)
		return value;
	time_t date = curl_getdate(text, NULL);
	time_t now = time(NULL);
	if (date == -1)
		return -1;
	return date > now ? (int64_t)(date - now) : 0;
}

/* A number that another character ends, or the text does; negative: none. */
static int64_t parse_number(const char *text, char end)
{
	struct err ignored;
	char digits[24];
	int64_t value;
	size_t len = strspn(text, "0123456789");

	if (len == 0 || len >= sizeof(digits) || text[len] != end)
		return -1;
	memcpy(digits, text, len);
	digits[len] = '\0';
	return str_parse_int64(digits, 0, INT64_MAX, &value, &ignored) == 0 ? value : -1;
}

/* "bytes 5-9/10": where it begins. */
static int64_t parse_range_start(const char *text)
{
	const char *digits = str_after(text, "bytes ");

	return digits != NULL ? parse_number(digits, '-') : -1;
}

/* "0-9", or as the specification of HTTP would have it "bytes=0-9": where it ends. */
static int64_t parse_range_end(const char *text)
{
	const char *digits = str_after(text, "bytes=");

	digits = str_after(digits != NULL ? digits : text, "0-");
	return digits != NULL ? parse_number(digits, '\0') : -1;
}

/* The first link that leads on; a header may come several times. */
static void take_link(struct http_response *response, const char *value, size_t len)
{
	char text[REMOTE_URL_MAX];

	copy_value(text, sizeof(text), value, len);
	(void)link_next(text, response->next, sizeof(response->next));
}

static void take_header(struct http_response *response, const char *name, size_t name_len,
			const char *value, size_t len)
{
	struct err ignored;
	char text[4096];

#define IS(word) (name_len == strlen(word) && strncasecmp(name, word, strlen(word)) == 0)
	if (IS("content-type")) {
		size_t plain = 0;
		while (plain < len && value[plain] != ';' && value[plain] != ' ')
			plain++;
		copy_value(response->content_type, sizeof(response->content_type), value, plain);
	} else if (IS("docker-content-digest")) {
		copy_value(response->digest, sizeof(response->digest), value, len);
	} else if (IS("location")) {
		copy_value(response->location, sizeof(response->location), value, len);
	} else if (IS("oci-filters-applied")) {
		copy_value(response->filters, sizeof(response->filters), value, len);
	} else if (IS("link") && response->next[0] == '\0') {
		take_link(response, value, len);
	} else if (IS("retry-after")) {
		copy_value(text, sizeof(text), value, len);
		response->retry_after_s = parse_seconds(text);
	} else if (IS("content-range")) {
		copy_value(text, sizeof(text), value, len);
		response->range_start = parse_range_start(text);
	} else if (IS("range")) {
		copy_value(text, sizeof(text), value, len);
		response->range_end = parse_range_end(text);
	} else if (IS("oci-chunk-min-length")) {
		copy_value(text, sizeof(text), value, len);
		int64_t bytes = parse_number(text, '\0');
		response->chunk_bytes = bytes > 0 ? bytes : 0;
	} else if (IS("oci-subject")) {
		copy_value(response->subject, sizeof(response->subject), value, len);
	} else if (IS("www-authenticate")) {
		copy_value(text, sizeof(text), value, len);
		if (challenge_parse(text, &response->challenge, &ignored) == 0)
			response->challenged = true;
	}
#undef IS
}

static void begin_response(struct http_response *response)
{
	response->range_start = -1;
	response->range_end = -1;
	response->chunk_bytes = 0;
	response->retry_after_s = -1;
	response->challenged = false;
	response->challenge = (struct challenge){0};
	response->content_type[0] = '\0';
	response->digest[0] = '\0';
	response->subject[0] = '\0';
	response->location[0] = '\0';
	response->next[0] = '\0';
	response->filters[0] = '\0';
}

/* "HTTP/1.1 200 OK": libcurl itself tells only once all is over. */
static int parse_status(const char *line, size_t len)
{
	size_t at = 0;
	int status = 0;

	while (at < len && line[at] != ' ')
		at++;
	for (at++; at < len && line[at] >= '0' && line[at] <= '9' && status < 1000; at++)
		status = status * 10 + (line[at] - '0');
	return status;
}

static size_t on_header(char *data, size_t size, size_t count, void *arg)
{
	struct exchange *exchange = arg;
	size_t len = size * count;
	size_t name_len = 0;

	exchange->header_bytes += len;
	if (++exchange->header_count > REMOTE_HEADERS_MAX ||
	    exchange->header_bytes > REMOTE_HEADER_BYTES_MAX) {
		exchange->wrong = true;
		return 0;
	}
	if (len > 5 && memcmp(data, "HTTP/", 5) == 0) {
		begin_response(exchange->response);
		exchange->response->status = parse_status(data, len);
		return len;
	}
	while (name_len < len && data[name_len] != ':')
		name_len++;
	if (name_len == len)
		return len;
	size_t start = name_len + 1, end = len;
	while (start < end && (data[start] == ' ' || data[start] == '\t'))
		start++;
	while (end > start && (unsigned char)data[end - 1] <= ' ')
		end--;
	take_header(exchange->response, data, name_len, data + start, end - start);
	return len;
}

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
	struct exchange *exchange = arg;
	struct http_response *response = exchange->response;
	size_t len = size * count;

	if (exchange->request->sink != NULL &&
	    (response->status == 200 || response->status == 206)) {
		if (exchange->request->sink(exchange->request->sink_arg, data, len) == 0)
			return len;
		exchange->stopped = true;
		return 0;
	}
	/* Of a page of errors the beginning is enough; its end is not waited for. */
	size_t room = response->error.max - response->error.len;
	buf_add(&response->error, data, len < room ? len : room);
	return len <= room ? len : 0;
}

static size_t on_source(char *data, size_t size, size_t count, void *arg)
{
	struct exchange *exchange = arg;
	const struct http_request *request = exchange->request;

	if (request->source == NULL)
		return 0;
	exchange->response->source_taken = true;
	ssize_t got = request->source(request->source_arg, data, size * count);
	if (got >= 0)
		return (size_t)got;
	exchange->stopped = true;
	return CURL_READFUNC_ABORT;
}

static struct curl_slist *make_headers(const struct http_request *request)
{
	struct curl_slist *list = NULL;

	for (size_t i = 0; i < request->headers.count; i++) {
		struct curl_slist *more = curl_slist_append(list, request->headers.items[i]);
		if (more == NULL) {
			curl_slist_free_all(list);
			return NULL;
		}
		list = more;
	}
	return list;
}

#define SET(option, value) (void)curl_easy_setopt(easy, option, value)

static void set_tls(CURL *easy, const struct http_tls *tls)
{
	SET(CURLOPT_SSL_VERIFYPEER, tls->insecure ? 0L : 1L);
	SET(CURLOPT_SSL_VERIFYHOST, tls->insecure ? 0L : 2L);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (tls->ca_pem != NULL) {
		/* libcurl's struct has no const; with CURL_BLOB_COPY it only reads. */
		union {
			const char *in;
			void *out;
		} pem = {.in = tls->ca_pem};
		struct curl_blob blob = {
			.data = pem.out, .len = tls->ca_len, .flags = CURL_BLOB_COPY};
		SET(CURLOPT_CAINFO_BLOB, &blob);
	}
	if (tls->cert_file != NULL) {
		SET(CURLOPT_SSLCERT, tls->cert_file);
		SET(CURLOPT_SSLKEY, tls->key_file);
	}
}

static void set_method(CURL *easy, const struct http_request *request, struct exchange *exchange)
{
	static const char *const names[] = {
		[HTTP_GET] = "GET", [HTTP_HEAD] = "HEAD",   [HTTP_POST] = "POST",
		[HTTP_PUT] = "PUT", [HTTP_PATCH] = "PATCH", [HTTP_DELETE] = "DELETE"};

	switch (request->method) {
	case HTTP_GET:
		break;
	case HTTP_HEAD:
		SET(CURLOPT_NOBODY, 1L);
		break;
	case HTTP_DELETE:
		SET(CURLOPT_CUSTOMREQUEST, names[request->method]);
		break;
	case HTTP_POST:
	case HTTP_PUT:
	case HTTP_PATCH:
		if (request->form != NULL) {
			SET(CURLOPT_POSTFIELDS, request->form);
			break;
		}
		SET(CURLOPT_UPLOAD, 1L);
		SET(CURLOPT_CUSTOMREQUEST, names[request->method]);
		SET(CURLOPT_INFILESIZE_LARGE,
		    (curl_off_t)(request->source != NULL ? request->source_bytes : 0));
		SET(CURLOPT_READFUNCTION, on_source);
		SET(CURLOPT_READDATA, exchange);
		SET(CURLOPT_UPLOAD_BUFFERSIZE, BUFFER_BYTES);
		break;
	}
}

static void set_request(struct http_client *client, const struct http_request *request,
			struct curl_slist *headers, struct exchange *exchange)
{
	CURL *easy = client->easy;
	char range[32];

	curl_easy_reset(easy); /* connections stay */
	client->error[0] = '\0';
	SET(CURLOPT_ERRORBUFFER, client->error);
	SET(CURLOPT_URL, request->url);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1); /* a connection carries one body */
	SET(CURLOPT_BUFFERSIZE, BUFFER_BYTES);
	SET(CURLOPT_CONNECTTIMEOUT, (long)REMOTE_CONNECT_S);
	SET(CURLOPT_LOW_SPEED_LIMIT, REMOTE_STALL_BYTES);
	SET(CURLOPT_LOW_SPEED_TIME, request->stall_s > 0 ? request->stall_s : (long)REMOTE_STALL_S);
	SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	SET(CURLOPT_USERAGENT, "corten/" CORTEN_VERSION);
	SET(CURLOPT_HTTPHEADER, headers);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, exchange);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, exchange);
	if (request->whole_s > 0)
		SET(CURLOPT_TIMEOUT, request->whole_s);
	if (request->direct)
		SET(CURLOPT_PROXY, "");
	set_method(easy, request, exchange);
	if (request->offset > 0) {
		(void)snprintf(range, sizeof(range), "%lld-", (long long)request->offset);
		SET(CURLOPT_RANGE, range);
	}
	if (request->tls != NULL)
		set_tls(easy, request->tls);
}

static enum http_failure failure_of(CURLcode code, const struct exchange *exchange)
{
	if (exchange->stopped)
		return HTTP_STOPPED;
	if (exchange->wrong)
		return HTTP_WRONG;
	switch ((int)code) {
	case CURLE_OK:
		return HTTP_OK;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_CONNECT:
		return HTTP_CONNECT;
	case CURLE_SSL_CONNECT_ERROR:
		return HTTP_TLS;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
		return HTTP_VERIFY;
	case CURLE_PARTIAL_FILE:
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_SEND_FAIL_REWIND: /* a kept connection was dead: the body is to be begun again */
	case CURLE_RECV_ERROR:
	case CURLE_HTTP2_STREAM:
		return HTTP_BROKEN;
	default:
		return HTTP_WRONG;
	}
}

/* A proxy that would not connect: to libcurl a failure to receive. */
static bool proxy_refused(CURL *easy)
{
	long status = 0;

	return curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &status) == CURLE_OK &&
	       status >= 300;
}

int http_send(struct http_client *client, const struct http_request *request,
	      struct http_response *ret_response, struct err *err)
{
	struct exchange exchange = {.request = request, .response = ret_response};

	*ret_response = (struct http_response){.error = BUF_INIT(REMOTE_ERROR_BYTES_MAX)};
	begin_response(ret_response);
	struct curl_slist *headers = make_headers(request);
	if (headers == NULL && request->headers.count > 0)
		return err_set(err, ERR_SYSTEM, ENOMEM, "make a request");
	set_request(client, request, headers, &exchange);
	CURLcode code = curl_easy_perform(client->easy);
	curl_slist_free_all(headers);
	/* Cut by us: what was wanted of a page of errors is there. */
	if (code == CURLE_WRITE_ERROR && !exchange.stopped && !exchange.wrong)
		code = CURLE_OK;
	ret_response->failure = failure_of(code, &exchange);
	if (ret_response->failure == HTTP_BROKEN && proxy_refused(client->easy))
		ret_response->failure = HTTP_CONNECT;
	/* With TLS 1.3 a server that wants a certificate says so only behind the handshake. */
	if (ret_response->failure == HTTP_BROKEN && exchange.header_count == 0 &&
	    strstr(client->error, "alert") != NULL)
		ret_response->failure = HTTP_VERIFY;
	if (ret_response->failure == HTTP_OK)
		return 0;
	if (exchange.wrong)
		return err_set(err, ERR_INVALID, 0, "more than %d headers, or %zu bytes of them",
			       REMOTE_HEADERS_MAX, REMOTE_HEADER_BYTES_MAX);
	return err_set(err, ERR_SYSTEM, code == CURLE_OPERATION_TIMEDOUT ? ETIMEDOUT : 0, "%s",
		       client->error[0] != '\0' ? client->error : curl_easy_strerror(code));
}

void http_response_done(struct http_response *response)
{
	buf_done(&response->error);
}

int http_resolve(const char *base, const char *location, char ret_url[REMOTE_URL_MAX],
		 struct err *err)
{
	CURLU *url = curl_url();
	char *scheme = NULL, *full = NULL;

	bool ok = url != NULL && curl_url_set(url, CURLUPART_URL, base, 0) == CURLUE_OK &&
		  curl_url_set(url, CURLUPART_URL, location, 0) == CURLUE_OK &&
		  curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		  (strcmp(scheme, "https") == 0 || strcmp(scheme, "http") == 0) &&
		  /* No one's name and password but ours are sent, and those by header. */
		  curl_url_set(url, CURLUPART_USER, NULL, 0) == CURLUE_OK &&
		  curl_url_set(url, CURLUPART_PASSWORD, NULL, 0) == CURLUE_OK &&
		  curl_url_set(url, CURLUPART_FRAGMENT, NULL, 0) == CURLUE_OK &&
		  curl_url_get(url, CURLUPART_URL, &full, 0) == CURLUE_OK &&
		  str_copy(ret_url, REMOTE_URL_MAX, full) == 0;
	curl_free(scheme);
	curl_free(full);
	curl_url_cleanup(url);
	return ok ? 0 : err_set(err, ERR_INVALID, 0, "'%.200s' is no http or https URL", location);
}

/* "scheme://host:port", the port always said. */
static bool origin_of(const char *text, char *buf, size_t size)
{
	CURLU *url = curl_url();
	char *scheme = NULL, *host = NULL, *port = NULL;

	bool ok = url != NULL && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
		  curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		  curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
		  curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
		  str_format(buf, size, "%s://%s:%s", scheme, host, port) == 0;
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(url);
	return ok;
}

bool http_same_origin(const char *one, const char *two)
{
	char a[REMOTE_URL_MAX], b[REMOTE_URL_MAX];

	return origin_of(one, a, sizeof(a)) && origin_of(two, b, sizeof(b)) &&
	       strcasecmp(a, b) == 0;
}

int http_host_of(const char *url, char *buf, size_t size, struct err *err)
{
	CURLU *parsed = curl_url();
	char *host = NULL, *port = NULL;

	bool ok = parsed != NULL && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
		  curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK;
	if (ok)
		(void)curl_url_get(parsed, CURLUPART_PORT, &port, CURLU_NO_DEFAULT_PORT);
	ok = ok && str_format(buf, size, "%s%s%s", host, port != NULL ? ":" : "",
			      port != NULL ? port : "") == 0;
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(parsed);
	return ok ? 0 : err_set(err, ERR_INVALID, 0, "'%.200s' is no URL", url);
}
