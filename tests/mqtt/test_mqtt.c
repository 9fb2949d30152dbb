// SPDX-License-Identifier: MIT
// What goes out over MQTT and when, on a fake clock against a fake sink; settings; the heads of packets.
#include "hf_test.h"

#include "holdfast/hf_json.h"
#include "mqtt_fields.h"
#include "mqtt_packet.h"
#include "mqtt_payload.h"

#include <stdlib.h>

#define MESSAGES 256u
#define SECOND   HF_US_PER_S

typedef struct message {
    char topic[MQTT_TOPIC_BYTES];
    char *payload;
    size_t length;
} message_t;

typedef struct world {
    evse_snapshot_t control;
    evse_comms_view_t comms;
    evse_device_view_t device;
    int device_status;
    uint32_t control_words[HF_SNAPSHOT_BYTES(sizeof(evse_snapshot_t)) / 4u];
    uint32_t comms_words[HF_SNAPSHOT_BYTES(sizeof(evse_comms_view_t)) / 4u];
    hf_snapshot_t control_snapshot, comms_snapshot;
    mqtt_settings_t settings;
    mqtt_source_t source;
    mqtt_publisher_t publisher;
    message_t message[MESSAGES];
    unsigned count, room; // messages the sink takes before it says HF_E_AGAIN
    int refusal;          // what it says instead, when not 0
    char marks[512];
    uint64_t now_us;
} world_t;

static world_t world;

static int take(void *ctx, const char *topic, const char *payload, size_t length)
{
    world_t *w = ctx;
    if (w->refusal != 0) {
        return w->refusal;
    }
    if (w->room == 0 || w->count >= MESSAGES) {
        return HF_E_AGAIN;
    }
    w->room--;
    message_t *message = &w->message[w->count++];
    (void)snprintf(message->topic, sizeof message->topic, "%s", topic);
    message->payload = malloc(length + 1);
    memcpy(message->payload, payload, length);
    message->payload[length] = '\0';
    message->length = length;
    return HF_OK;
}

static int read_device(void *ctx, evse_device_view_t *view)
{
    world_t *w = ctx;
    *view = w->device;
    return w->device_status;
}

static bool never(void *ctx)
{
    (void)ctx;
    return false;
}

static void mark(void *ctx, const char *tag)
{
    world_t *w = ctx;
    strcat(w->marks, tag);
    strcat(w->marks, " ");
}

static void forget(void)
{
    for (unsigned i = 0; i < world.count; i++) {
        free(world.message[i].payload);
    }
    world.count = 0;
}

static void show(void)
{
    world.control.now_us = world.comms.now_us = world.now_us;
    hf_snapshot_write(&world.control_snapshot, &world.control);
    hf_snapshot_write(&world.comms_snapshot, &world.comms);
}

static void fill_device(void)
{
    world.device.has_memory = 1;
    world.device.memory = (hf_memory_t){.heap_free = 200000,
                                        .heap_min = 150000,
                                        .heap_largest = 100000,
                                        .internal_free = 200000,
                                        .internal_min = 150000,
                                        .internal_largest = 100000};
    world.device.reset_code = HF_RESET_SOFTWARE;
    world.device.pools = 1;
    world.device.pool[0] =
        (hf_line_pool_t){.name = "messages", .block_bytes = 512, .capacity = 8, .exhausted = 3};
    world.device.cpu_permille = 125;
    world.device.cpu_mC = -1600;
    world.device.locks = 1;
    world.device.lock[0] = (evse_device_lock_t){
        .name = "history", .holder = "comms", .waiter = "", .held_ms = 62, .timeouts = 3};
    world.device.tasks = 1;
    world.device.task[0] = (hf_line_task_t){.name = "mqtt", .stack_free_bytes = 4096};
}

static void begin(void)
{
    forget();
    memset(&world, 0, sizeof world);
    CHECK_EQ(hf_snapshot_init(&world.control_snapshot, world.control_words, sizeof world.control),
             HF_OK);
    CHECK_EQ(hf_snapshot_init(&world.comms_snapshot, world.comms_words, sizeof world.comms), HF_OK);
    world.settings = (mqtt_settings_t){.prefix = "site/garage", .discovery = "homeassistant"};
    world.source = (mqtt_source_t){.control = &world.control_snapshot,
                                   .comms = &world.comms_snapshot,
                                   .started_us = 5 * SECOND,
                                   .id = "CP:1",
                                   .vendor = "Some \"Vendor\"",
                                   .model = "Model",
                                   .version = "1.2.3",
                                   .device = read_device,
                                   .is_shed = never,
                                   .mark = mark,
                                   .ctx = &world};
    const mqtt_sink_t sink = {.publish = take, .ctx = &world};
    mqtt_publisher_init(&world.publisher, &world.settings, &world.source, &sink);
    world.control.connectors = 2;
    for (unsigned c = 0; c < 2; c++) {
        world.control.connector[c].temperature_dC = INT32_MIN;
        world.control.connector[c].soc_permille = -1;
        world.control.connector[c].meter_fresh = 1;
        world.control.connector[c].mV = 400000;
    }
    world.room = MESSAGES;
    world.now_us = 10 * SECOND;
    fill_device();
    show();
    mqtt_publisher_connected(&world.publisher, world.now_us);
}

static int poll_after(uint64_t wait_us)
{
    world.now_us += wait_us;
    show();
    return mqtt_publisher_poll(&world.publisher, world.now_us);
}

static const message_t *find(const char *tail)
{
    char topic[MQTT_TOPIC_BYTES];
    mqtt_topic(&world.settings, "CP:1", tail, topic);
    for (unsigned i = 0; i < world.count; i++) {
        if (strcmp(world.message[i].topic, topic) == 0) {
            return &world.message[i];
        }
    }
    return NULL;
}

static const char *payload(const char *tail)
{
    const message_t *message = find(tail);
    return message != NULL ? message->payload : NULL;
}

static hf_json_t member(const char *tail, const char *name)
{
    hf_json_t root = {0};
    const message_t *message = find(tail);
    if (message == NULL || hf_json_parse(message->payload, message->length, &root) != HF_OK) {
        return (hf_json_t){0};
    }
    return hf_json_member(root, name);
}

static int64_t figure(const char *tail, const char *name)
{
    int64_t value = INT64_MIN;
    return hf_json_i64(member(tail, name), &value) == HF_OK ? value : INT64_MIN;
}

static void publish_on_connect_tells_everything_in_order(void)
{
    begin();
    CHECK_EQ(poll_after(0), HF_OK);
    REQUIRE(world.count > 10);
    CHECK_STR(world.message[0].topic, "site/garage/CP:1/status");
    CHECK_STR(world.message[0].payload, "online");
    CHECK_STR(world.message[1].topic, "site/garage/CP:1/info");
    CHECK_STR(world.message[2].topic, "homeassistant/device/CP_1/config");
    CHECK_STR(payload("connector/2/voltage_mv"), "400000");
    CHECK_STR(payload("connector/1/temperature_c"), "null");
    CHECK_STR(payload("connector/1/state"), "Available");
    CHECK_STR(payload("connector/1/plugged"), "false");
    CHECK_EQ(figure("diag/memory", "heap_internal_min"), 150000);
    CHECK_EQ(figure("diag/memory", "heap_fragmentation"), 50);
    CHECK_EQ(figure("diag/memory", "exhausted"), 3);
    CHECK_EQ(figure("diag/memory", "psram_free"), 0);
    CHECK_EQ(figure("diag/health", "cpu_usage"), 12);
    CHECK_EQ(figure("diag/health", "cpu_temperature"), -2);
    CHECK_EQ(hf_json_count(member("diag/tasks", "stacks")), 1);
    hf_json_t lock = hf_json_element(member("diag/tasks", "locks"), 0);
    CHECK(hf_json_is_string(hf_json_member(lock, "holder"), "comms"));
    CHECK_EQ(hf_json_member(lock, "waiter").type, HF_JSON_NULL);
    CHECK(hf_json_is_string(member("diag/reset", "reason"), "Software"));
    CHECK_EQ(figure("diag/health", "uptime_seconds"), 5);
    CHECK_STR(world.marks, "mqtt_discovery_pre mqtt_discovery_post mqtt_first_publish ");
    CHECK_EQ(world.publisher.too_long, 0);
    unsigned first = world.count;
    CHECK_EQ(poll_after(SECOND), HF_OK);
    CHECK_EQ(world.count, first); // nothing changed
}

static void publish_health_has_the_fields_of_old_and_none_of_the_web(void)
{
    static const char *const names[] = {"uptime_seconds",
                                        "reset_reason",
                                        "cpu_usage",
                                        "cpu_temperature",
                                        "heap_free",
                                        "heap_min",
                                        "heap_largest",
                                        "heap_internal_free",
                                        "heap_internal_min",
                                        "heap_internal_largest",
                                        "psram_free",
                                        "psram_min",
                                        "psram_largest",
                                        "heap_fragmentation",
                                        "psram_fragmentation",
                                        "flash_used",
                                        "flash_total",
                                        "fs_type",
                                        "fs_mounted",
                                        "fs_used_bytes",
                                        "fs_total_bytes",
                                        "mqtt_enabled",
                                        "mqtt_publish_enabled",
                                        "mqtt_connected",
                                        "mqtt_last_health_publish_ms",
                                        "mqtt_health_publish_age_ms",
                                        "wifi_rssi"};
    static const char *const web[] = {"cpu_freq",     "heap_size",  "heap_internal_free_min_window",
                                      "wifi_channel", "ip_address", "hostname"};
    begin();
    CHECK_EQ(poll_after(0), HF_OK);
    for (size_t i = 0; i < HF_COUNT_OF(names); i++) {
        if (member("diag/health", names[i]).type == HF_JSON_NONE) {
            HF_TEST_FAIL("no %s", names[i]);
        }
    }
    for (size_t i = 0; i < HF_COUNT_OF(web); i++) {
        CHECK_EQ(member("diag/health", web[i]).type, HF_JSON_NONE);
    }
}

static void publish_reading_keeps_floor_deadband_and_heartbeat(void)
{
    begin();
    CHECK_EQ(poll_after(0), HF_OK);
    forget();
    world.control.connector[0].mV = 400499; // below the deadband
    CHECK_EQ(poll_after(2 * SECOND), HF_OK);
    CHECK_EQ(world.count, 0);
    world.control.connector[0].mV = 400500;
    CHECK_EQ(poll_after(1), HF_OK);
    CHECK_STR(payload("connector/1/voltage_mv"), "400500");
    forget();
    world.control.connector[0].mV = 450000; // far, but too soon
    CHECK_EQ(poll_after(SECOND - 1), HF_OK);
    CHECK_EQ(world.count, 0);
    CHECK_EQ(poll_after(1), HF_OK);
    CHECK_STR(payload("connector/1/voltage_mv"), "450000");
    forget();
    world.control.connector[0].mV = 450001;
    CHECK_EQ(poll_after(MQTT_HEARTBEAT_MS * HF_US_PER_MS), HF_OK);
    CHECK_STR(payload("connector/1/voltage_mv"), "450001"); // the heartbeat
    CHECK(payload("connector/2/state") != NULL);
    CHECK(payload("diag/memory") != NULL);
    CHECK(payload("status") == NULL);
}

static void publish_diagnostics_come_every_minute(void)
{
    begin();
    CHECK_EQ(poll_after(0), HF_OK);
    forget();
    CHECK_EQ(poll_after(MQTT_HEARTBEAT_MS * HF_US_PER_MS - 1), HF_OK);
    CHECK_EQ(world.count, 0);
    CHECK_EQ(poll_after(1), HF_OK);
    CHECK(payload("diag/memory") != NULL && payload("diag/health") != NULL);
    CHECK_EQ(figure("diag/health", "mqtt_health_publish_age_ms"), MQTT_HEARTBEAT_MS);
    forget();
    world.device_status = HF_E_UNSUPPORTED; // what was known is not told as if it still were
    CHECK_EQ(poll_after(MQTT_HEARTBEAT_MS * HF_US_PER_MS), HF_OK);
    CHECK_EQ(hf_json_count(member("diag/memory", "pools")), 0);
}

static void publish_readings_are_in_the_units_of_their_names(void)
{
    begin();
    world.control.connector[0].register_mJ = 3600000ull * 7654321u + 3599999u;
    world.control.connector[0].mA = 12345;
    world.control.connector[0].offered_mA = 125000;
    world.control.connector[0].temperature_dC = -123;
    world.control.connector[0].soc_permille = 555;
    world.comms.transaction_id[0] = 99;
    world.comms.transaction_id[1] = -1; // open, its number not known yet
    CHECK_EQ(poll_after(0), HF_OK);
    CHECK_STR(payload("connector/1/energy_wh"), "7654321");
    CHECK_STR(payload("connector/1/power_w"), "4938");
    CHECK_STR(payload("connector/1/current_ma"), "12345");
    CHECK_STR(payload("connector/1/limit_ma"), "125000");
    CHECK_STR(payload("connector/1/temperature_c"), "-12.3");
    CHECK_STR(payload("connector/1/soc_percent"), "55.5");
    CHECK_STR(payload("connector/1/transaction_id"), "99");
    CHECK_STR(payload("connector/2/transaction_id"), "null");
}

static void publish_zero_and_unknown_are_never_held_back(void)
{
    begin();
    world.control.connector[0].mA = 50; // half the deadband
    CHECK_EQ(poll_after(0), HF_OK);
    forget();
    world.control.connector[0].mA = 0;
    CHECK_EQ(poll_after(SECOND), HF_OK);
    CHECK_STR(payload("connector/1/current_ma"), "0");
    forget();
    world.control.connector[0].meter_fresh = 0;
    CHECK_EQ(poll_after(SECOND), HF_OK);
    CHECK_STR(payload("connector/1/voltage_mv"), "null");
    CHECK(payload("connector/1/current_ma") == NULL); // open contactor: still 0
    forget();
    world.control.connector[0].contactor_closed = 1;
    CHECK_EQ(poll_after(SECOND), HF_OK);
    CHECK_STR(payload("connector/1/current_ma"), "null");
    CHECK_STR(payload("connector/1/power_w"), "null");
    CHECK_STR(payload("connector/1/contactor_closed"), "true");
}

static void publish_state_has_no_floor(void)
{
    begin();
    CHECK_EQ(poll_after(0), HF_OK);
    forget();
    world.control.connector[1].state = EVSE_STATE_Preparing;
    CHECK_EQ(poll_after(1), HF_OK);
    CHECK_EQ(world.count, 1);
    CHECK_STR(payload("connector/2/state"), "Preparing");
}

static void publish_goes_on_where_the_sink_stopped(void)
{
    begin();
    world.room = 0;
    CHECK_EQ(poll_after(0), HF_OK);
    world.room = 3;
    CHECK_EQ(poll_after(0), HF_OK);
    REQUIRE(world.count == 3);
    CHECK_STR(world.message[0].payload, "online");
    CHECK_EQ(poll_after(SECOND), HF_OK);
    CHECK_EQ(world.count, 3); // full: nothing is lost, nothing is repeated
    CHECK_STR(world.marks, "mqtt_discovery_pre mqtt_discovery_post ");
    world.room = MESSAGES;
    CHECK_EQ(poll_after(SECOND), HF_OK);
    CHECK(payload("diag/health") != NULL);
    unsigned online = 0;
    for (unsigned i = 0; i < world.count; i++) {
        online += strcmp(world.message[i].payload, "online") == 0 ? 1u : 0u;
    }
    CHECK_EQ(online, 1);
}

static void publish_lost_connection_is_told_and_begins_anew(void)
{
    begin();
    world.refusal = HF_E_CLOSED;
    CHECK_EQ(poll_after(0), HF_E_CLOSED);
    world.refusal = 0;
    mqtt_publisher_connected(&world.publisher, world.now_us);
    CHECK_EQ(poll_after(0), HF_OK);
    unsigned all = world.count;
    forget();
    mqtt_publisher_connected(&world.publisher, world.now_us);
    CHECK_EQ(poll_after(SECOND), HF_OK);
    CHECK_EQ(world.count, all - (CONFIG_EVSE_CONNECTORS_MAX - 2u) * MQTT_FIELDS);
}

static void publish_clears_connectors_that_are_no_more(void)
{
    begin();
    CHECK_EQ(poll_after(0), HF_OK);
#if CONFIG_EVSE_CONNECTORS_MAX > 2
    CHECK_STR(payload("connector/3/power_w"), "");
#endif
    CHECK_STR(payload("connector/2/power_w"), "0");
}

static void publish_largest_device_fits(void)
{
    static const char longest[] = "a-name-of-24-characters.";
    static char id[MQTT_ID_BYTES], prefix[MQTT_ROOT_BYTES];
    begin();
    memset(id, 'i', sizeof id - 1);
    memset(prefix, 'p', sizeof prefix - 1);
    memcpy(world.settings.prefix, prefix, sizeof prefix);
    memcpy(world.settings.discovery, prefix, sizeof prefix);
    world.source.id = id;
    world.source.vendor = world.source.model = world.source.serial =
        "\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\";
    world.source.portal_url = "http://255.255.255.255:65535/";
    world.control.connectors = CONFIG_EVSE_CONNECTORS_MAX;
    world.device.pools = EVSE_DEVICE_POOLS;
    world.device.tasks = EVSE_DEVICE_TASKS;
    world.device.locks = EVSE_DEVICE_LOCKS;
    for (unsigned i = 0; i < EVSE_DEVICE_POOLS; i++) {
        memset(&world.device.pool[i], 0xFF, sizeof world.device.pool[i]);
        world.device.pool[i].name = longest;
    }
    for (unsigned i = 0; i < EVSE_DEVICE_TASKS; i++) {
        world.device.task[i] = (hf_line_task_t){longest, UINT32_MAX, -1, UINT32_MAX};
    }
    for (unsigned i = 0; i < EVSE_DEVICE_LOCKS; i++) {
        world.device.lock[i] =
            (evse_device_lock_t){longest, longest, longest, UINT32_MAX, UINT32_MAX};
    }
    world.device.has_dossier = 1;
    memset(&world.device.memory, 0xFF, sizeof world.device.memory);
    CHECK_EQ(poll_after(0), HF_OK);
    CHECK_EQ(world.publisher.too_long, 0);
    char expected[256];
    bool is_whole = false;
    (void)snprintf(expected, sizeof expected, "%s/%s/connector/%d/contactor_closed", prefix, id,
                   CONFIG_EVSE_CONNECTORS_MAX);
    for (unsigned i = 0; i < world.count; i++) {
        hf_json_t root;
        const message_t *message = &world.message[i];
        is_whole |= strcmp(message->topic, expected) == 0;
        if (message->length > 0 && message->payload[0] == '{') {
            CHECK_EQ(hf_json_parse(message->payload, message->length, &root), HF_OK);
        }
    }
    CHECK(is_whole);
}

static void publish_trip_tells_the_diagnostics_at_once(void)
{
    begin();
    CHECK_EQ(poll_after(0), HF_OK);
    forget();
    CHECK_EQ(poll_after(2 * SECOND), HF_OK);
    CHECK_EQ(world.count, 0);
    world.device.trips = 1;
    CHECK_EQ(poll_after(2 * SECOND), HF_OK);
    CHECK_EQ(figure("diag/memory", "trips"), 1);
    CHECK(payload("diag/tasks") != NULL && payload("diag/reset") != NULL);
}

static void publish_unknown_device_is_null_and_not_zero(void)
{
    begin();
    world.device_status = HF_E_UNSUPPORTED;
    CHECK_EQ(poll_after(0), HF_OK);
    CHECK_EQ(member("diag/memory", "heap_internal_free").type, HF_JSON_NULL);
    CHECK_EQ(member("diag/memory", "trips").type, HF_JSON_NULL);
    CHECK_EQ(member("diag/reset", "reason").type, HF_JSON_NULL);
    CHECK_EQ(member("diag/health", "heap_fragmentation").type, HF_JSON_NULL);
    CHECK_EQ(member("diag/health", "cpu_temperature").type, HF_JSON_NULL);
}

static void publish_processor_without_a_sensor_has_no_temperature(void)
{
    begin();
    world.device.cpu_mC = INT32_MIN;
    CHECK_EQ(poll_after(0), HF_OK);
    CHECK_EQ(figure("diag/health", "cpu_usage"), 12);
    CHECK_EQ(member("diag/health", "cpu_temperature").type, HF_JSON_NULL);
}

static void publish_boot_time_is_told_once_the_clock_is_known(void)
{
    begin();
    CHECK_EQ(poll_after(0), HF_OK);
    CHECK_EQ(member("diag/reset", "boot_time").type, HF_JSON_NULL);
    forget();
    world.comms.utc_ms = 1790000010000u; // 15 s after the start, which is at 5 s
    world.now_us = 20 * SECOND;
    CHECK_EQ(poll_after(0), HF_OK);
    CHECK(hf_json_is_string(member("diag/reset", "boot_time"), "2026-09-21T14:13:15.000Z"));
    CHECK(payload("info") != NULL);
}

static void publish_rediscovers_after_its_wait(void)
{
    begin();
    CHECK_EQ(poll_after(0), HF_OK);
    forget();
    mqtt_publisher_rediscover(&world.publisher, 3000, world.now_us);
    CHECK_EQ(poll_after(3 * SECOND - 1), HF_OK);
    CHECK_EQ(world.count, 0);
    CHECK_EQ(poll_after(1), HF_OK);
    REQUIRE(world.count == 1);
    CHECK_STR(world.message[0].topic, "homeassistant/device/CP_1/config");
}

static void publish_discovery_off_removes_what_was_there(void)
{
    begin();
    world.settings.discovery[0] = '\0';
    CHECK_EQ(poll_after(0), HF_OK);
    CHECK_STR(world.message[2].topic, "homeassistant/device/CP_1/config");
    CHECK_EQ(world.message[2].length, 0);
    CHECK_STR(world.marks, "mqtt_first_publish ");
}

static void publish_leave_says_offline_last(void)
{
    begin();
    CHECK_EQ(poll_after(0), HF_OK);
    forget();
    CHECK_EQ(mqtt_publisher_leave(&world.publisher, world.now_us), HF_OK);
    CHECK_EQ(world.count, 1);
    CHECK_STR(payload("status"), "offline");
}

static void discovery_pieces_are_the_message_of_the_computed_length(void)
{
    static char whole[MQTT_DISCOVERY_BYTES];
    hf_builder_t out;
    hf_json_t root;
    begin();
    CHECK_EQ(poll_after(0), HF_OK);
    hf_builder_init(&out, whole, sizeof whole);
    for (unsigned i = 0; mqtt_discovery_piece(&world.publisher, i, &out); i++) {
    }
    CHECK(!out.overflow);
    CHECK_EQ(out.length, world.message[2].length);
    CHECK_STR(world.message[2].payload, whole);
    REQUIRE(hf_json_parse(whole, out.length, &root) == HF_OK);
    hf_json_t device = hf_json_member(root, "dev");
    CHECK(hf_json_is_string(hf_json_member(device, "mf"), "Some \"Vendor\""));
    CHECK(hf_json_is_string(hf_json_element(hf_json_member(device, "ids"), 0), "holdfast_CP_1"));
    hf_json_t parts = hf_json_member(root, "cmps");
    hf_json_t energy = hf_json_member(parts, "connector_2_energy_wh");
    CHECK(hf_json_is_string(hf_json_member(energy, "state_topic"),
                            "site/garage/CP:1/connector/2/energy_wh"));
    CHECK(hf_json_is_string(hf_json_member(energy, "state_class"), "total_increasing"));
    CHECK_EQ(hf_json_member(parts, "connector_3_energy_wh").type, HF_JSON_NONE);
}

// ---- settings ------------------------------------------------------------------------------------------------------

static int settings_of(const char *url, const char *prefix, mqtt_settings_t *settings)
{
    const char *what = "";
    const mqtt_settings_text_t text = {
        .url = url, .prefix = prefix, .discovery = "", .password_file = ""};
    return mqtt_settings_read(&text, settings, &what);
}

static void settings_good_urls_are_taken_apart(void)
{
    mqtt_settings_t s;
    CHECK_EQ(settings_of("mqtt://broker", "", &s), HF_OK);
    CHECK_STR(s.host, "broker");
    CHECK_EQ(s.port, 1883);
    CHECK_STR(s.prefix, "holdfast");
    CHECK_STR(s.discovery, "homeassistant");
    CHECK_EQ(settings_of("mqtt://u%40x:p%3a@a@127.0.0.1:65535/", "a/b", &s), HF_OK);
    CHECK_STR(s.user, "u@x");
    CHECK_STR(s.password, "p:@a");
    CHECK_STR(s.host, "127.0.0.1");
    CHECK_EQ(s.port, 65535);
    CHECK_STR(s.prefix, "a/b");
    CHECK_EQ(settings_of("mqtt://[::1]:1884", "", &s), HF_OK);
    CHECK_STR(s.host, "::1");
    CHECK_EQ(s.port, 1884);
    CHECK_EQ(settings_of("mqtt://[::1]", "", &s), HF_OK);
    CHECK_STR(s.host, "::1");
}

static void settings_bad_ones_are_refused(void)
{
    static const struct {
        const char *url, *prefix;
        int status;
    } bad[] = {
        {"mqtts://broker", "", HF_E_UNSUPPORTED},
        {"http://broker", "", HF_E_FORMAT},
        {"mqtt://", "", HF_E_FORMAT},
        {"mqtt://:1883", "", HF_E_FORMAT},
        {"mqtt://@broker", "", HF_E_FORMAT},
        {"mqtt://:secret@broker", "", HF_E_FORMAT},
        {"mqtt://u%4@broker", "", HF_E_FORMAT},
        {"mqtt://u%00@broker", "", HF_E_FORMAT},
        {"mqtt://broker:0", "", HF_E_RANGE},
        {"mqtt://broker:65536", "", HF_E_RANGE},
        {"mqtt://broker:18x", "", HF_E_FORMAT},
        {"mqtt://bro ker", "", HF_E_FORMAT},
        {"mqtt://broker/path", "", HF_E_FORMAT},
        {"mqtt://[]:1", "", HF_E_FORMAT},
        {"mqtt://broker", "a/#", HF_E_FORMAT},
        {"mqtt://broker", "+", HF_E_FORMAT},
        {"mqtt://broker", "/a", HF_E_FORMAT},
        {"mqtt://broker", "a/", HF_E_FORMAT},
        {"mqtt://broker", "a//b", HF_E_FORMAT},
        {"mqtt://broker", "$SYS", HF_E_FORMAT},
        {"mqtt://broker", "0123456789012345678901234567890123456789012345678901234567890123456",
         HF_E_TOO_LONG},
    };
    mqtt_settings_t s;
    for (size_t i = 0; i < HF_COUNT_OF(bad); i++) {
        int status = settings_of(bad[i].url, bad[i].prefix, &s);
        if (status != bad[i].status) {
            HF_TEST_FAIL("%s %s: %d, expected %d", bad[i].url, bad[i].prefix, status,
                         bad[i].status);
        }
    }
}

// ---- packets -------------------------------------------------------------------------------------------------------

static int head(unsigned a, unsigned b, unsigned c, unsigned d, unsigned e, size_t length)
{
    const uint8_t bytes[5] = {(uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d, (uint8_t)e};
    return mqtt_packet_length(bytes, length);
}

static void packet_only_small_ones_that_were_asked_for_are_read(void)
{
    CHECK_EQ(head(0x20, 2, 0, 0, 0, 5), 4);   // CONNACK
    CHECK_EQ(head(0x90, 3, 0, 0, 0, 5), 5);   // SUBACK
    CHECK_EQ(head(0xD0, 0, 0, 0, 0, 2), 2);   // PINGRESP
    CHECK_EQ(head(0x31, 10, 0, 0, 0, 5), 12); // PUBLISH, retained, quality 0
    CHECK_EQ(head(0x30, 0, 0, 0, 0, 0), 0);
    CHECK_EQ(head(0x30, 0, 0, 0, 0, 1), 0);
    CHECK_EQ(head(0x30, 0x80, 0, 0, 0, 2), 0); // more to come
    CHECK_EQ(head(0x30, 0xFD, 0x1F, 0, 0, 3), 4096);
    CHECK_EQ(head(0x30, 0xFE, 0x1F, 0, 0, 3), HF_E_TOO_LONG);
    CHECK_EQ(head(0x30, 0xFF, 0xFF, 0xFF, 0x7F, 5), HF_E_TOO_LONG);
    CHECK_EQ(head(0x30, 0xFF, 0xFF, 0xFF, 0x80, 5), HF_E_PROTOCOL);
    CHECK_EQ(head(0x32, 10, 0, 0, 0, 5), HF_E_PROTOCOL); // quality 1
    CHECK_EQ(head(0x34, 10, 0, 0, 0, 5), HF_E_PROTOCOL); // quality 2
    CHECK_EQ(head(0x10, 10, 0, 0, 0, 5), HF_E_PROTOCOL); // CONNECT
    CHECK_EQ(head(0x00, 0, 0, 0, 0, 5), HF_E_PROTOCOL);
}

int main(int argc, char **argv)
{
    static const hf_test_case_t cases[] = {
        HF_TEST(publish_on_connect_tells_everything_in_order),
        HF_TEST(publish_health_has_the_fields_of_old_and_none_of_the_web),
        HF_TEST(publish_reading_keeps_floor_deadband_and_heartbeat),
        HF_TEST(publish_diagnostics_come_every_minute),
        HF_TEST(publish_readings_are_in_the_units_of_their_names),
        HF_TEST(publish_zero_and_unknown_are_never_held_back),
        HF_TEST(publish_state_has_no_floor),
        HF_TEST(publish_goes_on_where_the_sink_stopped),
        HF_TEST(publish_lost_connection_is_told_and_begins_anew),
        HF_TEST(publish_clears_connectors_that_are_no_more),
        HF_TEST(publish_largest_device_fits),
        HF_TEST(publish_trip_tells_the_diagnostics_at_once),
        HF_TEST(publish_unknown_device_is_null_and_not_zero),
        HF_TEST(publish_processor_without_a_sensor_has_no_temperature),
        HF_TEST(publish_boot_time_is_told_once_the_clock_is_known),
        HF_TEST(publish_rediscovers_after_its_wait),
        HF_TEST(publish_discovery_off_removes_what_was_there),
        HF_TEST(publish_leave_says_offline_last),
        HF_TEST(discovery_pieces_are_the_message_of_the_computed_length),
        HF_TEST(settings_good_urls_are_taken_apart),
        HF_TEST(settings_bad_ones_are_refused),
        HF_TEST(packet_only_small_ones_that_were_asked_for_are_read),
    };
    int failed = hf_test_run(cases, HF_COUNT_OF(cases), argc > 1 ? argv[1] : NULL);
    forget();
    return failed;
}
