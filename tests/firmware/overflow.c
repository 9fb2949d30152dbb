// SPDX-License-Identifier: MIT
// Uses more stack than there is: the guard has to end the image, with both stop paths commanded on a fresh stack.
#include "hf_firmware_test.h"

#include <stddef.h>

static volatile uint32_t depth;

static void make_safe(void)
{
    mps2_say("made safe\n");
}

__attribute__((noinline)) static uint32_t fill(size_t bytes)
{
    volatile uint8_t room[256];
    room[0] = (uint8_t)bytes;
    depth++;
    return bytes > sizeof room ? fill(bytes - sizeof room) + room[0] : room[0];
}

int main(void)
{
    mps2_on_fault(make_safe, 0);
    CHECK(mps2_stack_peak() < mps2_stack_bytes() / 2u);
    (void)fill(mps2_stack_bytes() / 2u);
    CHECK(mps2_stack_peak() >= mps2_stack_bytes() / 2u);
    (void)fill(2u * mps2_stack_bytes());
    CHECK(false);
    return test_end();
}
