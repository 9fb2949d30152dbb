// SPDX-License-Identifier: MIT
// The transfer seam on Linux: libcurl on a thread of its own (HTTP, HTTPS, FTP, FTPS), files in the state directory.
// Downloads become firmware.bin there, whole or not at all; what is uploaded is spooled to diagnostics.txt first, so that
// its length is known before it goes out. Bounded: sizes, redirects, times. Certificates are always checked.
#ifndef TRANSFER_CURL_H
#define TRANSFER_CURL_H

#include "evse/evse_transfer.h"
#include "hf_worker.h"

#include <stdatomic.h>

#define TRANSFER_TARGET_BYTES (EVSE_TRANSFER_URL_BYTES + EVSE_TRANSFER_NAME_BYTES + 1u)
#define TRANSFER_PROTOCOLS    "FTP,FTPS,HTTP,HTTPS"

typedef struct transfer_curl_config {
    const char *folder;  // where the files are; exists
    const char *ca_file; // PEM; NULL or empty: the system's certificates
    uint32_t stall_s;    // longest time to connect, and with hardly a byte
    uint64_t bytes_max;  // of a download
    const char *agent;   // HTTP's User-Agent
    hf_thread_place_t place;
    /// Told of "tls_pre" and "tls_post" around a TLS handshake; must not wait. Context: the worker. NULL: nobody.
    void (*mark)(void *ctx, const char *tag);
    void *mark_ctx;
} transfer_curl_config_t;

typedef struct transfer_curl {
    transfer_curl_config_t config;
    hf_worker_t worker;
    int feed_fd; // the comms loop's end of the pipe; -1 none
    _Atomic uint32_t cancelled;
    // Of the transfer under way: the comms loop's before it begins and after it has ended, else the worker's.
    bool is_upload;
    int read_fd;
    int file;
    int file_error; // HF_E_*: why the file took no more
    uint64_t bytes;
    void *hash; // transfer_sha256_t, while downloading
    char url[TRANSFER_TARGET_BYTES];
    char name[EVSE_TRANSFER_NAME_BYTES];
    evse_transfer_result_t result;
} transfer_curl_t;

/// Starts the thread. HF_E_IO: no thread, or libcurl does not start.
HF_MUST_CHECK int transfer_curl_init(transfer_curl_t *transfer,
                                     const transfer_curl_config_t *config);
/// Breaks off what is under way (at most about a second) and ends the thread.
void transfer_curl_deinit(transfer_curl_t *transfer);
extern const evse_transfer_ops_t transfer_curl_ops;

#endif
