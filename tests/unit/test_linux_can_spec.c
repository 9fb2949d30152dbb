// SPDX-License-Identifier: MIT
// Texts that name a CAN bus of Linux, and the drivers they make.
#include "evse_can_linux.h"
#include "hf_test.h"

typedef struct good {
    const char *text;
    evse_can_linux_kind_t kind;
    const char *name;
    uint32_t kbits;
    bool mute;
} good_t;

static bool is_built(evse_can_linux_kind_t kind)
{
    bool has_socketcan = false, has_slcan = false;
#if CONFIG_HOLDFASTD_SOCKETCAN
    has_socketcan = true;
#endif
#if CONFIG_HOLDFASTD_SLCAN
    has_slcan = true;
#endif
    return kind == EVSE_CAN_LINUX_VIRTUAL || (kind == EVSE_CAN_LINUX_SOCKETCAN && has_socketcan) ||
           (kind == EVSE_CAN_LINUX_SLCAN && has_slcan);
}

static void can_spec_good_ones_are_read(void)
{
    static const good_t specs[] = {
        {"virtual:/run/sim/can0", EVSE_CAN_LINUX_VIRTUAL, "/run/sim/can0", 0, false},
        {"virtual:a@250,mute", EVSE_CAN_LINUX_VIRTUAL, "a@250,mute", 0, false},
        {"socketcan:can0", EVSE_CAN_LINUX_SOCKETCAN, "can0", 0, false},
        {"slcan:/dev/ttyACM0", EVSE_CAN_LINUX_SLCAN, "/dev/ttyACM0", 0, false},
        {"slcan:/dev/ttyACM0@500", EVSE_CAN_LINUX_SLCAN, "/dev/ttyACM0", 500, false},
        {"slcan:/dev/ttyACM0@1000,mute", EVSE_CAN_LINUX_SLCAN, "/dev/ttyACM0", 1000, true},
        {"slcan:/dev/x@y@10", EVSE_CAN_LINUX_SLCAN, "/dev/x@y", 10, false},
        {"slcan:/dev/ttyS1,mute", EVSE_CAN_LINUX_SLCAN, "/dev/ttyS1", 0, true},
    };
    for (unsigned i = 0; i < HF_COUNT_OF(specs); i++) {
        evse_can_linux_spec_t spec;
        CHECK_EQ(evse_can_linux_parse(specs[i].text, &spec),
                 is_built(specs[i].kind) ? HF_OK : HF_E_UNSUPPORTED);
        CHECK_EQ(spec.kind, specs[i].kind);
        CHECK_STR(spec.name, specs[i].name);
        CHECK_EQ(spec.bitrate_kbits, specs[i].kbits);
        CHECK_EQ(spec.mute, specs[i].mute);
    }
}

static void can_spec_bad_ones_are_refused(void)
{
    static const struct {
        const char *text;
        int status;
    } specs[] = {
        {"", HF_E_FORMAT},
        {"can0", HF_E_FORMAT},
        {"virtual:", HF_E_FORMAT},
        {"Virtual:x", HF_E_FORMAT},
        {"socketcan", HF_E_FORMAT},
        {"socketcan:", HF_E_FORMAT},
        {"slcan:", HF_E_FORMAT},
        {"slcan:@250", HF_E_FORMAT},
        {"slcan:,mute", HF_E_FORMAT},
        {"socketcan:an-interface-name", HF_E_TOO_LONG},
        {"slcan:/dev/ttyACM0@251", HF_E_RANGE},
        {"slcan:/dev/ttyACM0@", HF_E_RANGE},
        {"slcan:/dev/ttyACM0@-1", HF_E_RANGE},
        {"slcan:/dev/ttyACM0@00250", HF_E_RANGE},
        {"slcan:/dev/ttyACM0@250k", HF_E_RANGE},
    };
    evse_can_linux_spec_t spec;
    for (unsigned i = 0; i < HF_COUNT_OF(specs); i++) {
        CHECK_EQ(evse_can_linux_parse(specs[i].text, &spec), specs[i].status);
    }
    char path[200] = "virtual:";
    memset(path + 8, 'x', sizeof path - 9);
    CHECK_EQ(evse_can_linux_parse(path, &spec), HF_E_TOO_LONG);
    path[8 + 107] = '\0'; // the longest
    CHECK_EQ(evse_can_linux_parse(path, &spec), HF_OK);
    CHECK_EQ(strlen(spec.name), 107);
}

// Nothing is there: each is a bus that is off, and none an error.
static void can_spec_each_kind_opens_to_its_driver(void)
{
    static const char *const specs[] = {"virtual:nothing-here", "socketcan:nothing9",
                                        "slcan:/nothing/here@125"};
    const evse_can_ops_t *const drivers[] = {&evse_can_virtual_ops, &evse_can_socketcan_ops,
                                             &evse_can_slcan_ops};
    static evse_can_linux_t bus;
    const evse_can_filter_t wanted[] = {{0x1806E5F4, EVSE_CAN_ID_MASK, true}};
    const evse_can_filters_t filters = {.list = wanted, .count = 1};
    for (unsigned i = 0; i < HF_COUNT_OF(specs); i++) {
        evse_can_t can = {0};
        evse_can_frame_t frame = {.id = 1};
        if (!is_built((evse_can_linux_kind_t)i)) {
            CHECK_EQ(evse_can_linux_open(&bus, specs[i], &filters, &can), HF_E_UNSUPPORTED);
            continue;
        }
        CHECK_EQ(evse_can_linux_open(&bus, specs[i], &filters, &can), HF_OK);
        REQUIRE(can.ops == drivers[i]);
        CHECK_EQ(can.ops->poll(can.ctx, 1000000), EVSE_CAN_BUS_OFF);
        CHECK_EQ(can.ops->send(can.ctx, &frame), HF_E_STATE);
        CHECK_EQ(can.ops->receive(can.ctx, &frame), HF_E_STATE);
        CHECK_EQ(can.ops->recover(can.ctx, 1000000), HF_OK);
        CHECK_EQ(can.ops->poll(can.ctx, 1010000), EVSE_CAN_BUS_OFF);
        CHECK(!can.ops->inbox(can.ctx)->stats.initialized);
        CHECK_EQ(can.ops->inbox(can.ctx)->stats.error_count, 1);
        evse_can_linux_close(&bus);
    }
}

static void can_spec_too_many_filters_are_refused(void)
{
    static evse_can_linux_t bus;
    static evse_can_filter_t wanted[EVSE_CAN_FILTERS_MAX + 1];
    evse_can_t can;
    evse_can_filters_t filters = {.list = wanted, .count = EVSE_CAN_FILTERS_MAX};
    bool is_there = is_built(EVSE_CAN_LINUX_SOCKETCAN);
    CHECK_EQ(evse_can_linux_open(&bus, "socketcan:can0", &filters, &can),
             is_there ? HF_OK : HF_E_UNSUPPORTED);
    filters.count++;
    CHECK_EQ(evse_can_linux_open(&bus, "socketcan:can0", &filters, &can),
             is_there ? HF_E_FULL : HF_E_UNSUPPORTED);
    CHECK_EQ(evse_can_linux_open(&bus, "nonsense", NULL, &can), HF_E_FORMAT);
}

HF_TEST_MAIN(HF_TEST(can_spec_good_ones_are_read), HF_TEST(can_spec_bad_ones_are_refused),
             HF_TEST(can_spec_each_kind_opens_to_its_driver),
             HF_TEST(can_spec_too_many_filters_are_refused))
