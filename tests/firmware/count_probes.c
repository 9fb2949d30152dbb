// SPDX-License-Identifier: MIT
// What watching costs beside what is watched: a minute of control ticks that charge a simulated vehicle, once alone and once
// with all that the image has besides: supervision of each tick and the watchdog's judgement, telemetry in the comms
// loop with its samples, tripwires, stacks, pools and heartbeat, a mark each ten seconds, a bounded lock each second.
// Prints NAME VALUE WORST: the tick alone; beside it the supervisor (check-in, lateness, new faults, verdict, health); all
// else that watches (telemetry, stacks, the lock, the comms loop's check-in); and the share of all this in permille.
#include "evse/evse_control.h"
#include "firmware_watch.h"
#include "holdfast/hf_clock.h"
#include "holdfast/hf_telemetry_sources.h"
#include "qemu_image.h"
#include "sim/sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define START_US    5000000000ull
#define FULL_POWER  2000000 // mW
#define TICKS       6000u
#define LOOP_TICKS  2u // the comms loop comes every 20 ms
#define MARK_TICKS  1000u
#define LOCK_TICKS  100u
#define POOLS       4u
#define TASKS       2u
#define STACK_BYTES 2048u
#define PERMILLE    1000u

// ---- the vehicle and what charges it -----------------------------------------------------------------------------

static evse_t evse;
static evse_orders_t orders;
static sim_outlet_t outlet;
static uint64_t now_us = START_US;

uint64_t hf_port_now_us(void)
{
    return now_us;
}

static int send_frame(void *ctx, const evse_can_frame_t *frame)
{
    (void)ctx;
    sim_outlet_receive(&outlet, frame);
    return HF_OK;
}

static int receive_frame(void *ctx, evse_can_frame_t *frame)
{
    (void)ctx;
    return sim_outlet_transmit(&outlet, frame) ? 1 : 0;
}

static evse_can_state_t poll_bus(void *ctx, uint64_t at_us)
{
    (void)ctx;
    (void)at_us;
    return EVSE_CAN_ACTIVE;
}

static int sample_inputs(void *ctx, unsigned connector, uint64_t at_us, evse_io_inputs_t *inputs)
{
    (void)ctx;
    (void)connector;
    const bool known = sim_outlet_inputs(&outlet, inputs->level);
    for (unsigned i = 0; known && i < EVSE_INPUT_COUNT; i++) {
        inputs->stamp_us[i] = at_us;
    }
    return known ? HF_OK : HF_E_AGAIN;
}

static int drive_outputs(void *ctx, unsigned connector, const evse_io_drive_t *drive)
{
    (void)ctx;
    (void)connector;
    sim_outlet_drive(&outlet, drive);
    return HF_OK;
}

static const evse_can_ops_t can_ops = {
    .send = send_frame, .receive = receive_frame, .poll = poll_bus};
static const evse_io_ops_t io_ops = {.sample = sample_inputs, .drive = drive_outputs};

static void open_control(void)
{
    const evse_module_profile_t *profile = evse_module_profile_find("m33-1024");
    const sim_config_t sim = {.profile = profile, .ramp_mA_per_s = 1000000};
    const evse_control_config_t config = {
        .channel = {{.can = {&can_ops, NULL},
                     .profile = profile,
                     .limits = evse_limits_find("nx100")}},
        .connectors = 1,
        .io = {&io_ops, NULL},
        .mailbox = &evse.mailbox,
    };
    sim_outlet_init(&outlet, &sim);
    HF_ASSERT(evse_mailbox_init(&evse.mailbox, 1) == HF_OK);
    HF_ASSERT(evse_control_init(&evse.control, &config) == HF_OK);
}

static void step(void)
{
    evse_event_t event;
    now_us += EVSE_TICK_US;
    sim_outlet_step(&outlet, now_us);
    orders.connector[0].valid_until_us = now_us + 3u * HF_US_PER_S;
    hf_snapshot_write(&evse.mailbox.orders, &orders);
    while (hf_queue_get(&evse.mailbox.events, &event) == HF_OK) {
    }
}

static void run(unsigned ticks)
{
    for (unsigned i = 0; i < ticks; i++) {
        step();
        evse_control_tick(&evse.control, now_us);
    }
}

static void charge(void)
{
    run(50);
    sim_outlet_plug(&outlet, true);
    run(250);
    orders.connector[0].session = EVSE_ORDER_RUN;
    orders.connector[0].session_id = 1;
    orders.connector[0].limit_mA = INT32_MAX;
    run(1500);
    HF_ASSERT(outlet.power_mW >= FULL_POWER);
}

// ---- what watches ------------------------------------------------------------------------------------------------

static firmware_watch_t watch;
static hf_telemetry_t telemetry;
static hf_tripwire_t tripwire;
static hf_tasks_t tasks;
static hf_mutex_t mutex;
static hf_pool_t pools[POOLS];
static HF_POOL_STORAGE_BYTES(32, 8) storage[POOLS];
static uint8_t stacks[TASKS][STACK_BYTES];
static char stream[HF_LINE_BYTES];

static int read_memory(void *ctx, hf_memory_t *memory)
{
    static hf_memory_t reading = {100000, 90000, 80000, 100000, 90000, 80000, 0, 0, 0};
    (void)ctx;
    reading.internal_free ^= 32u; // never the same twice
    *memory = reading;
    return HF_OK;
}

static bool take_line(void *ctx, const char *line, size_t length)
{
    (void)ctx;
    memcpy(stream, line, length);
    return true;
}

static void on_trip(void *ctx, const hf_trip_event_t *event)
{
    (void)event;
    (void)ctx;
    HF_ASSERT(false); // nothing is out of order here
}

static const hf_pool_t *const pool_table[POOLS] = {&pools[0], &pools[1], &pools[2], &pools[3]};
static const hf_telemetry_pools_t pool_source = {.pool = pool_table};
static const hf_mutex_t *const lock_table[] = {&mutex};
static const hf_telemetry_locks_t lock_source = {.mutex = lock_table, .tasks = &tasks};

static void open_watch(void)
{
    static const hf_task_info_t rows[TASKS] = {{"main", stacks[0], STACK_BYTES, 1, -1},
                                               {"tick", stacks[1], STACK_BYTES, 2, -1}};
    for (unsigned i = 0; i < TASKS; i++) {
        hf_task_paint(stacks[i], STACK_BYTES);
    }
    for (unsigned i = 0; i < POOLS; i++) {
        const hf_pool_config_t config = {.name = "pool",
                                         .blocks = storage[i].blocks,
                                         .meta = storage[i].meta,
                                         .block_bytes = 32,
                                         .count = 8};
        HF_ASSERT(hf_pool_init(&pools[i], &config) == HF_OK);
    }
    const hf_telemetry_config_t config = {
        .memory = {.read = read_memory},
        .write = take_line,
        .read_pool = hf_telemetry_read_pools,
        .pools = &pool_source,
        .pool_count = POOLS,
        .read_lock = hf_telemetry_read_locks,
        .locks = &lock_source,
        .lock_count = 1,
        .tasks = &tasks,
        .tripwire = &tripwire,
        .heartbeat_ms = 60000,
    };
    HF_ASSERT(hf_mutex_init(&mutex, "lock", 0) == HF_OK);
    HF_ASSERT(hf_tasks_init(&tasks, rows, TASKS) == HF_OK);
    HF_ASSERT(hf_tripwire_init(&tripwire, hf_tripwire_defaults, HF_TRIPWIRE_DEFAULTS, on_trip,
                               NULL) == HF_OK);
    HF_ASSERT(hf_telemetry_init(&telemetry, &config, now_us) == HF_OK);
    HF_ASSERT(firmware_watch_init(&watch, &evse, now_us) == HF_OK);
}

// ---- the count ---------------------------------------------------------------------------------------------------

typedef struct sum {
    uint64_t total;
    uint32_t worst;
} sum_t;

// What is counted is called by a function of its own that knows the time; what that takes is not counted.
static __attribute__((noinline)) void do_nothing(firmware_watch_t *of, uint32_t took_us,
                                                 uint64_t at_us)
{
    __asm__ volatile("" : : "r"(of), "r"(took_us), "r"((uint32_t)at_us));
}

static uintptr_t call_nothing(uintptr_t a, uintptr_t b, uintptr_t c)
{
    (void)a;
    (void)b;
    (void)c;
    do_nothing(&watch, 0, now_us);
    return 0;
}

static uintptr_t tick_alone(uintptr_t a, uintptr_t b, uintptr_t c)
{
    (void)a;
    (void)b;
    (void)c;
    evse_control_tick(&evse.control, now_us);
    return 0;
}

static uintptr_t watch_tick(uintptr_t a, uintptr_t b, uintptr_t c)
{
    (void)a;
    (void)b;
    (void)c;
    return firmware_watch_tick(&watch, 0, now_us) ? 1u : 0u;
}

static uintptr_t mark(uintptr_t a, uintptr_t b, uintptr_t c)
{
    (void)a;
    (void)b;
    (void)c;
    hf_telemetry_mark(&telemetry, "mark", now_us);
    return 0;
}

/// A round of the comms loop, as far as it watches.
static uintptr_t round_of_the_loop(uintptr_t a, uintptr_t b, uintptr_t c)
{
    (void)a;
    (void)b;
    (void)c;
    firmware_watch_comms(&watch, true, now_us);
    hf_telemetry_poll(&telemetry, now_us);
    return 0;
}

static uintptr_t take_and_give(uintptr_t a, uintptr_t b, uintptr_t c)
{
    (void)a;
    (void)b;
    (void)c;
    const bool is_taken = hf_mutex_take(&mutex, 0) == HF_OK;
    return is_taken && hf_mutex_give(&mutex, 0) == HF_OK ? 1u : 0u;
}

static void add(sum_t *sum, uintptr_t (*call)(uintptr_t, uintptr_t, uintptr_t))
{
    // Two of the four calls and returns around nothing are those of what is counted.
    const uint32_t around = qemu_count_call(call_nothing, 0, 0, 0) - 2u;
    const uint32_t instructions = qemu_count_call(call, 0, 0, 0) - around;
    sum->total += instructions;
    sum->worst = instructions > sum->worst ? instructions : sum->worst;
}

static void print(const char *name, const sum_t *sum)
{
    printf("m4.probes.%s %u %u\n", name, (unsigned)(sum->total / TICKS), (unsigned)sum->worst);
}

int main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    sum_t tick = {0}, watched = {0}, told = {0};
    open_control();
    charge();
    open_watch();
    for (unsigned i = 1; i <= TICKS; i++) {
        step();
        add(&tick, tick_alone);
        add(&watched, watch_tick);
        if (i % MARK_TICKS == 0) {
            add(&told, mark);
        }
        if (i % LOOP_TICKS == 0) {
            add(&told, round_of_the_loop);
        }
        if (i % LOCK_TICKS == 0) {
            add(&told, take_and_give);
            HF_ASSERT(qemu_result() != 0);
        }
    }
    HF_ASSERT(telemetry.lines > 30u && outlet.power_mW >= FULL_POWER);
    HF_ASSERT(watch.supervisor.view.feeding != 0 && watch.supervisor.view.reasons == 0);
    print("tick", &tick);
    print("supervision", &watched);
    print("telemetry", &told);
    const uint32_t permille = (uint32_t)((told.total + watched.total) * PERMILLE / tick.total);
    printf("m4.probes.permille %u %u\n", (unsigned)permille, (unsigned)permille);
    return 0;
}
