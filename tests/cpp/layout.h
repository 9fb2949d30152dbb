// SPDX-License-Identifier: MIT
// Sizes as C sees them, for C++ to compare with.
#ifndef LAYOUT_H
#define LAYOUT_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

size_t cpp_layout_ring_bytes(void);
size_t cpp_layout_pool_bytes(void);
size_t cpp_layout_queue_bytes(void);
size_t cpp_layout_bus_bytes(void);
size_t cpp_layout_subscriber_bytes(void);
size_t cpp_layout_mem_bytes(void);
size_t cpp_layout_chargepoint_bytes(void);

#ifdef __cplusplus
}
#endif

#endif
