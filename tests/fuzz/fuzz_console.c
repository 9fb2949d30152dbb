// SPDX-License-Identifier: MIT
// Any bytes typed at the console. Invariants: what it writes is printable ASCII, CR, LF and backspace alone; no line kept is
// longer than its buffer; nothing is stopped or commissioned but connectors there are, and only after a line end.
#include "evse/evse_console.h"
#include "fuzz.h"

#include <string.h>

#define NOW_US 5000000000u

typedef struct world {
    hf_snapshot_t control, comms;
    uint32_t control_words[HF_SNAPSHOT_BYTES(sizeof(evse_snapshot_t)) / 4u];
    uint32_t comms_words[HF_SNAPSHOT_BYTES(sizeof(evse_comms_view_t)) / 4u];
    evse_console_t console;
    uint32_t asked;
} world_t;

static void look(void *ctx, const char *text, size_t length)
{
    (void)ctx;
    for (size_t i = 0; i < length; i++) {
        must((text[i] >= ' ' && text[i] <= '~') || text[i] == '\r' || text[i] == '\n' ||
             text[i] == '\b');
    }
}

static int ask(void *ctx, unsigned connector)
{
    world_t *world = ctx;
    must(connector < 2);
    world->asked++;
    return connector == 0 ? HF_OK : HF_E_STATE;
}

static void begin(world_t *world)
{
    evse_snapshot_t snapshot = {.now_us = NOW_US, .connectors = 2};
    evse_comms_view_t view = {.now_us = NOW_US, .session_state = {EVSE_SESSION_RUNNING}};
    const evse_console_source_t source = {.control = &world->control,
                                          .comms = &world->comms,
                                          .stop = ask,
                                          .commission = ask,
                                          .write = look,
                                          .ctx = world};
    must(hf_snapshot_init(&world->control, world->control_words, sizeof snapshot) == HF_OK);
    must(hf_snapshot_init(&world->comms, world->comms_words, sizeof view) == HF_OK);
    must(evse_console_init(&world->console, &source) == HF_OK);
    hf_snapshot_write(&world->control, &snapshot);
    hf_snapshot_write(&world->comms, &view);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static world_t world;
    memset(&world, 0, sizeof world);
    begin(&world);
    for (size_t i = 0; i < size; i++) {
        uint32_t before = world.asked;
        evse_console_feed(&world.console, (const char *)data + i, 1, NOW_US);
        must(world.console.length < EVSE_CONSOLE_LINE_BYTES);
        must(world.asked == before || data[i] == '\r' || data[i] == '\n');
        must(world.asked - before <= 2);
    }
    evse_console_feed(&world.console, "\x03", 1, NOW_US); // whatever came before
    evse_console_feed(&world.console, "\x03help\r", 6, NOW_US);
    must(world.console.length == 0 && world.console.lines >= 1);
    return 0;
}
