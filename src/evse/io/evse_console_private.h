// SPDX-License-Identifier: MIT
// What the two halves of the console share: the printer, and the commands of its table. Nothing here is for others.
#ifndef EVSE_CONSOLE_PRIVATE_H
#define EVSE_CONSOLE_PRIVATE_H

#include "evse/evse_console.h"
#include "holdfast/hf_text.h"

#include <string.h>

#define EVSE_CONSOLE_PROMPT       "> "
#define EVSE_CONSOLE_OUTPUT_BYTES 160u // longest line; what is longer is cut

void evse_console_write(const evse_console_t *console, const char *text);
/// One line; what is not printable ASCII comes out as '?'.
void evse_console_print(const evse_console_t *console, const char *format, ...) HF_PRINTF(2, 3);

// `connector` from 1; 0: none was named.
void evse_console_status(evse_console_t *console, uint64_t now_us, int64_t connector);
void evse_console_mem(evse_console_t *console, uint64_t now_us, int64_t connector);
void evse_console_tasks(evse_console_t *console, uint64_t now_us, int64_t connector);
void evse_console_faults(evse_console_t *console, uint64_t now_us, int64_t connector);
void evse_console_selftest(evse_console_t *console, uint64_t now_us, int64_t connector);
void evse_console_stop(evse_console_t *console, uint64_t now_us, int64_t connector);
void evse_console_commission(evse_console_t *console, uint64_t now_us, int64_t connector);

#endif
