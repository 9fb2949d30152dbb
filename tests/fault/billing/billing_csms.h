// SPDX-License-Identifier: MIT
// The link and the central system behind it. Private to tests/fault/billing.
#ifndef BILLING_CSMS_H
#define BILLING_CSMS_H

#include "billing.h"
#include "evse/evse_link.h"

#define STATION_EPOCH_MS 1795254153000ull // STATION_UTC_MS of support/ocpp_station.h

void csms_open(uint32_t latency_ms);
extern const evse_link_ops_t csms_link_ops;
/// The station began anew: its connection is gone.
void csms_restart(void);
/// Nothing misbehaves any more.
void csms_heal(void);
/// billing_world.c: without power the station says and hears nothing.
bool world_has_power(void);
bool csms_is_connected(void);
/// A CALL of the central system's own.
void csms_call(const char *action, const char *payload);
void csms_jump_clock(int64_t seconds);
/// Since when a message of a transaction has been under way without any answer; 0 none is.
uint64_t csms_unanswered_us(void);

#endif
