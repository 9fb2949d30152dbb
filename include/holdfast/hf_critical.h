// SPDX-License-Identifier: MIT
// A bounded stretch that neither an interrupt nor another core gets into: for what has no atomic way on its processor.
// Where this header knows the processor the two calls are inline; elsewhere they are link-time seams of the port.
// Invariant: what stands between enter and exit is straight code of a stated, small number of instructions.
#ifndef HF_CRITICAL_H
#define HF_CRITICAL_H

#include "holdfast/hf_base.h"

#ifdef __cplusplus
extern "C" {
#endif

/// 1: all contexts of a pool run on one core, so atomic operations need no memory barriers. Known for ARMv6-M and ARMv7-M;
/// a part with two such cores that share a pool (STM32H745) must define it as 0 for the whole build.
#ifndef HF_SINGLE_CORE
#if defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_7M__) || defined(__ARM_ARCH_7EM__)
#define HF_SINGLE_CORE 1
#else
#define HF_SINGLE_CORE 0
#endif
#endif

#if defined(__arm__) && defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'

/// Enters; returns what hf_critical_exit() restores. Nests. Context: task or ISR of one core (the two cores of an RP2040 do
/// not keep each other out: it needs a lock of its SIO besides).
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

#ifdef __cplusplus
}
#endif

#endif
