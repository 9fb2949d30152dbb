// SPDX-License-Identifier: MIT
// A stream of whole lines to a terminal, a pipe, a file or standard output. Invariants: writing never waits; a line goes out
// whole and in its turn, or not at all, and is counted; a reader that goes and comes back is no error.
#ifndef DAEMON_STREAM_H
#define DAEMON_STREAM_H

#include "holdfast/hf_status.h"

#define DAEMON_STREAM_PATH_BYTES    256u
#define DAEMON_STREAM_PENDING_BYTES 4096u // what a slow reader has not taken yet

typedef struct daemon_stream {
    bool is_open, is_socket;
    int fd;
    int other_fd; // the terminal's other end, held so that readers may come and go; -1
    char path[DAEMON_STREAM_PATH_BYTES]; // of the terminal, for people
    char link[DAEMON_STREAM_PATH_BYTES]; // symbolic link to it; empty: none
    char pending[DAEMON_STREAM_PENDING_BYTES];
    size_t length;
    uint32_t lost; // lines that had no room
} daemon_stream_t;

/// What can be said of `where` before anything is opened: "pty", "pty:LINK", "-" (standard output) or a path. HF_E_FORMAT.
HF_MUST_CHECK int daemon_stream_check(const char *where);
/// HF_E_STATE: LINK is there and no link; HF_E_IO: errno tells. A pseudo-terminal that daemon_stream_keep() kept is gone
/// on with.
HF_MUST_CHECK int daemon_stream_open(daemon_stream_t *stream, const char *where);
/// For hf_telemetry_config_t.write. False: lost, and counted. Context: one thread. Cost: a system call, or none while full.
bool daemon_stream_write(void *stream, const char *line, size_t length);
/// Sends what waits, as far as there is a reader; throws away what was typed.
void daemon_stream_flush(daemon_stream_t *stream);
/// A pseudo-terminal outlives the exec that follows: its reader sees a restart, not an unplugged device.
void daemon_stream_keep(const daemon_stream_t *stream);
/// Removes the link. Nothing, where nothing is open.
void daemon_stream_close(daemon_stream_t *stream);

#endif
