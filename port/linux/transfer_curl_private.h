// SPDX-License-Identifier: MIT
// What the two files of the libcurl transfers share.
#ifndef TRANSFER_CURL_PRIVATE_H
#define TRANSFER_CURL_PRIVATE_H

#include "transfer_curl.h"

/// transfer_curl_file.c: writes all of it. HF_E_FULL, HF_E_IO.
HF_MUST_CHECK int transfer_file_write(int fd, const void *data, size_t length);
/// An empty file of the folder to write and read, its owner's alone; a negative status.
HF_MUST_CHECK int transfer_file_create(const char *folder, const char *name);
/// Makes what was written durable under another name. HF_E_FULL, HF_E_IO.
HF_MUST_CHECK int transfer_file_settle(int fd, const char *folder, const char *from,
                                       const char *to);
void transfer_file_remove(const char *folder, const char *name);
/// Copies the pipe's bytes into the file until its end, at most `limit`, never waiting longer than `wait_ms` for more.
/// The count, HF_E_TIMEOUT, HF_E_TOO_LONG, HF_E_FULL, HF_E_IO, HF_E_CLOSED when `cancelled` was set.
HF_MUST_CHECK int transfer_file_spool(int pipe_fd, int fd, size_t limit, int wait_ms,
                                      _Atomic uint32_t *cancelled);

#endif
