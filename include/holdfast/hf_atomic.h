// SPDX-License-Identifier: MIT
// A word that several contexts read and write, by one name and with one layout in C and in C++.
#ifndef HF_ATOMIC_H
#define HF_ATOMIC_H

#include "holdfast/hf_base.h"

#ifdef __cplusplus
#include <atomic>
typedef std::atomic<uint32_t> hf_atomic_u32_t;
static_assert(sizeof(hf_atomic_u32_t) == 4 && alignof(hf_atomic_u32_t) == 4, "laid out as in C");
#else
#include <stdatomic.h>
typedef _Atomic uint32_t hf_atomic_u32_t;
#endif

#endif
