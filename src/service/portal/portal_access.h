// SPDX-License-Identifier: MIT
// What headers of a request say: may it, what does it send, what does it take. Pure functions of text from outside; a header
// that is not there is NULL.
#ifndef PORTAL_ACCESS_H
#define PORTAL_ACCESS_H

#include "holdfast/hf_base.h"

#define PORTAL_PASSWORD_BYTES 130u // "USER:PASSWORD" and a NUL
#define PORTAL_DIGEST_BYTES   32u

/// `host` as in the Host header is one that no foreign name server can point here: an IP address, localhost, or `own_name`
/// with or without a domain of .local. NULL: none was sent, not good.
bool portal_host_is_good(const char *host, const char *own_name);
/// `origin` is absent, or names the same host and port as `host`, over http or https.
bool portal_origin_is_same(const char *origin, const char *host);
/// `header` names this media type, whatever its parameters.
bool portal_type_is(const char *header, const char *type);
/// `authorization` is Basic, of exactly this "USER:PASSWORD". The time it takes does not tell where they differ.
bool portal_password_is(const char *authorization, const char *password);
/// X-Digest-SHA256 (64 hexadecimal digits), else a Digest with sha-256=BASE64. False: neither is there, or malformed.
bool portal_digest_read(const char *x_digest, const char *digest, uint8_t out[PORTAL_DIGEST_BYTES]);
/// If-None-Match holds the quoted tag `tag`, weakly or not, or is *.
bool portal_tag_matches(const char *if_none_match, const char *tag);
/// Accept-Encoding allows gzip.
bool portal_accepts_gzip(const char *accept);
/// A decimal number of at most 18 digits. False: anything else.
bool portal_length_read(const char *text, uint64_t *length);

#endif
