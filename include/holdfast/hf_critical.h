// SPDX-License-Identifier: MIT
// A bounded stretch that neither an interrupt nor another core gets into: for what has no atomic way on its processor.
// Where this header knows the processor the two calls are inline; elsewhere they are link-time seams of the port.
// Invariant: what stands between enter and exit is straight code of a stated, small number of instructions.
#ifndef HF_CRITICAL_H
#define HF_CRITICAL_H

#include "holdfast/hf_base.h"

#if defined(__arm__) && defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'

/// Enters; returns what hf_critical_exit() restores. Nests. Context: task or ISR of one core.
static inline uint32_t hf_critical_enter(void)
{
    uint32_t primask;
    __asm__ volatile("mrs %0, primask\n\tcpsid i" : "=r"(primask) : : "memory");
    return primask;
}

static inline void hf_critical_exit(uint32_t primask)
{
    __asm__ volatile("msr primask, %0" : : "r"(primask) : "memory");
}

#elif defined(__riscv) && !defined(__linux__)

static inline uint32_t hf_critical_enter(void)
{
    uintptr_t mstatus;
    __asm__ volatile("csrrci %0, mstatus, 8" : "=r"(mstatus) : : "memory");
    return (uint32_t)mstatus & 8u; // MIE
}

static inline void hf_critical_exit(uint32_t was)
{
    __asm__ volatile("csrs mstatus, %0" : : "r"((uintptr_t)was) : "memory");
}

#else

/// Link-time seams, one per system, no default. Nest; on several cores the same as one lock. Context: as the port says
/// (Linux: threads, not signal handlers).
uint32_t hf_port_critical_enter(void);
void hf_port_critical_exit(uint32_t was);

static inline uint32_t hf_critical_enter(void)
{
    return hf_port_critical_enter();
}

static inline void hf_critical_exit(uint32_t was)
{
    hf_port_critical_exit(was);
}

#endif

#endif
