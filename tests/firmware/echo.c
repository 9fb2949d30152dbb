// SPDX-License-Identifier: MIT
// Echoes UART 1 with the smallest rings there are, and dawdles: bytes have to wait in the UART itself. Ends on a dot.
#include "hf_firmware_test.h"

#include "holdfast/hf_clock.h"
#include "mps2_uart.h"

#define DAWDLE_US 300u
#define FIRST_US  5000000u // at most, until there is no room

static mps2_uart_t uart;
static uint8_t in[64], out[64];

int main(void)
{
    const mps2_uart_config_t config = {1, 460800u, in, out, sizeof in, sizeof out};
    mps2_uart_t other;
    CHECK(mps2_uart_open(&uart, &config) == HF_OK);
    CHECK(mps2_uart_open(&other, &config) == HF_E_ARGUMENT); // open already
    const mps2_uart_config_t fast = {2, 2000000u, in, out, sizeof in, sizeof out};
    const mps2_uart_config_t odd = {2, 9600u, in, out, 63u, sizeof out};
    CHECK(mps2_uart_open(&other, &fast) == HF_E_RANGE);
    CHECK(mps2_uart_open(&other, &odd) == HF_E_ARGUMENT);
    while (mps2_uart_waiting(&uart) < sizeof in && hf_port_now_us() < FIRST_US) {
    }
    for (bool ends = false; !ends;) {
        uint8_t bytes[48];
        uint64_t until_us = hf_port_now_us() + DAWDLE_US;
        size_t length = mps2_uart_read(&uart, bytes, sizeof bytes);
        for (size_t sent = 0; sent < length;) {
            sent += mps2_uart_write(&uart, bytes + sent, length - sent);
        }
        ends = length > 0 && bytes[length - 1u] == '.';
        while (hf_port_now_us() < until_us) {
        }
    }
    CHECK(mps2_uart_put(&uart, in, sizeof in + 1u) == HF_E_AGAIN);
    CHECK(uart.refused == sizeof in + 1u);
    mps2_uart_drain(&uart, 1000000u);
    CHECK(mps2_uart_room(&uart) == sizeof out);
    CHECK(mps2_uart_overruns(&uart) == 0);
    CHECK(uart.peak_in == sizeof in); // it was full: the way through the UART was taken
    return test_end();
}
