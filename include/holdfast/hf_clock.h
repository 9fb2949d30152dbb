// SPDX-License-Identifier: MIT
// Time: a monotonic clock seam for composition roots, and calendar time as OCPP writes it.
// Portable code never reads a clock: time enters as `uint64_t now_us` (microseconds, monotonic, from boot).
#ifndef HF_CLOCK_H
#define HF_CLOCK_H

#include "holdfast/hf_status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HF_US_PER_MS 1000ULL
#define HF_US_PER_S  1000000ULL
#define HF_MS_PER_S  1000u

/// Monotonic microseconds. Link-time seam: only composition roots, ports and hf_mutex (it measures its waits) call it.
uint64_t hf_port_now_us(void);

/// Room for "2026-11-21T09:22:33.123Z" and its NUL.
#define HF_ISO8601_BYTES 25u

/// Writes UTC milliseconds since 1970 as ISO 8601 with milliseconds and Z into `text[HF_ISO8601_BYTES]`.
/// Years 1970 to 9999; a later time is written as the last millisecond of 9999.
void hf_iso8601_format(uint64_t utc_ms, char *text);

/// Reads an RFC 3339 date-time (fraction optional, any number of digits; offset Z or +hh:mm or -hh:mm).
/// Returns HF_E_FORMAT for anything else, a date that does not exist, or a time before 1970. Leap second 60 reads as 59.
HF_MUST_CHECK int hf_iso8601_parse(const char *text, size_t length, uint64_t *utc_ms);

#ifdef __cplusplus
}
#endif

#endif
