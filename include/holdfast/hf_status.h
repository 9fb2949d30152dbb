// SPDX-License-Identifier: MIT
// Status codes of both libraries, one table: 0 is success, negatives are errors, positives are counts.
#ifndef HF_STATUS_H
#define HF_STATUS_H

#include "holdfast/hf_base.h"

#ifdef __cplusplus
extern "C" {
#endif

// X(name, number, text). Numbers are part of the interface: append, never renumber.
#define HF_STATUS_TABLE(X)                                                                         \
    X(HF_OK, 0, "ok")                                                                              \
    X(HF_E_ARGUMENT, -1, "invalid argument")                                                       \
    X(HF_E_RANGE, -2, "value out of range")                                                        \
    X(HF_E_FORMAT, -3, "malformed input")                                                          \
    X(HF_E_FULL, -4, "no space left")                                                              \
    X(HF_E_EMPTY, -5, "nothing there")                                                             \
    X(HF_E_NOT_FOUND, -6, "not found")                                                             \
    X(HF_E_AGAIN, -7, "not now, try again")                                                        \
    X(HF_E_TIMEOUT, -8, "timed out")                                                               \
    X(HF_E_IO, -9, "input/output error")                                                           \
    X(HF_E_CORRUPT, -10, "stored data is damaged")                                                 \
    X(HF_E_STATE, -11, "not possible in this state")                                               \
    X(HF_E_CLOSED, -12, "closed by the other side")                                                \
    X(HF_E_UNSUPPORTED, -13, "not supported")                                                      \
    X(HF_E_TOO_LONG, -14, "too long")                                                              \
    X(HF_E_REFUSED, -15, "refused by the other side")                                              \
    X(HF_E_FOREIGN, -16, "block is not of this pool")                                              \
    X(HF_E_INTERIOR, -17, "pointer into the middle of a block")                                    \
    X(HF_E_DOUBLE_GIVE, -18, "block was already given back")                                       \
    X(HF_E_UNREACHABLE, -19, "host unknown or not reachable")                                      \
    X(HF_E_PROTOCOL, -20, "the other side broke the protocol")                                     \
    X(HF_E_STALE, -21, "handle of a block that was given back")                                    \
    X(HF_E_OVERRUN, -22, "written past the end of the block")                                      \
    X(HF_E_QUOTA, -23, "quota of the owner is used up")

typedef enum hf_status {
#define HF_STATUS_ENUM(name, number, text) name = number,
    HF_STATUS_TABLE(HF_STATUS_ENUM)
#undef HF_STATUS_ENUM
} hf_status_t;

/// The text of a status, "unknown status" for any other number. Cost: O(codes).
const char *hf_status_text(int status);

/// The name of a status ("HF_E_RANGE"), "HF_E_?" for any other number. Cost: O(codes).
const char *hf_status_name(int status);

#ifdef __cplusplus
}
#endif

#endif
