// SPDX-License-Identifier: MIT
// Between the start-up code (mps2_start.c) and the board (mps2_board.c). Private to this port.
#ifndef MPS2_START_H
#define MPS2_START_H

#include <stdint.h>

#define MPS2_EXIT_FAULT     70
#define MPS2_EXIT_ASSERTION 71

void mps2_start_on_timer(void);
/// An exception nobody expects: its number, and where it happened.
_Noreturn void mps2_start_on_fault(uint32_t exception, uint32_t pc);

#endif
