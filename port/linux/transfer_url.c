// SPDX-License-Identifier: MIT
// Locations, looked at without resolving anything: libcurl takes them apart for real.
#include "transfer_url.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *const schemes[TRANSFER_SCHEMES] = {"http", "https", "ftp", "ftps"};

int transfer_url_scheme(const char *url, transfer_scheme_t *scheme)
{
    const char *colon = strstr(url, "://");
    if (colon == NULL || colon == url || colon[3] == '\0' || strchr("/?#", colon[3]) != NULL) {
        return HF_E_FORMAT;
    }
    for (const char *c = url; *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~') { // also what is not ASCII: a URL has it percent-encoded
            return HF_E_FORMAT;
        }
    }
    for (unsigned i = 0; i < TRANSFER_SCHEMES; i++) {
        if (strlen(schemes[i]) == (size_t)(colon - url) &&
            strncasecmp(url, schemes[i], strlen(schemes[i])) == 0) {
            *scheme = (transfer_scheme_t)i;
            return HF_OK;
        }
    }
    return HF_E_UNSUPPORTED;
}

// Does the last part of the path name a file?
static bool is_file(const char *url, transfer_scheme_t scheme)
{
    const char *path = strchr(strstr(url, "://") + 3, '/');
    if (path == NULL) {
        return false;
    }
    if (scheme == TRANSFER_HTTP || scheme == TRANSFER_HTTPS) {
        return strchr(path, '?') != NULL || path[strlen(path) - 1] != '/';
    }
    return strchr(strrchr(path, '/'), '.') != NULL;
}

int transfer_url_target(const char *url, const char *name, char *out, size_t capacity)
{
    transfer_scheme_t scheme;
    int status = transfer_url_scheme(url, &scheme);
    if (status != HF_OK) {
        return status;
    }
    bool file = is_file(url, scheme);
    bool slash = !file && url[strlen(url) - 1] != '/';
    int length = snprintf(out, capacity, "%s%s%s", url, slash ? "/" : "", file ? "" : name);
    return length >= 0 && (size_t)length < capacity ? HF_OK : HF_E_TOO_LONG;
}
