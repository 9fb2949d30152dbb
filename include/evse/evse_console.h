// SPDX-License-Identifier: MIT
// The local console: bytes in, text out. It looks at snapshots and can end a session; it can neither begin one nor
// energize anything. Runs in a context of its own, beside control and comms.
// Invariants: nothing typed is echoed but printable ASCII; a line that was too long is not carried out, not even in part;
// nothing outside of printable ASCII, CR, LF and backspace is ever written.
#ifndef EVSE_CONSOLE_H
#define EVSE_CONSOLE_H

#include "evse/evse_view.h"

#define EVSE_CONSOLE_LINE_BYTES 64u // with its NUL

typedef struct evse_console_pool {
    const char *name;
    uint32_t capacity, in_use, refused;
#if CONFIG_HF_POOL_STATISTICS
    uint32_t peak;
#endif
} evse_console_pool_t;

typedef struct evse_console_task {
    const char *name;
    uint32_t age_ms, deadline_ms; // since its last check-in
    bool is_critical, is_late, is_resting;
} evse_console_task_t;

typedef struct evse_console_fault {
    uint64_t uptime_us;
    const char *severity;
    uint32_t fault;     // evse_fault_t
    uint32_t connector; // from 0; UINT32_MAX the station
} evse_console_fault_t;

/// Where its answers come from. All functions are called in the console's context and must not block; they fill in the
/// index-th entry and return 0, or HF_E_NOT_FOUND behind the last. NULL: there is nothing of the kind.
typedef struct evse_console_source {
    const hf_snapshot_t *control; // evse_snapshot_t
    const hf_snapshot_t *comms;   // evse_comms_view_t; its pools are listed first
    int (*pool)(void *ctx, unsigned index, evse_console_pool_t *pool);
    int (*task)(void *ctx, unsigned index, evse_console_task_t *task);
    int (*fault)(void *ctx, unsigned index, evse_console_fault_t *fault); // oldest first
    /// Asks the comms loop for the end of the session on that connector (from 0), reason Local.
    int (*stop)(void *ctx, unsigned connector);
    /// Asks for commissioning of that connector in its next session. NULL: not built in.
    int (*commission)(void *ctx, unsigned connector);
    void *ctx;
    /// Writes to the terminal; what it does not take is lost.
    void (*write)(void *write_ctx, const char *text, size_t length);
    void *write_ctx;
} evse_console_source_t;

typedef enum evse_console_escape {
    EVSE_CONSOLE_PLAIN,
    EVSE_CONSOLE_ESCAPE,   // after ESC
    EVSE_CONSOLE_SEQUENCE, // after ESC [ or ESC O, until its final byte
} evse_console_escape_t;

typedef struct evse_console {
    evse_console_source_t source;
    char line[EVSE_CONSOLE_LINE_BYTES];
    uint32_t length;
    bool is_too_long;
    bool after_cr; // a LF now belongs to the CR before it
    evse_console_escape_t escape;
    evse_snapshot_t snapshot; // of the command under way
    evse_comms_view_t comms;
    bool has_snapshot, has_comms;
    uint32_t passed, failed; // of the self-test under way
    uint32_t lines, refused; // commands carried out, lines that were none
} evse_console_t;

/// HF_E_ARGUMENT without snapshots or write.
HF_MUST_CHECK int evse_console_init(evse_console_t *console, const evse_console_source_t *source);
/// Greets and prompts.
void evse_console_greet(evse_console_t *console);
/// Takes what was typed; answers within the call, once per line. Cost: O(length) and what the commands print.
void evse_console_feed(evse_console_t *console, const char *bytes, size_t length, uint64_t now_us);

#endif
