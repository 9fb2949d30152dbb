// SPDX-License-Identifier: MIT
// A radio and two access points in stepped time: what a Wi-Fi driver on a microcontroller would report of a wrong password,
// a weak signal, an access point that is gone, an address that never comes. Private to the world, and to its tests.
#ifndef WORLD_WIFI_H
#define WORLD_WIFI_H

#include "world.h"

extern const hf_net_ops_t world_wifi_ops; // ctx: world_t

/// Both access points as they are meant to be: "home" with "correct horse", near; "yard" with "battery staple", farther.
void world_wifi_init(world_t *world);
/// True when what is sent arrives: joined, with an address, the access point still there.
bool world_wifi_carries(const world_t *world);
/// Keeps a network in the charge point's store, and tries at once.
HF_MUST_CHECK int world_wifi_store(world_t *world, unsigned slot, const char *name,
                                   const char *secret);

#endif
