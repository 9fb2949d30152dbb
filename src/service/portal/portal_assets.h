// SPDX-License-Identifier: MIT
// The files of the portal, made by cmake/embed.py: const, plain and compressed, sent without a copy.
#ifndef PORTAL_ASSETS_H
#define PORTAL_ASSETS_H

#include <stddef.h>

typedef struct portal_asset {
    const char *url;
    const char *type;
    const char *tag; // of the content
    const unsigned char *plain;
    size_t plain_bytes;
    const unsigned char *packed; // gzip
    size_t packed_bytes;
} portal_asset_t;

extern const portal_asset_t portal_assets[];
extern const size_t portal_asset_count;

#endif
