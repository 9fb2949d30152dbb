// SPDX-License-Identifier: MIT
// Objects that other modules keep in the store meanwhile: what was durable, or a later one, is there after every restart.
// Private to tests/fault/billing.
#ifndef BILLING_KEPT_H
#define BILLING_KEPT_H

#include "evse/evse_store.h"

#define KEPT_KEYS 8u

void kept_open(void);
/// Keeps so many bytes, 4 at least, or forgets them (0).
void kept_put(evse_store_t *store, uint16_t key, uint32_t bytes);
/// Everything handed over so far is durable.
void kept_durable(void);
/// Looks whether what is there may be there. The wrong ones, counted.
unsigned kept_check(evse_store_t *store);

#endif
