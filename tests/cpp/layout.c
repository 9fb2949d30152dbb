// SPDX-License-Identifier: MIT
// Sizes of structures as C sees them.
#include "layout.h"

#include "holdfast/hf_event.h"
#include "holdfast/hf_queue.h"
#if CONFIG_HF_MEM
#include "holdfast/hf_mem_presets.h"
#endif

size_t cpp_layout_ring_bytes(void)
{
    return sizeof(hf_ring_t);
}

size_t cpp_layout_pool_bytes(void)
{
    return sizeof(hf_pool_t);
}

size_t cpp_layout_queue_bytes(void)
{
    return sizeof(hf_queue_t);
}

#if CONFIG_HF_EVENT
size_t cpp_layout_bus_bytes(void)
{
    return sizeof(hf_event_bus_t);
}

size_t cpp_layout_subscriber_bytes(void)
{
    return sizeof(hf_event_subscriber_t);
}
#endif

#if CONFIG_HF_MEM
size_t cpp_layout_mem_bytes(void)
{
    return sizeof(hf_mem_t);
}

size_t cpp_layout_chargepoint_bytes(void)
{
    return sizeof(hf_mem_chargepoint_t);
}
#endif
