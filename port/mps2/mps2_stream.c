// SPDX-License-Identifier: MIT
// The stream over a UART (mps2_stream.h). Opening drops what came before it: it belongs to the connection that was.
#include "mps2_stream.h"

static int stream_open(void *ctx, const evse_url_t *url, uint64_t now_us)
{
    mps2_stream_t *stream = ctx;
    (void)now_us;
    if (url->secure) {
        return HF_E_UNSUPPORTED;
    }
    mps2_uart_clear(stream->uart);
    stream->overruns = mps2_uart_overruns(stream->uart);
    stream->is_open = true;
    return HF_OK;
}

static int stream_poll(void *ctx, uint64_t now_us)
{
    const mps2_stream_t *stream = ctx;
    (void)now_us;
    return stream->is_open ? HF_OK : HF_E_CLOSED;
}

static int status_of(const mps2_stream_t *stream)
{
    if (!stream->is_open) {
        return HF_E_CLOSED;
    }
    return mps2_uart_overruns(stream->uart) == stream->overruns ? HF_OK : HF_E_IO;
}

static int stream_read(void *ctx, void *data, size_t capacity)
{
    mps2_stream_t *stream = ctx;
    int status = status_of(stream);
    if (status != HF_OK) {
        return status;
    }
    size_t length = mps2_uart_read(stream->uart, data, capacity);
    return length > 0 ? (int)length : HF_E_AGAIN;
}

static int stream_write(void *ctx, const void *data, size_t length)
{
    mps2_stream_t *stream = ctx;
    int status = status_of(stream);
    if (status != HF_OK) {
        return status;
    }
    size_t taken = mps2_uart_write(stream->uart, data, length);
    return taken > 0 ? (int)taken : HF_E_AGAIN;
}

static void stream_close(void *ctx)
{
    mps2_stream_t *stream = ctx;
    stream->is_open = false;
}

const evse_stream_ops_t mps2_stream_ops = {
    .open = stream_open,
    .poll = stream_poll,
    .read = stream_read,
    .write = stream_write,
    .close = stream_close,
};
