// SPDX-License-Identifier: MIT
// One charge point: control, mailboxes, store and OCPP as one instance. Composition roots fill the config, run the two
// loops, and own nothing else of it.
#ifndef EVSE_H
#define EVSE_H

#include "evse/evse_control.h"
#if CONFIG_EVSE_OCPP
#include "evse/evse_ocpp.h"
#endif

typedef struct evse_config {
    evse_control_config_t control; // mailbox, latches and registers are filled in by evse_init()
#if CONFIG_EVSE_OCPP
    evse_ocpp_config_t ocpp; // store and mailbox are filled in
    evse_store_config_t store;
#endif
} evse_config_t;

typedef struct evse {
    evse_mailbox_t mailbox;
    evse_control_t control;
#if CONFIG_EVSE_OCPP
    evse_ocpp_t ocpp;
    evse_store_t store; // last: what is not used of it stays untouched
#endif
} evse_t;

/// Opens the store first (registers, latches), then control, then OCPP. The statuses of each.
HF_MUST_CHECK int evse_init(evse_t *evse, const evse_config_t *config);
/// Every 10 ms, highest priority.
void evse_control_loop(evse_t *evse, uint64_t now_us);
/// Every 20 ms or when something has come; the other loop.
void evse_comms_loop(evse_t *evse, uint64_t now_us);

#endif
