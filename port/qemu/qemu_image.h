// SPDX-License-Identifier: MIT
// What a test image under QEMU has from its board: text out, an exit status, a counter of executed instructions, and an
// interrupt after a given number of them. One header, one implementation per board (port/mps2, virt-rv32, virt-a64).
// Invariant: QEMU runs with -icount shift=10, so that an instruction lasts 1,024 ns and every figure is exact.
#ifndef QEMU_IMAGE_H
#define QEMU_IMAGE_H

#include "holdfast/hf_base.h"

/// Ends QEMU with this status (0 to 125).
_Noreturn void qemu_exit(int status);

/// Instructions executed so far, modulo 2^24. A difference of two reads holds the cost of a read itself.
uint32_t qemu_instructions(void);

/// Calls `tick` from an interrupt when `instructions` (at least 1) have passed; it says after how many it wants the next,
/// or 0 for no more. One at a time.
void qemu_tick_start(uint32_t (*tick)(void), uint32_t instructions);

/// Executes call(a, b, c) and counts from the call to the return, both included; what loads the arguments is not counted.
/// The call's result is lost: use qemu_result().
uint32_t qemu_count_call(uintptr_t (*call)(uintptr_t a, uintptr_t b, uintptr_t c), uintptr_t a,
                         uintptr_t b, uintptr_t c);
/// What the call counted last returned.
uintptr_t qemu_result(void);

/// Entered from the start-up code once memory is set up: runs main() and exits with what it returns.
_Noreturn void qemu_main(void);
/// Entered from an exception nobody expects.
_Noreturn void qemu_fault(void);

#endif
