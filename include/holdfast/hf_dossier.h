// SPDX-License-Identifier: MIT
// The reset dossier: why a device restarted and how it stood, in one page of fixed layout. It lives where a reset does
// not reach (a no-init page on a microcontroller) and goes to the journal at the next start. Bytes: docs/SPEC.md.
// Invariant: a page that was not written whole is no dossier (magic, length, CRC-32C).
#ifndef HF_DOSSIER_H
#define HF_DOSSIER_H

#include "holdfast/hf_memory.h"

#ifdef __cplusplus
extern "C" {
#endif

// X(name, code, text, expected): codes below 0x8000 are expected.
#define HF_RESET_TABLE(X)                                                                          \
    X(UNKNOWN, 0x0000, "Unknown", true)                                                            \
    X(POWER_ON, 0x0001, "Power On", true)                                                          \
    X(SOFTWARE, 0x0002, "Software", true)                                                          \
    X(UPDATE, 0x0003, "Update", true)                                                              \
    X(TRIP_FINISHED, 0x0004, "Trip, session finished", true)                                       \
    X(TRIP_NOW, 0x8001, "Trip", false)                                                             \
    X(PANIC, 0x8002, "Panic", false)                                                               \
    X(ASSERT, 0x8003, "Assertion", false)                                                          \
    X(TASK_WATCHDOG, 0x8004, "Task WDT", false)                                                    \
    X(WATCHDOG, 0x8005, "WDT", false)                                                              \
    X(STACK, 0x8006, "Stack overflow", false)                                                      \
    X(BROWNOUT, 0x8007, "Brownout", false)

typedef enum hf_reset_reason {
#define HF_RESET_ENUM(name, code, text, expected) HF_RESET_##name = (code),
    HF_RESET_TABLE(HF_RESET_ENUM)
#undef HF_RESET_ENUM
} hf_reset_reason_t;
const char *hf_reset_text(uint32_t reason); // "Unknown" for what is no reason
bool hf_reset_is_expected(uint32_t reason);

#define HF_DOSSIER_POOLS      12u
#define HF_DOSSIER_NAME_BYTES 16u

typedef struct hf_dossier_pool {
    char name[HF_DOSSIER_NAME_BYTES]; // cut, with its NUL
    uint16_t capacity, in_use, peak, exhausted;
} hf_dossier_pool_t;

typedef struct hf_dossier {
    uint32_t reason; // hf_reset_reason_t
    uint32_t resets; // in a row that were not expected, 0 after a good hour; the next start adds it
    uint64_t uptime_ms;
    char task[HF_DOSSIER_NAME_BYTES]; // that was late, overflowed or asserted; empty: none
    char tag[24];                     // of the last snapshot, or of the trip
    char detail[48];                  // the wire and its value, file:line of an assertion
    hf_memory_t memory;
    uint32_t pools;
    hf_dossier_pool_t pool[HF_DOSSIER_POOLS];
    uint32_t connectors_charging; // bit per connector
    int32_t transaction_id;       // of the first of them; 0 none
} hf_dossier_t;

#define HF_DOSSIER_BYTES 480u // encoded, at most

/// Little-endian, field by field. Returns the length. Cost: O(size); no deep stack, for use in a fault handler.
uint32_t hf_dossier_encode(const hf_dossier_t *dossier, uint8_t bytes[HF_DOSSIER_BYTES]);
/// HF_E_EMPTY: no page (power-on garbage); HF_E_CORRUPT: it was cut; HF_E_UNSUPPORTED: another version; HF_E_ARGUMENT: NULL.
/// `dossier` is all zero then. Texts end within their field.
HF_MUST_CHECK int hf_dossier_decode(const uint8_t *bytes, size_t length, hf_dossier_t *dossier);

#ifdef __cplusplus
}
#endif

#endif
