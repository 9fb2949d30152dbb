// SPDX-License-Identifier: MIT
// What Linux gives that is not a seam of its own: random bytes and calendar time. The link-time seams (clock, assertion)
// are in the same source.
#ifndef HF_PORT_LINUX_H
#define HF_PORT_LINUX_H

#include "holdfast/hf_clock.h"

/// Random bytes of the kernel. Never fails after boot; ends the program if it does.
void hf_port_random(void *data, size_t length);
/// UTC of the system's clock in milliseconds; 0 when it shows a year before 2026: a clock that was never set.
uint64_t hf_port_utc_ms(void);
/// Whoever is to know of a failed assertion before the program aborts. NULL: nobody. Context: before threads are started.
void hf_port_on_assertion(void (*told)(const char *file, int line));

#endif
