// SPDX-License-Identifier: MIT
// The two pure functions of control, over everything they can be asked: the safety policy over the product of the values
// that make a difference to it (each factor has a value for good, for bad, for old and for never), the connector's states
// over all inputs. "Power is permitted" is said here a second time, factor by factor.
#include "evse/evse_connector.h"
#include "evse/evse_safety.h"
#include "evse/evse_timing.h"
#include "hf_test.h"
#include "holdfast/hf_clock.h"
#include "support/module_profile.h"

#define NOW_US 5000000000ull
#define MS     1000ull

// ---- the policy ----------------------------------------------------------------------------------------------------

// X(name, number of values; 0 is good)
#define FACTOR_TABLE(X)                                                                            \
    X(LATCH, 2)                                                                                    \
    X(ESTOP, 4)                                                                                    \
    X(PLUG, 3)                                                                                     \
    X(LOCK, 3)                                                                                     \
    X(FEEDBACK, 2)                                                                                 \
    X(BUS, 3)                                                                                      \
    X(TERMINAL, 4)                                                                                 \
    X(CURRENT, 2)                                                                                  \
    X(HEAT, 4)                                                                                     \
    X(SIGNALS, 2)                                                                                  \
    X(BMS, 6)                                                                                      \
    X(ORDER, 5)                                                                                    \
    X(LIMIT, 5)                                                                                    \
    X(FAULT_LOCK, 2)                                                                               \
    X(WELD, 2)                                                                                     \
    X(ENERGIZED, 2)                                                                                \
    X(EVENTS, 2)

enum factor {
#define FACTOR_ENUM(name, count) FACTOR_##name,
    FACTOR_TABLE(FACTOR_ENUM)
#undef FACTOR_ENUM
        FACTOR_COUNT
};

static const unsigned counts[FACTOR_COUNT] = {
#define FACTOR_VALUES(name, count) count,
    FACTOR_TABLE(FACTOR_VALUES)
#undef FACTOR_VALUES
};

static struct question {
    unsigned value[FACTOR_COUNT];
    evse_module_t module;
    evse_bms_t bms;
    evse_io_inputs_t io;
    evse_connector_order_t order;
    evse_safety_inputs_t inputs;
} question;

static evse_limits_t limits;

static void set_input(evse_input_t input, bool level, uint64_t age_ms)
{
    question.io.level[input] = level;
    question.io.stamp_us[input] = NOW_US - age_ms * MS;
}

static evse_reading_t reading(int32_t value, uint64_t age_ms)
{
    return (evse_reading_t){.value = value, .stamp_us = NOW_US - age_ms * MS};
}

static void set_estop(unsigned value)
{
    set_input(EVSE_IN_ESTOP, value != 1, value == 2 ? 251 : 250);
    if (value == 3) {
        question.io.stamp_us[EVSE_IN_ESTOP] = 0;
    }
}

static void set_terminal(unsigned value)
{
    static const int32_t mV[] = {75000, 85501, 55999, 75000};
    question.module.terminal_mV = reading(mV[value], value == 3 ? 1001 : 1000);
    question.module.terminal_mA.stamp_us = question.module.terminal_mV.stamp_us;
}

static void set_heat(unsigned value)
{
    static const int32_t dC[] = {300, 650, 701, 300};
    question.module.temperature_dC = reading(dC[value], value == 3 ? 3001 : 3000);
}

static void set_signals(unsigned value) // besides the terminals' power
{
    question.module.terminal_status = reading(1, value == 0 ? 3000 : 3001);
    question.module.heartbeat = reading(1, 3001);
    question.module.unit[0].answered_us = NOW_US;
}

static void set_bms(unsigned value)
{
    static const int32_t mA[] = {30000, 30000, 0, 30000, 30000, 30000};
    question.bms.request_mV = value == 5 ? 55000 : 84000;
    question.bms.request_mA = mA[value];
    question.bms.allows = value != 1;
    question.bms.stamp_us = value == 3 ? NOW_US - 3001 * MS : value == 4 ? 0 : NOW_US - 3000 * MS;
}

static void set_order(unsigned value)
{
    static const uint32_t orders[] = {EVSE_ORDER_RUN, EVSE_ORDER_RUN, EVSE_ORDER_SUSPEND,
                                      EVSE_ORDER_NONE, 77};
    question.order.session = orders[value];
    question.order.valid_until_us = value == 1 ? NOW_US - 1 : NOW_US;
}

static void set_factor(unsigned factor, unsigned value)
{
    static const int32_t limit_mA[] = {INT32_MAX, 7000, 0, INT32_MIN, INT32_MAX};
    static const evse_can_state_t bus[] = {EVSE_CAN_ACTIVE, EVSE_CAN_PASSIVE, EVSE_CAN_BUS_OFF};
    question.value[factor] = value;
    switch (factor) {
    case FACTOR_LATCH:
        question.inputs.estop_latched = value;
        break;
    case FACTOR_ESTOP:
        set_estop(value);
        break;
    case FACTOR_PLUG:
        set_input(EVSE_IN_PLUG, value != 1, value == 2 ? 501 : 500);
        break;
    case FACTOR_LOCK:
        set_input(EVSE_IN_LOCK_FEEDBACK, value != 1, value == 2 ? 501 : 500);
        break;
    case FACTOR_FEEDBACK:
        set_input(EVSE_IN_CONTACTOR_FEEDBACK, true, value == 1 ? 251 : 250);
        break;
    case FACTOR_BUS:
        question.inputs.bus = bus[value];
        break;
    case FACTOR_TERMINAL:
        set_terminal(value);
        break;
    case FACTOR_CURRENT:
        question.module.terminal_mA.value =
            value == 0 ? 32000 : 32001; // 30 A in force and 2 A of margin
        break;
    case FACTOR_HEAT:
        set_heat(value);
        break;
    case FACTOR_SIGNALS:
        set_signals(value);
        break;
    case FACTOR_BMS:
        set_bms(value);
        break;
    case FACTOR_ORDER:
        set_order(value);
        break;
    case FACTOR_LIMIT:
        question.order.limit_mA = limit_mA[value];
        question.order.limit_W = value == 4 ? 1540 : 0;
        break;
    case FACTOR_FAULT_LOCK:
        question.inputs.fault_locked = value;
        break;
    case FACTOR_WELD:
        question.inputs.contactor_welded = value;
        break;
    case FACTOR_ENERGIZED:
        question.inputs.energized = value;
        break;
    default:
        question.inputs.events_full = value;
        break;
    }
}

static void begin_question(void)
{
    memset(&question, 0, sizeof question);
    limits = *evse_limits_find("nx100");
    CHECK_EQ(evse_module_init(&question.module, &test_profile, 1), 0);
    question.inputs = (evse_safety_inputs_t){
        .module = &question.module,
        .bms = &question.bms,
        .io = &question.io,
        .order = &question.order,
        .setpoint_mA = 30000,
        .started_us = NOW_US - 60 * HF_US_PER_S,
    };
    for (unsigned factor = 0; factor < FACTOR_COUNT; factor++) {
        set_factor(factor, 0);
    }
}

// A second time, from the factors alone.
static bool is_permitted(void)
{
    const unsigned *value = question.value;
    for (unsigned factor = 0; factor < FACTOR_COUNT; factor++) {
        bool is_harmless =
            (factor == FACTOR_BUS && value[factor] == 1) ||  // many errors, but it is there
            (factor == FACTOR_HEAT && value[factor] == 1) || // derated
            (factor == FACTOR_LIMIT && (value[factor] == 1 || value[factor] == 4)) ||
            factor == FACTOR_ENERGIZED ||
            // an open output has no voltage yet
            (factor == FACTOR_TERMINAL && value[factor] == 2 && value[FACTOR_ENERGIZED] == 0);
        if (value[factor] != 0 && !is_harmless) {
            return false;
        }
    }
    return true;
}

static int32_t expected_mA(void)
{
    bool flows = question.value[FACTOR_ENERGIZED] != 0; // at 75 V: 77 V counts, else the setpoint
    int32_t powered = flows ? 1540000 / 77 : 1540000 / 84;
    int32_t mA = question.value[FACTOR_LIMIT] == 1   ? 7000
                 : question.value[FACTOR_LIMIT] == 4 ? powered
                                                     : 30000;
    return question.value[FACTOR_HEAT] == 1 ? mA / 2 : mA; // 65 degrees: half way from 60 to 70
}

static bool is_good(const evse_verdict_t *verdict)
{
    const unsigned *value = question.value;
    bool at_once = value[FACTOR_LATCH] != 0 || value[FACTOR_ESTOP] == 1 ||
                   value[FACTOR_ESTOP] == 2 || value[FACTOR_BUS] == 2 || value[FACTOR_PLUG] != 0;
    if (verdict->immediate != at_once || (verdict->reasons == 0) != is_permitted()) {
        return false;
    }
    if (verdict->reasons != 0) {
        return verdict->setpoint_mA == 0 && verdict->setpoint_mV == 0;
    }
    return verdict->fault == EVSE_FAULT_NONE && verdict->setpoint_mA == expected_mA() &&
           verdict->setpoint_mV == 84000;
}

static void print_question(const evse_verdict_t *verdict)
{
    static const char *const names[] = {
#define FACTOR_NAME(name, count) #name,
        FACTOR_TABLE(FACTOR_NAME)
#undef FACTOR_NAME
    };
    for (unsigned factor = 0; factor < FACTOR_COUNT; factor++) {
        if (question.value[factor] != 0) {
            printf("  %s=%u", names[factor], question.value[factor]);
        }
    }
    HF_TEST_FAIL("reasons %x, immediate %d, %d mV, %d mA", (unsigned)verdict->reasons,
                 verdict->immediate, (int)verdict->setpoint_mV, (int)verdict->setpoint_mA);
}

// The next combination, like an odometer; false after the last.
static bool next_question(void)
{
    for (unsigned factor = 0; factor < FACTOR_COUNT; factor++) {
        if (question.value[factor] + 1u < counts[factor]) {
            set_factor(factor, question.value[factor] + 1u);
            return true;
        }
        set_factor(factor, 0);
    }
    return false;
}

static void safety_permits_exactly_what_every_factor_permits(
    void) // [SAF-03] [SAF-04] [SAF-05] [SAF-07] [SAF-10]
{
    unsigned long asked = 0, permitted = 0;
    begin_question();
    do {
        evse_verdict_t verdict = evse_safety_judge(&question.inputs, &limits, NOW_US);
        asked++;
        permitted += verdict.reasons == 0 ? 1u : 0u;
        if (!is_good(&verdict)) {
            print_question(&verdict);
            return;
        }
    } while (next_question());
    printf("  %lu combinations, power permitted in %lu\n", asked, permitted);
    CHECK(permitted > 0);
}

// ---- the connector -------------------------------------------------------------------------------------------------

static evse_connector_inputs_t inputs_of(unsigned bits)
{
    return (evse_connector_inputs_t){
        .plugged = bits & 1u,
        .faulted = bits >> 1 & 1u,
        .energized = bits >> 2 & 1u,
        .offering = bits >> 3 & 1u,
        .vehicle_draws = bits >> 4 & 1u,
        .session_over = bits >> 5 & 1u,
        .inoperative = bits >> 6 & 1u,
        .reserved = bits >> 7 & 1u,
        .finishing = bits >> 8 & 1u,
        .order = (evse_session_order_t)(bits >> 9 & 3u),
    };
}

#define CONNECTOR_INPUTS (1u << 11)

static const char *wrong_state(evse_connector_state_t state, const evse_connector_inputs_t *in)
{
    bool is_ordered = in->order == EVSE_ORDER_RUN || in->order == EVSE_ORDER_SUSPEND;
    bool is_open = is_ordered && !in->session_over;
    bool is_idle = state == EVSE_STATE_Available || state == EVSE_STATE_Reserved;
    if (in->faulted != (state == EVSE_STATE_Faulted)) {
        return "a fault shows, and nothing else as one";
    }
    if (state == EVSE_STATE_Charging && !(is_open && in->energized && in->offering &&
                                          in->vehicle_draws && in->order == EVSE_ORDER_RUN)) {
        return "Charging says that energy flows";
    }
    if (!in->faulted && is_open &&
        (is_idle || state == EVSE_STATE_Unavailable || state == EVSE_STATE_Finishing)) {
        return "an open session shows as one";
    }
    bool stays = evse_connector_step(state, in) == state; // else only on its way
    if (is_idle && (in->energized || (state == EVSE_STATE_Available && in->plugged && stays))) {
        return "Available only with nothing plugged and nothing energized";
    }
    return (unsigned)state < EVSE_CONNECTOR_STATE_COUNT ? NULL : "a state of the table";
}

static void connector_state_says_what_is(void)
{
    for (unsigned was = 0; was < EVSE_CONNECTOR_STATE_COUNT; was++) {
        for (unsigned bits = 0; bits < CONNECTOR_INPUTS; bits++) {
            evse_connector_inputs_t in = inputs_of(bits);
            const char *wrong =
                wrong_state(evse_connector_step((evse_connector_state_t)was, &in), &in);
            if (wrong != NULL) {
                HF_TEST_FAIL("from %s, inputs %x: %s", evse_connector_state_text(was), bits, wrong);
                return;
            }
        }
    }
}

// Breadth first from Available; idle inputs must lead back in one step.
static void connector_reaches_every_state_and_comes_back(void)
{
    bool reached[EVSE_CONNECTOR_STATE_COUNT] = {[EVSE_STATE_Available] = true};
    unsigned count = 1, before = 0;
    while (count != before) {
        before = count;
        for (unsigned was = 0; was < EVSE_CONNECTOR_STATE_COUNT; was++) {
            for (unsigned bits = 0; reached[was] && bits < CONNECTOR_INPUTS; bits++) {
                evse_connector_inputs_t in = inputs_of(bits);
                unsigned state = evse_connector_step((evse_connector_state_t)was, &in);
                count += reached[state] ? 0u : 1u;
                reached[state] = true;
            }
        }
    }
    CHECK_EQ(count, EVSE_CONNECTOR_STATE_COUNT);
    for (unsigned was = 0; was < EVSE_CONNECTOR_STATE_COUNT; was++) {
        const evse_connector_inputs_t idle = {.order = EVSE_ORDER_NONE};
        CHECK_EQ(evse_connector_step((evse_connector_state_t)was, &idle), EVSE_STATE_Available);
    }
}

HF_TEST_MAIN(HF_TEST(safety_permits_exactly_what_every_factor_permits),
             HF_TEST(connector_state_says_what_is),
             HF_TEST(connector_reaches_every_state_and_comes_back))
