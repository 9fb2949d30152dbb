// SPDX-License-Identifier: MIT
// Smart charging: charging profiles (purposes, kinds, stacking, recurring, validity), the limit that applies now, and the
// composite schedule. Pure: profiles and a moment in, a limit out.
#ifndef EVSE_SMART_H
#define EVSE_SMART_H

#include "evse/evse_store.h"

#define EVSE_LIMIT_NONE INT32_MAX

/// What may flow at a connector: both bind, EVSE_LIMIT_NONE where nothing does.
typedef struct evse_smart_limit {
    int32_t mA; // output current
    int32_t W;  // output power
} evse_smart_limit_t;

#endif
