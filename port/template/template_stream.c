// SPDX-License-Identifier: MIT
// Byte stream seam: one connection to the central system, over the board's TCP (and TLS when the URL is secure). Until
// it is filled in, no host is reachable, and the charge point works by its local policy.
#include "template_port.h"

static int template_stream_open(void *ctx, const evse_url_t *url, uint64_t now_us)
{
    (void)ctx;
    (void)now_us;
    return url->secure ? HF_E_UNSUPPORTED : HF_OK;
}

static int template_stream_poll(void *ctx, uint64_t now_us)
{
    (void)ctx;
    (void)now_us;
    return HF_E_UNREACHABLE;
}

static int template_stream_read(void *ctx, void *data, size_t capacity)
{
    (void)ctx;
    (void)data;
    (void)capacity;
    return HF_E_CLOSED;
}

static int template_stream_write(void *ctx, const void *data, size_t length)
{
    (void)ctx;
    (void)data;
    (void)length;
    return HF_E_CLOSED;
}

static void template_stream_close(void *ctx)
{
    (void)ctx;
}

const evse_stream_ops_t template_stream_ops = {
    .open = template_stream_open,
    .poll = template_stream_poll,
    .read = template_stream_read,
    .write = template_stream_write,
    .close = template_stream_close,
};
