// SPDX-License-Identifier: MIT
// One transfer at a time on a thread of its own. Invariants: a location is given to libcurl and to nobody else (it may hold
// a password), never printed; only the four schemes are spoken, after redirects HTTP alone, and never HTTP after HTTPS;
// every wait is bounded; a download that failed leaves no file.
#include "transfer_curl.h"

#include "transfer_curl_private.h"
#include "transfer_sha256.h"
#include "transfer_url.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define PART          "firmware.part"
#define DOWNLOADED    "firmware.bin"
#define SPOOLED       "diagnostics.txt"
#define REDIRECTS_MAX 5L
#define SLOW_BYTES    64L // a second, over stall_s: slower is as good as hanging
#define TOTAL_S       (6L * 3600L)
#define SPOOL_BYTES   (4u * 1024u * 1024u)
#define SPOOL_WAIT_MS 10000 // the comms loop feeds every 20 ms
#define NICE          10    // whatever else runs goes first

_Static_assert(TRANSFER_SHA256_BYTES == EVSE_TRANSFER_SHA256_BYTES, "one digest");

// ---- how it ended -------------------------------------------------------------------------------

static int status_of_curl(CURLcode code)
{
    switch (code) {
    case CURLE_OK:
        return HF_OK;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
        return HF_E_UNREACHABLE;
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_FTP_ACCEPT_TIMEOUT:
        return HF_E_TIMEOUT;
    case CURLE_HTTP_RETURNED_ERROR:
    case CURLE_REMOTE_ACCESS_DENIED:
    case CURLE_REMOTE_FILE_NOT_FOUND:
    case CURLE_LOGIN_DENIED:
    case CURLE_UPLOAD_FAILED:
    case CURLE_FTP_COULDNT_RETR_FILE:
        return HF_E_REFUSED;
    case CURLE_UNSUPPORTED_PROTOCOL:
        return HF_E_UNSUPPORTED;
    case CURLE_URL_MALFORMAT:
        return HF_E_FORMAT;
    case CURLE_FILESIZE_EXCEEDED:
        return HF_E_TOO_LONG;
    case CURLE_ABORTED_BY_CALLBACK:
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
        return HF_E_CLOSED;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_TOO_MANY_REDIRECTS:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_HTTP2:
        return HF_E_PROTOCOL;
    default:
        return HF_E_IO;
    }
}

// ---- libcurl's callbacks ------------------------------------------------------------------------

static size_t on_received(char *data, size_t size, size_t count, void *ctx)
{
    transfer_curl_t *transfer = ctx;
    size_t length = size * count;
    if (length > transfer->config.bytes_max - transfer->bytes) {
        transfer->file_error = HF_E_TOO_LONG;
        return 0; // CURLE_WRITE_ERROR
    }
    transfer->file_error = transfer_file_write(transfer->file, data, length);
    if (transfer->file_error != HF_OK) {
        return 0;
    }
    transfer_sha256_add(transfer->hash, data, length);
    transfer->bytes += length;
    return length;
}

// What a server answers to an upload is not for us.
static size_t on_answer(char *data, size_t size, size_t count, void *ctx)
{
    (void)data;
    (void)ctx;
    return size * count;
}

static size_t on_wanted(char *data, size_t size, size_t count, void *ctx)
{
    const transfer_curl_t *transfer = ctx;
    ssize_t got = read(transfer->file, data, size * count);
    return got >= 0 ? (size_t)got : CURL_READFUNC_ABORT;
}

static int on_rewind(void *ctx, curl_off_t offset, int origin)
{
    const transfer_curl_t *transfer = ctx;
    return lseek(transfer->file, (off_t)offset, origin) >= 0 ? CURL_SEEKFUNC_OK
                                                             : CURL_SEEKFUNC_FAIL;
}

static int on_progress(void *ctx, curl_off_t total, curl_off_t now, curl_off_t up_total,
                       curl_off_t up_now)
{
    transfer_curl_t *transfer = ctx;
    (void)total;
    (void)now;
    (void)up_total;
    (void)up_now;
    return atomic_load(&transfer->cancelled) != 0 ? 1 : 0;
}

static void mark(const transfer_curl_t *transfer, const char *tag)
{
    if (transfer->config.mark != NULL) {
        transfer->config.mark(transfer->config.mark_ctx, tag);
    }
}

// Connected, and the handshake is over where there is one; called again for each redirect.
static int on_connected(void *ctx, char *peer, char *own, int peer_port, int own_port)
{
    (void)peer;
    (void)own;
    (void)peer_port;
    (void)own_port;
    mark(ctx, "tls_post");
    return CURL_PREREQFUNC_OK;
}

// ---- one transfer -------------------------------------------------------------------------------

static bool is_secure(transfer_scheme_t scheme)
{
    return scheme == TRANSFER_HTTPS || scheme == TRANSFER_FTPS;
}

static CURLcode set_bounds(const transfer_curl_t *transfer, CURL *easy, transfer_scheme_t scheme)
{
    bool secure = scheme == TRANSFER_HTTPS;
    const char *after = secure ? "https" : "http,https";
    const struct {
        CURLoption option;
        long value;
    } numbers[] = {
        {CURLOPT_NOSIGNAL, 1},
        {CURLOPT_FAILONERROR, 1},
        {CURLOPT_FOLLOWLOCATION, 1},
        {CURLOPT_MAXREDIRS, REDIRECTS_MAX},
        {CURLOPT_CONNECTTIMEOUT, (long)transfer->config.stall_s},
        {CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)transfer->config.stall_s},
        {CURLOPT_LOW_SPEED_TIME, (long)transfer->config.stall_s},
        {CURLOPT_LOW_SPEED_LIMIT, SLOW_BYTES},
        {CURLOPT_TIMEOUT, TOTAL_S},
        {CURLOPT_SSL_VERIFYPEER, 1},
        {CURLOPT_SSL_VERIFYHOST, 2},
        {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
        {CURLOPT_USE_SSL, scheme == TRANSFER_FTPS ? CURLUSESSL_ALL : CURLUSESSL_NONE},
        {CURLOPT_NOPROGRESS, 0},
        {CURLOPT_QUICK_EXIT, 1}, // a name that is being looked up holds nobody up at the end
    };
    CURLcode code = CURLE_OK;
    for (size_t i = 0; code == CURLE_OK && i < HF_COUNT_OF(numbers); i++) {
        code = curl_easy_setopt(easy, numbers[i].option, numbers[i].value);
    }
    code = code == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https,ftp,ftps")
                            : code;
    return code == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, after) : code;
}

// A proxy of the environment is not used: the connection to the central system takes none either.
static CURLcode set_common(transfer_curl_t *transfer, CURL *easy, transfer_scheme_t scheme)
{
    const transfer_curl_config_t *config = &transfer->config;
    CURLcode code = curl_easy_setopt(easy, CURLOPT_URL, transfer->url);
    code = code == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_PROXY, "") : code;
    code = code == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_USERAGENT, config->agent) : code;
    code = code == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress) : code;
    code = code == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_XFERINFODATA, transfer) : code;
    if (code == CURLE_OK && is_secure(scheme)) {
        code = curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connected);
        code = code == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer) : code;
    }
    if (code == CURLE_OK && config->ca_file != NULL && config->ca_file[0] != '\0') {
        code = curl_easy_setopt(easy, CURLOPT_CAINFO, config->ca_file);
    }
    return code;
}

static CURLcode set_download(transfer_curl_t *transfer, CURL *easy)
{
    CURLcode code = curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_received);
    code = code == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer) : code;
    return code == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE,
                                               (curl_off_t)transfer->config.bytes_max)
                            : code;
}

static CURLcode set_upload(transfer_curl_t *transfer, CURL *easy)
{
    CURLcode code = curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer);
    code = code == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L) : code;
    code = code == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_wanted) : code;
    code = code == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_READDATA, transfer) : code;
    code = code == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_rewind) : code;
    code = code == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_SEEKDATA, transfer) : code;
    return code == CURLE_OK
               ? curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)transfer->bytes)
               : code;
}

static int perform(transfer_curl_t *transfer, CURL *easy, transfer_scheme_t scheme)
{
    if (is_secure(scheme)) {
        mark(transfer, "tls_pre");
    }
    CURLcode code = curl_easy_perform(easy);
    long answer = 0;
    (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &answer);
    transfer->result.code = (uint32_t)answer;
    transfer->result.why = curl_easy_strerror(code);
    bool http = scheme == TRANSFER_HTTP || scheme == TRANSFER_HTTPS;
    if (code == CURLE_OK && http && answer / 100 != 2) { // as 304, which is no error to libcurl
        transfer->result.why = "the server did not do it";
        return HF_E_REFUSED;
    }
    return code == CURLE_WRITE_ERROR && transfer->file_error != HF_OK ? transfer->file_error
                                                                      : status_of_curl(code);
}

// A server that takes no PUT may take a form, as browsers send it.
static int post_form(transfer_curl_t *transfer, CURL *easy, transfer_scheme_t scheme)
{
    curl_mime *form = curl_mime_init(easy);
    curl_mimepart *part = form != NULL ? curl_mime_addpart(form) : NULL;
    int status = HF_E_IO;
    if (part != NULL && lseek(transfer->file, 0, SEEK_SET) == 0 &&
        curl_mime_name(part, "file") == CURLE_OK &&
        curl_mime_filename(part, transfer->name) == CURLE_OK &&
        curl_mime_type(part, "text/plain") == CURLE_OK &&
        curl_mime_data_cb(part, (curl_off_t)transfer->bytes, on_wanted, on_rewind, NULL,
                          transfer) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_UPLOAD, 0L) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_MIMEPOST, form) == CURLE_OK) {
        status = perform(transfer, easy, scheme);
    }
    curl_mime_free(form);
    return status;
}

static int upload(transfer_curl_t *transfer, CURL *easy, transfer_scheme_t scheme)
{
    int status = set_upload(transfer, easy) == CURLE_OK ? perform(transfer, easy, scheme) : HF_E_IO;
    uint32_t answer = transfer->result.code;
    bool no_put = status == HF_E_REFUSED && (answer == 405 || answer == 501);
    return no_put ? post_form(transfer, easy, scheme) : status;
}

static int move(transfer_curl_t *transfer)
{
    transfer_scheme_t scheme;
    int status = transfer_url_scheme(transfer->url, &scheme);
    CURL *easy = status == HF_OK ? curl_easy_init() : NULL;
    if (easy == NULL) {
        return status == HF_OK ? HF_E_IO : status;
    }
    status = HF_E_IO;
    transfer->result.why = "libcurl lacks an option";
    if (set_bounds(transfer, easy, scheme) != CURLE_OK ||
        set_common(transfer, easy, scheme) != CURLE_OK) {
        // nothing is tried with a bound missing
    } else if (transfer->is_upload) {
        status = upload(transfer, easy, scheme);
    } else if (set_download(transfer, easy) == CURLE_OK) {
        status = perform(transfer, easy, scheme);
    }
    curl_easy_cleanup(easy);
    return status;
}

// ---- the worker's two jobs ----------------------------------------------------------------------

static int download_to_file(transfer_curl_t *transfer)
{
    transfer_sha256_t hash;
    transfer_sha256_init(&hash);
    transfer->hash = &hash;
    int status = move(transfer);
    transfer->hash = NULL;
    transfer_sha256_end(&hash, transfer->result.sha256);
    transfer->result.bytes = transfer->bytes;
    if (status == HF_OK && transfer->bytes == 0) {
        transfer->result.why = "nothing came";
        status = HF_E_EMPTY;
    }
    return status;
}

static int download_job(void *ctx)
{
    transfer_curl_t *transfer = ctx;
    const char *folder = transfer->config.folder;
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
    transfer_file_remove(folder, DOWNLOADED); // room for one, and never an old one for a new one
    transfer->file = transfer_file_create(folder, PART);
    if (transfer->file < 0) {
        transfer->result.why = "no file in the state directory";
        return transfer->file;
    }
    int status = download_to_file(transfer);
    if (status == HF_OK) {
        status = transfer_file_settle(transfer->file, folder, PART, DOWNLOADED);
    }
    (void)close(transfer->file);
    if (status != HF_OK) {
        transfer_file_remove(folder, PART);
    }
    return status;
}

static int upload_job(void *ctx)
{
    transfer_curl_t *transfer = ctx;
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
    transfer->file = transfer_file_create(transfer->config.folder, SPOOLED);
    int status = transfer->file;
    if (status >= 0) {
        status = transfer_file_spool(transfer->read_fd, transfer->file, SPOOL_BYTES, SPOOL_WAIT_MS,
                                     &transfer->cancelled);
    }
    (void)close(transfer->read_fd); // whoever feeds on is told so
    if (status < 0) {
        transfer->result.why = "no file in the state directory";
    } else {
        transfer->bytes = (uint64_t)status;
        transfer->result.bytes = transfer->bytes;
        status = lseek(transfer->file, 0, SEEK_SET) == 0 ? move(transfer) : HF_E_IO;
    }
    if (transfer->file >= 0) {
        (void)close(transfer->file);
    }
    transfer_file_remove(transfer->config.folder, SPOOLED);
    return status;
}

// ---- the seam -----------------------------------------------------------------------------------

static void stop_feeding(transfer_curl_t *transfer)
{
    if (transfer->feed_fd >= 0) {
        (void)close(transfer->feed_fd);
        transfer->feed_fd = -1;
    }
}

static int begin(transfer_curl_t *transfer, const char *url, const char *name)
{
    transfer_scheme_t scheme;
    if (hf_worker_poll(&transfer->worker) == HF_E_AGAIN) {
        return HF_E_AGAIN; // all below is the worker's
    }
    stop_feeding(transfer);
    atomic_store(&transfer->cancelled, 0);
    transfer->result = (evse_transfer_result_t){.why = ""};
    transfer->bytes = 0;
    transfer->file_error = HF_OK;
    transfer->is_upload = name != NULL;
    if (name != NULL) {
        (void)strncpy(transfer->name, name, sizeof transfer->name - 1);
        int target = transfer_url_target(url, name, transfer->url, sizeof transfer->url);
        return target == HF_E_TOO_LONG ? HF_E_FORMAT : target;
    }
    int status = transfer_url_scheme(url, &scheme);
    if (status == HF_OK && strlen(url) >= sizeof transfer->url) {
        status = HF_E_FORMAT;
    }
    if (status == HF_OK) {
        memcpy(transfer->url, url, strlen(url) + 1);
    }
    return status;
}

static int curl_download(void *ctx, const char *url)
{
    transfer_curl_t *transfer = ctx;
    int status = begin(transfer, url, NULL);
    return status == HF_OK ? hf_worker_start(&transfer->worker, download_job, transfer) : status;
}

static int curl_upload(void *ctx, const char *url, const char *name)
{
    transfer_curl_t *transfer = ctx;
    int ends[2];
    int status = begin(transfer, url, name);
    if (status != HF_OK) {
        return status;
    }
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        return HF_E_IO;
    }
    transfer->read_fd = ends[0];
    transfer->feed_fd = ends[1];
    status = hf_worker_start(&transfer->worker, upload_job, transfer);
    if (status != HF_OK) {
        (void)close(ends[0]);
        stop_feeding(transfer);
    }
    return status;
}

// A write of no more than PIPE_BUF bytes into a pipe is whole or not at all.
static int curl_feed(void *ctx, const char *text, size_t length)
{
    transfer_curl_t *transfer = ctx;
    if (length == 0) {
        stop_feeding(transfer);
        return HF_OK;
    }
    if (transfer->feed_fd < 0) {
        return HF_E_CLOSED;
    }
    ssize_t written = write(transfer->feed_fd, text, length);
    if (written == (ssize_t)length) {
        return HF_OK;
    }
    return written < 0 && (errno == EAGAIN || errno == EINTR) ? HF_E_AGAIN : HF_E_CLOSED;
}

static int curl_poll(void *ctx, evse_transfer_result_t *result)
{
    transfer_curl_t *transfer = ctx;
    int status = hf_worker_poll(&transfer->worker);
    if (status != HF_E_AGAIN) {
        stop_feeding(transfer);
        *result = transfer->result;
    }
    return status;
}

static void curl_cancel(void *ctx)
{
    transfer_curl_t *transfer = ctx;
    atomic_store(&transfer->cancelled, 1);
    stop_feeding(transfer);
}

const evse_transfer_ops_t transfer_curl_ops = {.download = curl_download,
                                               .upload = curl_upload,
                                               .feed = curl_feed,
                                               .poll = curl_poll,
                                               .cancel = curl_cancel};

int transfer_curl_init(transfer_curl_t *transfer, const transfer_curl_config_t *config)
{
    *transfer = (transfer_curl_t){
        .config = *config, .feed_fd = -1, .read_fd = -1, .file = -1, .result = {.why = ""}};
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
        return HF_E_IO;
    }
    transfer_file_remove(config->folder, PART); // of a run that was cut off
    return hf_worker_init(&transfer->worker, &config->place);
}

void transfer_curl_deinit(transfer_curl_t *transfer)
{
    curl_cancel(transfer);
    hf_worker_deinit(&transfer->worker);
    curl_global_cleanup();
}
