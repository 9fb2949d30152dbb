// SPDX-License-Identifier: MIT
// The radio networks a charge point knows, kept in its durable store: what hf_net_t tries, in the order of their slots.
// Invariant: a secret is in the journal and, while it is used, on the stack of who joins; nothing here tells it to a log,
// a view or the central system.
#ifndef EVSE_NET_H
#define EVSE_NET_H

#include "evse/evse_store.h"
#include "holdfast/hf_net.h"

#define EVSE_NET_SLOTS 4u

/// Keeps a network in a slot (0 to EVSE_NET_SLOTS-1), in place of what was there. HF_E_RANGE (slot), HF_E_ARGUMENT (no name;
/// a secret that is neither empty nor 8 to 63 printable characters nor 64 hexadecimal digits), statuses of
/// evse_store_keep().
HF_MUST_CHECK int evse_net_keep(evse_store_t *store, unsigned slot,
                                const hf_net_credential_t *credential);
/// 0 also when the slot is empty. HF_E_RANGE.
HF_MUST_CHECK int evse_net_forget(evse_store_t *store, unsigned slot);
/// The name in a slot, for people; HF_E_NOT_FOUND empty.
HF_MUST_CHECK int evse_net_name(evse_store_t *store, unsigned slot, char name[HF_NET_NAME_BYTES]);
/// For hf_net_config_t.credential, ctx: evse_store_t. Counts over the slots that are taken.
HF_MUST_CHECK int evse_net_credential(void *ctx, unsigned index, hf_net_credential_t *out);

#endif
