// SPDX-License-Identifier: MIT
// What a location of UpdateFirmware or GetDiagnostics may be, and which file an upload becomes there. Pure.
#ifndef TRANSFER_URL_H
#define TRANSFER_URL_H

#include "holdfast/hf_status.h"

typedef enum transfer_scheme {
    TRANSFER_HTTP,
    TRANSFER_HTTPS,
    TRANSFER_FTP,
    TRANSFER_FTPS, // TLS from the first byte
    TRANSFER_SCHEMES
} transfer_scheme_t;

/// HF_E_FORMAT: no URL with a host, or a character in it that none has. HF_E_UNSUPPORTED: another scheme.
HF_MUST_CHECK int transfer_url_scheme(const char *url, transfer_scheme_t *scheme);
/// The file that an upload named `name` (plain characters) becomes. A location that ends with '/' is a folder. Else one of
/// FTP is a folder too, unless its last part has a dot; one of HTTP with a path is the file itself, as a presigned address
/// is. HF_E_TOO_LONG, and the statuses of transfer_url_scheme().
HF_MUST_CHECK int transfer_url_target(const char *url, const char *name, char *out,
                                      size_t capacity);

#endif
