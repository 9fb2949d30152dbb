// SPDX-License-Identifier: MIT
// GPIO lines as inputs and outputs. Invariants: an input that cannot be read keeps its old stamp and so goes stale; outputs
// are 0 from the request on and at the end; the live line changes with the live count and with nothing else.
#include "evse_io_gpio.h"

#include <errno.h>
#include <fcntl.h>
#include <gpiod.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define CONSUMER     "holdfastd"
#define EVENTS_TAKEN 64 // in one look: a chattering line must not hold the control loop

static int fail(evse_io_gpio_t *gpio, const evse_gpio_pin_t *pin, const char *what)
{
    (void)snprintf(gpio->error.text, sizeof gpio->error.text, "%s line %u: %s: %s", pin->chip,
                   (unsigned)pin->offset, what, strerror(errno));
    return HF_E_IO;
}

static int flags_of(const evse_gpio_pin_t *pin)
{
    int flags = 0;
    flags |= (pin->flags & EVSE_GPIO_ACTIVE_LOW) != 0 ? GPIOD_LINE_REQUEST_FLAG_ACTIVE_LOW : 0;
    flags |= (pin->flags & EVSE_GPIO_PULL_UP) != 0 ? GPIOD_LINE_REQUEST_FLAG_BIAS_PULL_UP : 0;
    flags |= (pin->flags & EVSE_GPIO_PULL_DOWN) != 0 ? GPIOD_LINE_REQUEST_FLAG_BIAS_PULL_DOWN : 0;
    flags |= (pin->flags & EVSE_GPIO_OPEN_DRAIN) != 0 ? GPIOD_LINE_REQUEST_FLAG_OPEN_DRAIN : 0;
    return flags;
}

static int request(evse_io_gpio_t *gpio, const evse_gpio_pin_t *pin, int type,
                   struct gpiod_line **out)
{
    struct gpiod_chip *chip = gpiod_chip_open_lookup(pin->chip);
    if (chip == NULL) {
        return fail(gpio, pin, "no such chip");
    }
    struct gpiod_line *line = gpiod_chip_get_line(chip, pin->offset);
    if (line == NULL) {
        gpiod_chip_close(chip);
        return fail(gpio, pin, "no such line");
    }
    const struct gpiod_line_request_config config = {
        .consumer = CONSUMER, .request_type = type, .flags = flags_of(pin)};
    if (gpiod_line_request(line, &config, 0) != 0) {
        int status = fail(gpio, pin, "cannot be had");
        gpiod_chip_close(chip);
        return status;
    }
    *out = line;
    return HF_OK;
}

static int watch(evse_io_gpio_t *gpio, struct gpiod_line *line)
{
    int fd = gpiod_line_event_get_fd(line);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (fd < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0 ||
        epoll_ctl(gpio->edges, EPOLL_CTL_ADD, fd, &event) != 0) {
        return HF_E_IO;
    }
    return HF_OK;
}

// A line without interrupts (many expanders) still serves: the level of every tick is the truth, the edge only haste.
static int request_estop(evse_io_gpio_t *gpio, const evse_gpio_pin_t *pin, struct gpiod_line **out)
{
    int status = request(gpio, pin, GPIOD_LINE_REQUEST_EVENT_FALLING_EDGE, out);
    if (status == HF_OK) {
        status = watch(gpio, *out);
        return status == HF_OK ? HF_OK : fail(gpio, pin, "edges cannot be watched");
    }
    gpio->edges_blind++;
    return request(gpio, pin, GPIOD_LINE_REQUEST_DIRECTION_INPUT, out);
}

static struct gpiod_line *find_shared(const evse_io_gpio_t *gpio, unsigned connector, unsigned i)
{
    const evse_gpio_pin_t *pin = &gpio->pins[connector].input[i];
    for (unsigned c = 0; c < connector; c++) {
        const evse_gpio_pin_t *other = &gpio->pins[c].input[i];
        if (other->offset == pin->offset && strcmp(other->chip, pin->chip) == 0) {
            return gpio->input[c][i];
        }
    }
    return NULL;
}

static int request_input(evse_io_gpio_t *gpio, unsigned connector, unsigned i)
{
    const evse_gpio_pin_t *pin = &gpio->pins[connector].input[i];
    struct gpiod_line **line = &gpio->input[connector][i];
    if (pin->chip[0] == '\0') {
        return HF_OK;
    }
    *line = find_shared(gpio, connector, i);
    if (*line != NULL) {
        return HF_OK;
    }
    return i == EVSE_IN_ESTOP ? request_estop(gpio, pin, line)
                              : request(gpio, pin, GPIOD_LINE_REQUEST_DIRECTION_INPUT, line);
}

static int request_output(evse_io_gpio_t *gpio, const evse_gpio_pin_t *pin,
                          struct gpiod_line **line)
{
    return pin->chip[0] == '\0' ? HF_OK
                                : request(gpio, pin, GPIOD_LINE_REQUEST_DIRECTION_OUTPUT, line);
}

// Outputs first: from here on they are driven low, whatever the board did with them before.
static int request_all(evse_io_gpio_t *gpio)
{
    int status = HF_OK;
    for (unsigned c = 0; c < gpio->connectors; c++) {
        const evse_gpio_pins_t *pins = &gpio->pins[c];
        for (unsigned i = 0; status == HF_OK && i < EVSE_OUTPUT_COUNT; i++) {
            status = request_output(gpio, &pins->output[i], &gpio->output[c][i]);
        }
        if (status == HF_OK) {
            status = request_output(gpio, &pins->live, &gpio->live[c]);
        }
    }
    for (unsigned c = 0; c < gpio->connectors; c++) {
        for (unsigned i = 0; status == HF_OK && i < EVSE_INPUT_COUNT; i++) {
            status = request_input(gpio, c, i);
        }
    }
    return status;
}

int evse_io_gpio_open(evse_io_gpio_t *gpio, const char *path, unsigned connectors)
{
    memset(gpio, 0, sizeof *gpio);
    gpio->edges = -1;
    if (connectors == 0 || connectors > CONFIG_EVSE_CONNECTORS_MAX) {
        (void)snprintf(gpio->error.text, sizeof gpio->error.text, "%u connectors", connectors);
        return HF_E_RANGE;
    }
    int status = evse_gpio_file_read(path, connectors, gpio->pins, &gpio->error);
    if (status != HF_OK) {
        return status;
    }
    gpio->connectors = connectors;
    gpio->edges = epoll_create1(EPOLL_CLOEXEC);
    status = gpio->edges >= 0 ? request_all(gpio) : HF_E_IO;
    if (status != HF_OK) {
        evse_io_gpio_close(gpio);
    }
    return status;
}

const char *evse_io_gpio_error(const evse_io_gpio_t *gpio)
{
    return gpio->error.text[0] != '\0' ? gpio->error.text : "no error";
}

static void release(struct gpiod_line **line)
{
    if (*line != NULL) {
        gpiod_line_close_chip(*line);
        *line = NULL;
    }
}

static void release_output(struct gpiod_line **line)
{
    if (*line != NULL) {
        (void)gpiod_line_set_value(*line, 0);
    }
    release(line);
}

static void release_input(evse_io_gpio_t *gpio, unsigned connector, unsigned i)
{
    for (unsigned c = 0; c < connector; c++) {
        if (gpio->input[c][i] == gpio->input[connector][i]) { // the first to have it releases it
            gpio->input[connector][i] = NULL;
        }
    }
    release(&gpio->input[connector][i]);
}

void evse_io_gpio_close(evse_io_gpio_t *gpio)
{
    for (unsigned c = gpio->connectors; c-- > 0;) {
        for (unsigned i = 0; i < EVSE_OUTPUT_COUNT; i++) {
            release_output(&gpio->output[c][i]);
        }
        release_output(&gpio->live[c]);
        for (unsigned i = 0; i < EVSE_INPUT_COUNT; i++) {
            release_input(gpio, c, i);
        }
    }
    gpio->connectors = 0;
    if (gpio->edges >= 0) {
        (void)close(gpio->edges);
        gpio->edges = -1;
    }
}

int evse_io_gpio_fd(const evse_io_gpio_t *gpio)
{
    return gpio->edges;
}

bool evse_io_gpio_look(evse_io_gpio_t *gpio, uint64_t now_us)
{
    struct epoll_event ready[CONFIG_EVSE_CONNECTORS_MAX];
    struct gpiod_line_event event;
    bool opened = false;
    (void)now_us;
    int count =
        gpio->edges >= 0 ? epoll_wait(gpio->edges, ready, CONFIG_EVSE_CONNECTORS_MAX, 0) : 0;
    for (int i = 0; i < count; i++) {
        for (int taken = 0;
             taken < EVENTS_TAKEN && gpiod_line_event_read_fd(ready[i].data.fd, &event) == 0;
             taken++) {
            bool falling = event.event_type == GPIOD_LINE_EVENT_FALLING_EDGE;
            gpio->edges_seen += falling ? 1u : 0u;
            opened = opened || falling;
        }
    }
    return opened;
}

static int gpio_sample(void *ctx, unsigned connector, uint64_t now_us, evse_io_inputs_t *inputs)
{
    evse_io_gpio_t *gpio = ctx;
    int status = HF_OK;
    if (connector >= gpio->connectors) {
        return HF_E_RANGE;
    }
    for (unsigned i = 0; i < EVSE_INPUT_COUNT; i++) {
        struct gpiod_line *line = gpio->input[connector][i];
        int level = line != NULL ? gpiod_line_get_value(line) : 0;
        if (level < 0) {
            gpio->read_errors++;
            status = HF_E_IO;
        } else if (line != NULL) {
            inputs->level[i] = level != 0;
            inputs->stamp_us[i] = now_us;
        }
    }
    return status;
}

static bool write_line(struct gpiod_line *line, bool level)
{
    return line == NULL || gpiod_line_set_value(line, level ? 1 : 0) == 0;
}

static int gpio_drive(void *ctx, unsigned connector, const evse_io_drive_t *drive)
{
    evse_io_gpio_t *gpio = ctx;
    bool good = true;
    if (connector >= gpio->connectors) {
        return HF_E_RANGE;
    }
    for (unsigned i = 0; i < EVSE_OUTPUT_COUNT; i++) { // the contactor is the first
        good &= write_line(gpio->output[connector][i], drive->level[i]);
    }
    good &= write_line(gpio->live[connector], (drive->live_count & 1u) != 0);
    if (!good) {
        gpio->drive_errors++;
    }
    return good ? HF_OK : HF_E_IO;
}

const evse_io_ops_t evse_io_gpio_ops = {.sample = gpio_sample, .drive = gpio_drive};
