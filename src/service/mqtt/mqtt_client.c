// SPDX-License-Identifier: MIT
// Goal: what the charge point knows is with the broker while there is one, and nothing of the charge point ever waits for
// it. Assumptions: only this thread touches libmosquitto; mosquitto_connect() may hang for minutes (names, a silent
// network). States: DOWN until the next try, OPENING until the broker answers (or 10 s), UP, SHED while the trip policy
// says so.
#include "mqtt_client.h"

#include "hf_port_linux.h"

#include <errno.h>
#include <mosquitto.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define KEEPALIVE_S         30
#define ANSWER_MS           10000u
#define BACKOFF_MS          1000u
#define BACKOFF_CAP_MS      60000u
#define BACKOFF_JITTER      500u // permille
#define ROUND_MS            100
#define PACKETS_A_ROUND     32u // a flood costs no more than this
#define HEAD_BYTES          5u
#define GOODBYE_ROUNDS      5u
#define SHED_MS             1200u // the view of the device is a second old at most
#define PROTOCOL_MQTT_3_1_1 MQTT_PROTOCOL_V311

static void set_link(mqtt_client_t *client, mqtt_link_t link, uint64_t now_us)
{
    client->since_us = now_us;
    atomic_store(&client->link, (uint32_t)link);
}

static mqtt_link_t link_of(const mqtt_client_t *client)
{
    return (mqtt_link_t)atomic_load(&client->link);
}

static void mark(const mqtt_client_t *client, const char *tag)
{
    client->source.mark(client->source.ctx, tag);
}

// ---- libmosquitto's calls back, all out of mosquitto_loop_*() ------------------------------------------------------

static void on_connect(struct mosquitto *mosquitto, void *ctx, int refusal)
{
    (void)mosquitto;
    mqtt_client_t *client = ctx;
    client->is_answered = refusal == 0;
    if (refusal != 0 && refusal != client->refusal) {
        HF_LOGW(client->log, hf_port_now_us(), NET, "mqtt: the broker refuses: %s",
                mosquitto_connack_string(refusal));
    }
    client->refusal = refusal;
    client->is_lost = refusal != 0;
}

static void on_disconnect(struct mosquitto *mosquitto, void *ctx, int reason)
{
    (void)mosquitto, (void)reason;
    mqtt_client_t *client = ctx;
    client->is_lost = true;
}

// The one topic we subscribe to: Home Assistant tells that it has started.
static void on_message(struct mosquitto *mosquitto, void *ctx,
                       const struct mosquitto_message *message)
{
    (void)mosquitto;
    static const char online[] = "online";
    mqtt_client_t *client = ctx;
    if (message->retain || message->payloadlen != (int)sizeof online - 1 ||
        memcmp(message->payload, online, sizeof online - 1) != 0) {
        return;
    }
    uint32_t wait_ms = 0;
    hf_port_random(&wait_ms, sizeof wait_ms);
    mqtt_publisher_rediscover(&client->publisher, wait_ms % MQTT_DISCOVER_WAIT_MS,
                              hf_port_now_us());
}

// ---- the sink of the publisher ------------------------------------------------------------------------------------

// Quality 0 and one at a time: what the kernel has not taken yet is the whole queue.
static int publish(void *ctx, const char *topic, const char *payload, size_t length)
{
    mqtt_client_t *client = ctx;
    if (mosquitto_want_write(client->mosquitto)) {
        return HF_E_AGAIN;
    }
    int error = mosquitto_publish(client->mosquitto, NULL, topic, (int)length,
                                  length > 0 ? payload : NULL, 0, true);
    switch (error) {
    case MOSQ_ERR_SUCCESS:
        atomic_fetch_add(&client->messages, 1u);
        return HF_OK;
    case MOSQ_ERR_NOMEM:
        return HF_E_AGAIN; // a budget that is used up: later
    default:
        return HF_E_CLOSED;
    }
}

// ---- connection ---------------------------------------------------------------------------------------------------

static void go_down(mqtt_client_t *client, uint64_t now_us, const char *why)
{
    bool was_up = link_of(client) == MQTT_LINK_UP;
    (void)mosquitto_disconnect(client->mosquitto);
    mosquitto_destroy(client->mosquitto);
    client->mosquitto = NULL;
    uint32_t wait_ms = hf_backoff_next_ms(&client->backoff);
    client->next_us = now_us + wait_ms * HF_US_PER_MS;
    // A broker that is away for days is told when it goes, not at each try.
    if (was_up || client->backoff.tries == 1) {
        HF_LOGW(client->log, now_us, NET, "mqtt: %s; next try in %u ms", why, (unsigned)wait_ms);
    }
    atomic_fetch_add(&client->failures, 1u);
    set_link(client, MQTT_LINK_DOWN, now_us);
}

static int prepare(mqtt_client_t *client)
{
    char topic[MQTT_TOPIC_BYTES];
    static const char offline[] = "offline";
    const mqtt_settings_t *settings = &client->settings;
    client->mosquitto = mosquitto_new(client->client_id, true, client);
    if (client->mosquitto == NULL) {
        return HF_E_FULL;
    }
    mosquitto_connect_callback_set(client->mosquitto, on_connect);
    mosquitto_disconnect_callback_set(client->mosquitto, on_disconnect);
    mosquitto_message_callback_set(client->mosquitto, on_message);
    mqtt_topic(settings, client->source.id, "status", topic);
    int error =
        mosquitto_int_option(client->mosquitto, MOSQ_OPT_PROTOCOL_VERSION, PROTOCOL_MQTT_3_1_1);
    if (error == MOSQ_ERR_SUCCESS) {
        error =
            mosquitto_will_set(client->mosquitto, topic, (int)sizeof offline - 1, offline, 0, true);
    }
    if (error == MOSQ_ERR_SUCCESS && settings->user[0] != '\0') {
        error =
            mosquitto_username_pw_set(client->mosquitto, settings->user,
                                      settings->password[0] != '\0' ? settings->password : NULL);
    }
    return error == MOSQ_ERR_SUCCESS ? HF_OK : HF_E_ARGUMENT;
}

static void try_connect(mqtt_client_t *client, uint64_t now_us)
{
    if (now_us < client->next_us) {
        return;
    }
    mark(client, "mqtt_connect_attempt");
    client->is_answered = false;
    client->is_lost = false;
    errno = 0;
    if (prepare(client) != HF_OK) {
        go_down(client, now_us, "no memory");
        return;
    }
    int error = mosquitto_connect(client->mosquitto, client->settings.host, client->settings.port,
                                  KEEPALIVE_S);
    now_us = hf_port_now_us();
    if (error != MOSQ_ERR_SUCCESS) {
        go_down(client, now_us,
                error == MOSQ_ERR_ERRNO && errno != 0 ? strerror(errno)
                                                      : mosquitto_strerror(error));
        return;
    }
    set_link(client, MQTT_LINK_OPENING, now_us);
}

static void go_up(mqtt_client_t *client, uint64_t now_us)
{
    char topic[MQTT_TOPIC_BYTES];
    hf_backoff_reset(&client->backoff);
    atomic_fetch_add(&client->connects, 1u);
    set_link(client, MQTT_LINK_UP, now_us);
    HF_LOGI(client->log, now_us, NET, "mqtt: connected to %s:%u", client->settings.host,
            (unsigned)client->settings.port);
    mark(client, "mqtt_connected");
    mqtt_publisher_connected(&client->publisher, now_us);
    if (client->settings.discovery[0] != '\0') {
        hf_builder_t out;
        hf_builder_init(&out, topic, sizeof topic);
        hf_builder_format(&out, "%s/status", client->settings.discovery);
        (void)mosquitto_subscribe(client->mosquitto, NULL, topic, 0);
    }
}

// ---- what comes in ------------------------------------------------------------------------------------------------

static void wake_up_at(int fd, int bytes)
{
    // Else poll() would say at once, again and again, that half a packet is there.
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof bytes);
}

/// HF_OK: a whole packet that is wanted waits, or the end; HF_E_AGAIN: not yet.
static int look_ahead(int fd)
{
    uint8_t head[HEAD_BYTES];
    int waiting = 0;
    ssize_t got = recv(fd, head, sizeof head, MSG_PEEK | MSG_DONTWAIT);
    if (got < 0) {
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? HF_E_AGAIN : HF_E_CLOSED;
    }
    if (got == 0) {
        return HF_E_CLOSED;
    }
    int whole = mqtt_packet_length(head, (size_t)got);
    if (whole < 0) {
        return whole;
    }
    if (whole == 0) {
        wake_up_at(fd, (int)got + 1);
        return HF_E_AGAIN;
    }
    if (ioctl(fd, FIONREAD, &waiting) != 0 || waiting < whole) {
        wake_up_at(fd, whole);
        return HF_E_AGAIN;
    }
    wake_up_at(fd, 1);
    return HF_OK;
}

static int read_packets(mqtt_client_t *client)
{
    for (unsigned i = 0; i < PACKETS_A_ROUND && !client->is_lost; i++) {
        int status = look_ahead(mosquitto_socket(client->mosquitto));
        if (status != HF_OK) {
            return status;
        }
        if (mosquitto_loop_read(client->mosquitto, 1) != MOSQ_ERR_SUCCESS) {
            return HF_E_CLOSED;
        }
    }
    return HF_E_AGAIN;
}

static void drain_wake(const mqtt_client_t *client)
{
    uint64_t count = 0;
    (void)!read(client->wake, &count, sizeof count);
}

/// Waits for a round at most. True: the broker hung up with half a packet waiting.
static bool wait_round(mqtt_client_t *client)
{
    struct pollfd fds[2] = {{.fd = client->wake, .events = POLLIN}, {.fd = -1}};
    if (client->mosquitto != NULL) {
        fds[1].fd = mosquitto_socket(client->mosquitto);
        fds[1].events =
            (short)(POLLIN | POLLRDHUP | (mosquitto_want_write(client->mosquitto) ? POLLOUT : 0));
    }
    (void)poll(fds, HF_COUNT_OF(fds), ROUND_MS);
    drain_wake(client);
    return fds[1].fd >= 0 && (fds[1].revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

/// HF_OK or why the connection is over.
static int exchange(mqtt_client_t *client, bool is_hung_up)
{
    int status = read_packets(client);
    if (client->is_lost || (status != HF_E_AGAIN && status != HF_OK)) {
        return status == HF_E_AGAIN || status == HF_OK ? HF_E_CLOSED : status;
    }
    if (is_hung_up) {
        return HF_E_CLOSED;
    }
    if (mosquitto_want_write(client->mosquitto) &&
        mosquitto_loop_write(client->mosquitto, 1) != MOSQ_ERR_SUCCESS) {
        return HF_E_CLOSED;
    }
    return mosquitto_loop_misc(client->mosquitto) == MOSQ_ERR_SUCCESS ? HF_OK : HF_E_TIMEOUT;
}

// ---- rounds -------------------------------------------------------------------------------------------------------

/// In good order: the last words, then DISCONNECT, which makes the broker forget the will.
static void leave(mqtt_client_t *client)
{
    uint64_t now_us = hf_port_now_us();
    if (mqtt_publisher_leave(&client->publisher, now_us) == HF_OK) {
        for (unsigned i = 0; i < GOODBYE_ROUNDS && mosquitto_want_write(client->mosquitto); i++) {
            (void)wait_round(client);
            (void)!mosquitto_loop_write(client->mosquitto, 1);
        }
    }
}

static bool is_shed(const mqtt_client_t *client)
{
    return client->source.is_shed(client->source.ctx);
}

static void shed(mqtt_client_t *client, uint64_t now_us)
{
    if (client->mosquitto != NULL) {
        if (link_of(client) == MQTT_LINK_UP) {
            leave(client);
        }
        go_down(client, now_us, "paused by the trip policy");
        hf_backoff_reset(&client->backoff);
        client->next_us = 0; // the broker did nothing wrong
    }
    set_link(client, MQTT_LINK_SHED, now_us);
}

static void run_connected(mqtt_client_t *client, bool is_hung_up, uint64_t now_us)
{
    int status = exchange(client, is_hung_up);
    if (status != HF_OK) {
        go_down(client, now_us, hf_status_text(status));
    } else if (link_of(client) == MQTT_LINK_OPENING) {
        if (client->is_answered) {
            go_up(client, now_us);
        } else if (now_us - client->since_us > ANSWER_MS * HF_US_PER_MS) {
            go_down(client, now_us, "the broker does not answer");
        }
    }
    if (link_of(client) == MQTT_LINK_UP) {
        status = mqtt_publisher_poll(&client->publisher, now_us);
        atomic_store(&client->health_s, (uint32_t)(client->publisher.health_ms / HF_MS_PER_S));
        if (status != HF_OK) {
            go_down(client, now_us, hf_status_text(status));
        }
    }
}

static void run_round(mqtt_client_t *client)
{
    bool is_hung_up = wait_round(client);
    uint64_t now_us = hf_port_now_us();
    client->shed_us = !is_shed(client) ? 0 : client->shed_us != 0 ? client->shed_us : now_us;
    // What tripped is told before the pause: the diagnostics follow the view.
    if (client->shed_us != 0 &&
        (link_of(client) != MQTT_LINK_UP || now_us - client->shed_us > SHED_MS * HF_US_PER_MS)) {
        shed(client, now_us);
        return;
    }
    if (link_of(client) == MQTT_LINK_SHED) {
        set_link(client, MQTT_LINK_DOWN, now_us);
    }
    if (client->mosquitto == NULL) {
        try_connect(client, now_us);
    } else {
        run_connected(client, is_hung_up, now_us);
    }
}

static void *run(void *ctx)
{
    mqtt_client_t *client = ctx;
    while (atomic_load(&client->ends) == 0) {
        run_round(client);
    }
    if (client->mosquitto != NULL) {
        if (link_of(client) == MQTT_LINK_UP) {
            leave(client);
        }
        (void)mosquitto_disconnect(client->mosquitto);
        mosquitto_destroy(client->mosquitto);
        client->mosquitto = NULL;
    }
    set_link(client, MQTT_LINK_DOWN, hf_port_now_us());
    atomic_store(&client->ended, 1u);
    return NULL;
}

// ---- for others ---------------------------------------------------------------------------------------------------

static int prepare_client(mqtt_client_t *client)
{
    uint32_t seed = 0;
    hf_port_random(&seed, sizeof seed);
    const mqtt_sink_t sink = {.publish = publish, .ctx = client};
    mqtt_publisher_init(&client->publisher, &client->settings, &client->source, &sink);
    hf_builder_t id;
    hf_builder_init(&id, client->client_id, sizeof client->client_id);
    hf_builder_format(&id, "holdfastd-%s", client->source.id);
    if (hf_backoff_init(&client->backoff, BACKOFF_MS, BACKOFF_CAP_MS, BACKOFF_JITTER, seed | 1u) !=
        HF_OK) {
        return EINVAL;
    }
    client->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return client->wake >= 0 ? 0 : errno;
}

int mqtt_client_open(mqtt_client_t *client, const mqtt_settings_t *settings,
                     const mqtt_source_t *source, hf_log_t *log, const hf_thread_place_t *place)
{
    memset(client, 0, sizeof *client);
    client->settings = *settings;
    client->source = *source;
    client->log = log;
    int error = prepare_client(client);
    if (error != 0) {
        return error;
    }
    if (mosquitto_lib_init() != MOSQ_ERR_SUCCESS) {
        (void)close(client->wake);
        return ENOMEM;
    }
    error = hf_thread_start(&client->thread, place, run, client);
    client->is_started = error == 0;
    if (error != 0) {
        (void)mosquitto_lib_cleanup();
        (void)close(client->wake);
        return error;
    }
    return 0;
}

void mqtt_client_read(const mqtt_client_t *client, mqtt_view_t *view)
{
    *view = (mqtt_view_t){.is_connected = atomic_load(&client->link) == MQTT_LINK_UP,
                          .connects = atomic_load(&client->connects),
                          .failures = atomic_load(&client->failures),
                          .messages = atomic_load(&client->messages),
                          .health_s = atomic_load(&client->health_s)};
}

void mqtt_client_close(mqtt_client_t *client)
{
    if (!client->is_started) {
        return;
    }
    const uint64_t one = 1;
    struct timespec until;
    atomic_store(&client->ends, 1u);
    (void)!write(client->wake, &one, sizeof one);
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)(MQTT_CLOSE_MS / HF_MS_PER_S);
    if (pthread_timedjoin_np(client->thread, NULL, &until) != 0) {
        return; // hangs in a name or a connect: it ends with the process
    }
    (void)mosquitto_lib_cleanup();
    (void)close(client->wake);
    client->is_started = false;
}
