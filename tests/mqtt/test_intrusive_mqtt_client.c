// SPDX-License-Identifier: MIT
// The client's way into libmosquitto, with two of the library's functions in the hand of the test: nothing is ever queued
// behind what the kernel has not taken.
#include "hf_test.h"

#include "../../src/service/mqtt/mqtt_client.c"

static struct {
    bool wants;
    int result, calls, quality, length;
    bool retain;
} library;

bool mosquitto_want_write(struct mosquitto *mosquitto)
{
    (void)mosquitto;
    return library.wants;
}

int mosquitto_publish(struct mosquitto *mosquitto, int *id, const char *topic, int length,
                      const void *payload, int quality, bool retain)
{
    (void)mosquitto, (void)id, (void)topic, (void)payload;
    library.calls++;
    library.quality = quality;
    library.length = length;
    library.retain = retain;
    return library.result;
}

static mqtt_client_t client;

static void begin(bool wants, int result)
{
    memset(&library, 0, sizeof library);
    library.wants = wants;
    library.result = result;
    atomic_store(&client.messages, 0u);
}

static void client_hands_over_one_message_at_a_time(void)
{
    begin(true, MOSQ_ERR_SUCCESS);
    CHECK_EQ(publish(&client, "t", "x", 1), HF_E_AGAIN);
    CHECK_EQ(library.calls, 0);
    library.wants = false;
    CHECK_EQ(publish(&client, "t", "x", 1), HF_OK);
    CHECK_EQ(library.calls, 1);
    CHECK_EQ(library.quality, 0); // the library keeps what has a higher one
    CHECK(library.retain);
    CHECK_EQ(atomic_load(&client.messages), 1);
}

static void client_without_memory_tries_again(void)
{
    begin(false, MOSQ_ERR_NOMEM);
    CHECK_EQ(publish(&client, "t", "x", 1), HF_E_AGAIN);
    CHECK_EQ(atomic_load(&client.messages), 0);
}

static void client_other_failures_end_the_connection(void)
{
    static const int errors[] = {MOSQ_ERR_NO_CONN, MOSQ_ERR_CONN_LOST, MOSQ_ERR_PAYLOAD_SIZE,
                                 MOSQ_ERR_ERRNO};
    for (size_t i = 0; i < HF_COUNT_OF(errors); i++) {
        begin(false, errors[i]);
        CHECK_EQ(publish(&client, "t", "x", 1), HF_E_CLOSED);
    }
}

HF_TEST_MAIN(HF_TEST(client_hands_over_one_message_at_a_time),
             HF_TEST(client_without_memory_tries_again),
             HF_TEST(client_other_failures_end_the_connection))
