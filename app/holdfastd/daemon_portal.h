// SPDX-License-Identifier: MIT
// The portal in the daemon: its thread, its password, and the work it asks of the comms loop.
#ifndef DAEMON_PORTAL_H
#define DAEMON_PORTAL_H

#include "options.h"
#include "portal.h"

#include <pthread.h>

typedef struct daemon_portal {
    status_source_t source;
    char password[PORTAL_PASSWORD_BYTES]; // empty: none
    portal_t portal;
    pthread_t thread;
    bool is_open;
    _Atomic uint32_t stops;
} daemon_portal_t;

struct daemon;

/// Checks --portal-password-file, where there is to be a portal. One clear sentence on stderr.
HF_MUST_CHECK int daemon_portal_check(const options_t *options);
/// Opens it and starts its thread, unless there is to be none. -1, or the exit code after a clear sentence.
int daemon_portal_start(struct daemon *daemon);
void daemon_portal_stop(struct daemon *daemon);

#endif
