// SPDX-License-Identifier: MIT
// Search through the states of the real control tick around a small plant (plant.h), with the shortest times the
// configuration permits and a clock of 100 ms: from every state on the way of a usual session all sequences of up to
// --events events (of the person, the vehicle, the orders; one fault at a time), each at any later moment. Goals: in no
// state is there energy without every permission; from every one a stop (no order, or a trip) takes the power in the
// next steps; from a sample of them charging is possible again. Two states are one when they differ only in counters and
// in ages beyond what any timer asks for.
//
// search [--events N] [--states MOST] [--expect-broken]
#include "plant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_US   0x5EED000000000000ull // no other number in a state looks like a time
#define AGE_MAX_US (1300u * 1000u)       // older than every timer
#define STATES     4000000u
#define EVENTS     2u
#define EVENTS_MAX 6u
#define STOP_STEPS 8u
#define SAMPLE     97u // every so many states must find back to charging

typedef struct node {
    world_t world;
    uint64_t now_us;
    uint32_t number;
    uint32_t left;   // events that may still happen
    unsigned choice; // the next one to try
} node_t;

typedef struct origin {
    uint32_t from;
    uint8_t action, fault;
} origin_t;

static struct search {
    uint64_t *seen;     // open addressing, 0: free
    uint8_t *seen_left; // with how many events left
    size_t seen_room;
    origin_t *origin; // of each visit
    uint32_t visits, visits_max, states, stops, revivals, energized;
    uint64_t steps;
    bool is_broken;
} search;

static node_t stack[EVENTS_MAX + 1u];
static world_t world; // the one control works in

// ---- what makes a state --------------------------------------------------------------------------------------------

#define CLEAR(field) memset(&(field), 0, sizeof(field))

// Times of what is not going on.
static void clear_idle_times(evse_control_t *control)
{
    evse_channel_t *channel = &control->channel[0];
    if (channel->phase == EVSE_POWER_OFF) {
        CLEAR(channel->phase_since_us);
    }
    if (channel->fault == EVSE_FAULT_NONE) {
        CLEAR(channel->fault_since_us);
    }
    if (!channel->ending) {
        CLEAR(channel->ending_since_us);
    }
    if (!channel->unlocking) {
        CLEAR(channel->unlock_since_us);
    }
    if (!channel->riding) {
        CLEAR(channel->ride_since_us);
    }
    if (!control->reset_held) {
        CLEAR(control->reset_since_us);
    }
    if (channel->contactor_wanted) {
        CLEAR(channel->opened_us);
    }
    CLEAR(channel->fall_since_us);
    CLEAR(channel->fall_from_mV);
}

// What only counts, or is made anew in every tick, or is for show.
static void clear_idle_fields(evse_control_t *control)
{
    evse_channel_t *channel = &control->channel[0];
    CLEAR(channel->config);
    CLEAR(channel->order);
    CLEAR(channel->verdict);
    CLEAR(channel->state);
    CLEAR(channel->draws);
    CLEAR(channel->draws_since_us);
    CLEAR(channel->register_mJ);
    CLEAR(channel->terminal_meter);
    CLEAR(channel->meter);
    CLEAR(channel->finishing);
    CLEAR(channel->finishing_since_us);
    CLEAR(channel->left_us);
    CLEAR(channel->start_button);
    CLEAR(channel->pending);
    CLEAR(channel->pending_order);
    CLEAR(channel->pending_count);
    CLEAR(channel->can_rx);
    CLEAR(channel->can_tx);
    CLEAR(channel->can_errors);
    CLEAR(channel->drives_failed);
    CLEAR(channel->session_bus_offs);
    CLEAR(channel->module.next_telemetry_us);
    CLEAR(channel->module.telemetry_index);
    CLEAR(channel->module.telemetry_unit);
    CLEAR(channel->module.first_round);
    CLEAR(channel->module.rx_frames);
    CLEAR(channel->module.rx_refused);
    CLEAR(channel->module.tx_frames);
    CLEAR(channel->module.tx_failed);
    CLEAR(channel->bms.next_status_us);
    CLEAR(channel->bms.next_query_us);
    CLEAR(channel->bms.query_index);
    CLEAR(channel->bms.rx_frames);
    CLEAR(channel->bms.rx_refused);
    evse_can_state_t bus = channel->module_bus.state;
    uint64_t since_us = channel->module_bus.good_since_us;
    CLEAR(channel->module_bus);
    channel->module_bus.state = bus;
    channel->module_bus.good_since_us = since_us;
    CLEAR(channel->bms_bus);
    bool is_held = channel->drive.level[EVSE_OUT_CONTACTOR];
    CLEAR(channel->drive);
    channel->drive.level[EVSE_OUT_CONTACTOR] = is_held;
    uint32_t is_latched = atomic_load(&control->estop_latched) != 0;
    bool is_reset_kept =
        control->reset_held && control->reset_latch == atomic_load(&control->estop_latched);
    atomic_store(&control->estop_latched, is_latched);
    control->reset_latch = is_reset_kept;
    clear_idle_times(control);
    CLEAR(control->io);
    CLEAR(control->mailbox);
    CLEAR(control->orders);
    CLEAR(control->ticks);
    CLEAR(control->ticks_late);
    CLEAR(control->event_sequence);
    CLEAR(control->alarms);
    CLEAR(control->last_tick_us);
}

// A time as its age; beyond AGE_MAX_US they are all one.
static uint64_t aged(uint64_t word, uint64_t now_us)
{
    if (word < START_US || word > now_us + (1ull << 40)) {
        return word;
    }
    if (word > now_us) {
        return (1ull << 62) | (word - now_us);
    }
    uint64_t age_us = now_us - word;
    return (1ull << 63) | (age_us < AGE_MAX_US ? age_us : AGE_MAX_US);
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9E3779B97F4A7C15ull;
    return hash ^ (hash >> 29);
}

static uint64_t hash_of(const world_t *from, uint64_t now_us)
{
    static union {
        evse_control_t control;
        uint64_t words[sizeof(evse_control_t) / sizeof(uint64_t)];
    } copy;
    uint64_t plant[(sizeof(plant_t) + 7u) / 8u] = {0};
    memcpy(&copy.control, &from->control, sizeof copy.control);
    clear_idle_fields(&copy.control);
    memcpy(plant, &from->plant, sizeof(plant_t));
    uint64_t hash = 0x1234567;
    for (size_t i = 0; i < sizeof copy.words / sizeof copy.words[0]; i++) {
        hash = mix(hash, aged(copy.words[i], now_us));
    }
    for (size_t i = 0; i < sizeof plant / sizeof plant[0]; i++) {
        hash = mix(hash, plant[i]);
    }
    return hash == 0 ? 1 : hash;
}

// True when the state was never seen, or only with fewer events left.
static bool is_new(uint64_t hash, uint32_t left)
{
    size_t at = hash & (search.seen_room - 1u);
    while (search.seen[at] != 0 && search.seen[at] != hash) {
        at = (at + 1u) & (search.seen_room - 1u);
    }
    bool is_first = search.seen[at] == 0;
    if (!is_first && search.seen_left[at] >= left) {
        return false;
    }
    search.states += is_first ? 1u : 0u;
    search.seen[at] = hash;
    search.seen_left[at] = (uint8_t)left;
    return true;
}

// ---- going on ------------------------------------------------------------------------------------------------------

static const char *const actions[] = {
#define ACTION_NAME(name, text) text,
    PLANT_ACTION_TABLE(ACTION_NAME)
#undef ACTION_NAME
};

static const char *const faults[] = {
#define FAULT_NAME(name, text) text,
    PLANT_FAULT_TABLE(FAULT_NAME)
#undef FAULT_NAME
};

static void print_way(uint32_t number)
{
    static uint32_t way[1000];
    unsigned length = 0;
    for (; number != 0 && length < 1000; number = search.origin[number].from) {
        way[length++] = number;
    }
    while (length > 0) {
        const origin_t *origin = &search.origin[way[--length]];
        bool is_fault = origin->action == PLANT_DO_FAULT;
        printf("  %s%s%s\n", actions[origin->action], is_fault ? ": " : "",
               is_fault ? faults[origin->fault] : "");
    }
}

static void fail(uint32_t number, const char *rule, const char *then)
{
    if (!search.is_broken) {
        printf("broken: %s, after:\n", rule);
        print_way(number);
        printf("  %s\n", then);
    }
    search.is_broken = true;
}

static plant_step_t step(uint64_t *now_us)
{
    *now_us += PLANT_STEP_US;
    search.steps++;
    return plant_step(&world, *now_us);
}

static bool is_stopped(void)
{
    const plant_t *plant = &world.plant;
    bool is_deaf = plant->fault == PLANT_SEND_REFUSED || plant->fault == PLANT_BUS_OFF;
    return !plant->is_commanded && (!plant->is_told_on || is_deaf) &&
           world.control.channel[0].phase == EVSE_POWER_OFF;
}

// "A stop is always reachable": whatever the state, without an order, or by a trip, the power goes.
static void check_stop(const node_t *node, plant_action_t action)
{
    uint64_t now_us = node->now_us;
    memcpy(&world, &node->world, sizeof world);
    plant_act(&world, action, PLANT_NONE);
    search.stops++;
    for (unsigned i = 0; i < STOP_STEPS; i++) {
        plant_step_t did = step(&now_us);
        if (did.broken != NULL || did.has_sent_on) {
            fail(node->number, did.broken != NULL ? did.broken : "ON after the stop",
                 actions[action]);
        }
    }
    if (!is_stopped()) {
        fail(node->number, "a stop does not take the power", actions[action]);
    }
}

static void go(uint64_t *now_us, plant_action_t action, unsigned steps, uint32_t number)
{
    plant_act(&world, action, PLANT_NONE);
    for (unsigned i = 0; i < steps; i++) {
        plant_step_t did = step(now_us);
        if (did.broken != NULL) {
            fail(number, did.broken, "on the way back to charging");
        }
    }
}

// Healed, unplugged, reset by a person, plugged: a new session must charge.
static void check_revival(const node_t *node)
{
    uint64_t now_us = node->now_us;
    memcpy(&world, &node->world, sizeof world);
    plant_act(&world, PLANT_DO_FAULT, PLANT_NONE);
    world.plant.is_estop_open = world.plant.is_plugged = world.plant.is_reset = 0;
    world.plant.is_unlock_asked = 0; // it would end the new session, as it should
    go(&now_us, PLANT_DO_ORDER_NONE, 15, node->number);
    go(&now_us, PLANT_DO_RESET, 13, node->number);
    go(&now_us, PLANT_DO_RESET, 12, node->number);
    go(&now_us, PLANT_DO_PLUG, 5, node->number);
    go(&now_us, PLANT_DO_ORDER_NEW, 15, node->number);
    search.revivals++;
    if (!plant_is_on(&world)) {
        fail(node->number, "a new session does not charge after everything was healed", "healed");
    }
}

// One step from a node; true when what comes of it is new. It is then in `next`.
static bool try_action(const node_t *node, plant_action_t action, plant_fault_t fault, node_t *next)
{
    uint32_t left = node->left - (action == PLANT_DO_WAIT ? 0u : 1u);
    uint64_t now_us = node->now_us;
    uint32_t from = node->number; // next may be node
    memcpy(&world, &node->world, sizeof world);
    plant_act(&world, action, fault);
    plant_step_t did = step(&now_us);
    if (did.broken != NULL) {
        fail(from, did.broken, action == PLANT_DO_FAULT ? faults[fault] : actions[action]);
        return false;
    }
    if (search.visits == search.visits_max || !is_new(hash_of(&world, now_us), left)) {
        return false;
    }
    memcpy(&next->world, &world, sizeof world);
    next->now_us = now_us;
    next->number = search.visits;
    next->left = left;
    next->choice = 0;
    search.origin[search.visits++] =
        (origin_t){.from = from, .action = (uint8_t)action, .fault = (uint8_t)fault};
    return true;
}

static void visit(const node_t *node)
{
    search.energized += node->world.plant.is_told_on;
    check_stop(node, PLANT_DO_ORDER_NONE);
    check_stop(node, PLANT_DO_TRIP);
    if (node->number % SAMPLE == 0) {
        check_revival(node);
    }
}

#define CHOICES (PLANT_DO_FAULT - 1u + PLANT_FAULT_COUNT)

// The choice's event; false when it makes no sense here. One fault at a time.
static bool event_of(const node_t *node, unsigned choice, plant_action_t *action,
                     plant_fault_t *fault)
{
    *fault = PLANT_NONE;
    *action = (plant_action_t)(choice + 1u); // not WAIT
    if (*action < PLANT_DO_FAULT) {
        return true;
    }
    *fault = (plant_fault_t)(choice + 1u - PLANT_DO_FAULT);
    *action = PLANT_DO_FAULT;
    return (*fault == PLANT_NONE) == (node->world.plant.fault != PLANT_NONE);
}

// Everything that comes after the node at the bottom of the stack: an event now, or time.
static void explore(void)
{
    unsigned top = 0;
    visit(&stack[0]);
    while (!search.is_broken) {
        node_t *node = &stack[top];
        plant_action_t action;
        plant_fault_t fault;
        bool is_event = node->left > 0 && node->choice < CHOICES;
        if (is_event && event_of(node, node->choice++, &action, &fault)) {
            top += try_action(node, action, fault, &stack[top + 1u]) ? 1u : 0u;
        } else if (is_event) {
            continue;
        } else if (!try_action(node, PLANT_DO_WAIT, PLANT_NONE, node)) {
            if (top == 0) {
                return;
            }
            top--;
            continue;
        }
        if (stack[top].choice == 0) {
            visit(&stack[top]);
        }
    }
}

// What usually happens, from boot to the end of a session: from each state on this way the search goes on.
static void search_from_the_way(uint32_t events)
{
    static const uint8_t way[] = {
        PLANT_DO_WAIT,       PLANT_DO_PLUG, PLANT_DO_WAIT, PLANT_DO_WAIT, PLANT_DO_ORDER_NEW,
        PLANT_DO_WAIT,       PLANT_DO_WAIT, PLANT_DO_WAIT, PLANT_DO_WAIT, PLANT_DO_WAIT,
        PLANT_DO_WAIT,       PLANT_DO_WAIT, PLANT_DO_WAIT, PLANT_DO_WAIT, PLANT_DO_WAIT,
        PLANT_DO_ORDER_NONE, PLANT_DO_WAIT, PLANT_DO_WAIT, PLANT_DO_WAIT, PLANT_DO_PLUG,
        PLANT_DO_WAIT,
    };
    static node_t node, next;
    node.now_us = START_US;
    plant_boot(&world, false, 0);
    memcpy(&node.world, &world, sizeof world);
    for (size_t i = 0; i < sizeof way && !search.is_broken; i++) {
        node.left =
            EVENTS_MAX + (way[i] != PLANT_DO_WAIT ? 1u : 0u); // new whatever was seen before
        if (!try_action(&node, (plant_action_t)way[i], PLANT_NONE, &next)) {
            continue; // at rest: nothing new
        }
        memcpy(&node, &next, sizeof node);
        memcpy(&stack[0], &next, sizeof next);
        stack[0].left = events;
        explore();
    }
}

static void open_search(uint32_t states)
{
    search.visits_max = states;
    search.seen_room = 1;
    while (search.seen_room < 2u * (size_t)states) {
        search.seen_room *= 2;
    }
    search.seen = calloc(search.seen_room, sizeof *search.seen);
    search.seen_left = calloc(search.seen_room, sizeof *search.seen_left);
    search.origin = calloc(states, sizeof *search.origin);
    if (search.seen == NULL || search.seen_left == NULL || search.origin == NULL) {
        abort();
    }
    search.visits = 1; // number 0 is before the first
}

static uint32_t number(int argc, char **argv, int at, uint32_t most)
{
    unsigned long value = at + 1 < argc ? strtoul(argv[at + 1], NULL, 10) : 0;
    return value < most ? (uint32_t)value : most;
}

int main(int argc, char **argv)
{
    uint32_t states = STATES, events = EVENTS;
    bool expects_broken = false;
    for (int i = 1; i < argc; i++) {
        expects_broken |= strcmp(argv[i], "--expect-broken") == 0;
        if (strcmp(argv[i], "--states") == 0) {
            states = number(argc, argv, i++, 100u * 1000u * 1000u);
        } else if (strcmp(argv[i], "--events") == 0) {
            events = number(argc, argv, i++, EVENTS_MAX);
        }
    }
    open_search(states);
    search_from_the_way(events);
    bool is_cut = search.visits == search.visits_max;
    printf("%u states%s, every sequence of %u events; %u with a module told ON; %u stops, %u new "
           "sessions, %llu ticks\n",
           (unsigned)search.states, is_cut ? " (cut)" : "", (unsigned)events,
           (unsigned)search.energized, (unsigned)search.stops, (unsigned)search.revivals,
           (unsigned long long)search.steps);
    bool is_good =
        search.is_broken == expects_broken && search.energized > 0 && (!is_cut || expects_broken);
    printf(is_good ? "1 passed, 0 failed\n" : "0 passed, 1 failed\n");
    return is_good ? 0 : 1;
}
