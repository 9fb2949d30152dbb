// SPDX-License-Identifier: MIT
// Input and output seam. sample() stamps a level only when the pin was really read; drive() passes the live signal on
// as pulses to the hardware that holds the contactor. Until it is filled in, every input is unknown: no power.
#include "template_port.h"

static int template_io_sample(void *ctx, unsigned connector, uint64_t now_us,
                              evse_io_inputs_t *inputs)
{
    (void)ctx;
    (void)connector;
    (void)now_us;
    (void)inputs;
    return HF_E_AGAIN;
}

static int template_io_drive(void *ctx, unsigned connector, const evse_io_drive_t *drive)
{
    (void)ctx;
    (void)connector;
    (void)drive;
    return HF_E_IO;
}

const evse_io_ops_t template_io_ops = {
    .sample = template_io_sample,
    .drive = template_io_drive,
};
