// SPDX-License-Identifier: MIT
// Telemetry, tripwires and the trip policy of the daemon. Everything is printed and decided by main's loop; any thread may
// mark a moment and ask whether load is being shed. The functions with `void *daemon` fit the seams of services as they are.
// With CONFIG_HF_TELEMETRY off they are there and do nothing.
#ifndef DAEMON_TELEMETRY_H
#define DAEMON_TELEMETRY_H

#include "evse/evse_device.h"

/// A snapshot with a name ("http_root"); `tag` is a literal. Context: any thread, never waits, prints nothing.
void daemon_telemetry_mark(void *daemon, const char *tag);
/// True while what is not charging is to be given up: answer 503 with Retry-After, begin no upload, publish nothing.
/// Context: any thread. Cost: an atomic load.
bool daemon_telemetry_is_shedding(void *daemon);
/// Somebody asks for a restart in good order (POST /api/reboot), which is the policy's finish_reset: sessions under way go
/// on to their end, none begins, then the program runs anew; at once where nothing charges. HF_E_STATE: it is ending
/// already. Context: any thread; returns at once.
HF_MUST_CHECK int daemon_telemetry_ask_restart(void *daemon);
/// The view that is published about once a second. HF_E_EMPTY before the first, HF_E_UNSUPPORTED without
/// CONFIG_HF_TELEMETRY, HF_E_AGAIN. Context: any thread.
HF_MUST_CHECK int daemon_telemetry_view(void *daemon, evse_device_view_t *view);

#endif
