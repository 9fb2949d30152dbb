// SPDX-License-Identifier: MIT
// The file that names GPIO lines. Nothing starts on a doubtful one: a word too many, a name twice, a line twice, a line
// without which there can be no power, each is one sentence with its line number.
#include "evse_io_gpio.h"

#include "holdfast/hf_text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LINE_BYTES 200
#define WORDS_MAX  8
#define OFFSET_MAX 1023

typedef struct reader {
    const char *path;
    unsigned number; // of the line
    unsigned connectors;
    unsigned connector; // from 0, which the lines are for
    evse_gpio_pins_t *pins;
    evse_gpio_error_t *error;
    char *word[WORDS_MAX];
    size_t words;
} reader_t;

static int fail(reader_t *reader, const char *what, const char *which)
{
    hf_builder_t out;
    hf_builder_init(&out, reader->error->text, sizeof reader->error->text);
    hf_builder_format(&out, "%s:%u: %s%s%s", reader->path, reader->number, what,
                      which[0] != '\0' ? ": " : "", which);
    return HF_E_FORMAT;
}

static int read_number(reader_t *reader, const char *text, int64_t most, uint32_t *number)
{
    int64_t value = 0;
    int status = hf_slice_to_i64((hf_slice_t){text, strlen(text)}, &value);
    if (status != HF_OK || value < 0 || value > most) {
        return fail(reader, "not a number in range", text);
    }
    *number = (uint32_t)value;
    return HF_OK;
}

static int read_flag(reader_t *reader, const char *text, bool is_output, uint32_t *flags)
{
    static const struct {
        const char *text;
        uint32_t flag;
        bool for_input, for_output;
    } table[] = {{"active-low", EVSE_GPIO_ACTIVE_LOW, true, true},
                 {"pull-up", EVSE_GPIO_PULL_UP, true, false},
                 {"pull-down", EVSE_GPIO_PULL_DOWN, true, false},
                 {"open-drain", EVSE_GPIO_OPEN_DRAIN, false, true}};
    const uint32_t pulls = EVSE_GPIO_PULL_UP | EVSE_GPIO_PULL_DOWN;
    for (size_t i = 0; i < HF_COUNT_OF(table); i++) {
        if (strcmp(table[i].text, text) == 0 &&
            (is_output ? table[i].for_output : table[i].for_input)) {
            bool twice = (*flags & table[i].flag) != 0;
            *flags |= table[i].flag;
            return twice || (*flags & pulls) == pulls ? fail(reader, "contradicts itself", text)
                                                      : HF_OK;
        }
    }
    return fail(reader, is_output ? "no such word for an output" : "no such word for an input",
                text);
}

// CHIP OFFSET [FLAG]... from the given word on.
static int read_pin(reader_t *reader, size_t from, bool is_output, evse_gpio_pin_t *pin)
{
    evse_gpio_pin_t read = {.offset = 0};
    if (pin->chip[0] != '\0') {
        return fail(reader, "named twice", reader->word[from - 1]);
    }
    if (reader->words < from + 2) {
        return fail(reader, "a chip and a line are needed", "");
    }
    if (strlen(reader->word[from]) >= sizeof read.chip) {
        return fail(reader, "name of the chip too long", reader->word[from]);
    }
    memcpy(read.chip, reader->word[from], strlen(reader->word[from]) + 1);
    int status = read_number(reader, reader->word[from + 1], OFFSET_MAX, &read.offset);
    for (size_t i = from + 2; status == HF_OK && i < reader->words; i++) {
        status = read_flag(reader, reader->word[i], is_output, &read.flags);
    }
    *pin = read;
    return status;
}

static bool is_same_line(const evse_gpio_pin_t *a, const evse_gpio_pin_t *b)
{
    return a != b && a->chip[0] != '\0' && a->offset == b->offset && strcmp(a->chip, b->chip) == 0;
}

// Only an input of the same name and the same sense may be shared by connectors: one stop for all of them.
static bool is_taken(const reader_t *reader, const evse_gpio_pin_t *pin, int input)
{
    for (unsigned c = 0; c < reader->connectors; c++) {
        const evse_gpio_pins_t *pins = &reader->pins[c];
        for (int i = 0; i < EVSE_INPUT_COUNT; i++) {
            bool shared = i == input && pins->input[i].flags == pin->flags;
            if (is_same_line(&pins->input[i], pin) && !shared) {
                return true;
            }
        }
        for (int i = 0; i < EVSE_OUTPUT_COUNT; i++) {
            if (is_same_line(&pins->output[i], pin)) {
                return true;
            }
        }
        if (is_same_line(&pins->live, pin)) {
            return true;
        }
    }
    return false;
}

static int find(const evse_io_info_t *info, int count, const char *name)
{
    int i = 0;
    while (i < count && strcmp(info[i].name, name) != 0) {
        i++;
    }
    return i;
}

static int read_io(reader_t *reader, bool is_output)
{
    evse_gpio_pins_t *pins = &reader->pins[reader->connector];
    const evse_io_info_t *info = is_output ? evse_output_info : evse_input_info;
    int count = is_output ? (int)EVSE_OUTPUT_COUNT : (int)EVSE_INPUT_COUNT;
    const char *name = reader->words > 1 ? reader->word[1] : "";
    int index = find(info, count, name);
    if (index == count) {
        return fail(reader, is_output ? "no such output" : "no such input", name);
    }
    evse_gpio_pin_t *pin = is_output ? &pins->output[index] : &pins->input[index];
    int status = read_pin(reader, 2, is_output, pin);
    if (status == HF_OK && is_taken(reader, pin, is_output ? -1 : index)) {
        status = fail(reader, "this line has another use already", name);
    }
    return status;
}

static int read_live(reader_t *reader)
{
    evse_gpio_pin_t *pin = &reader->pins[reader->connector].live;
    int status = read_pin(reader, 1, true, pin);
    if (status == HF_OK && is_taken(reader, pin, -1)) {
        status = fail(reader, "this line has another use already", "live");
    }
    return status;
}

static int read_connector(reader_t *reader)
{
    uint32_t number = 0;
    if (reader->words != 2) {
        return fail(reader, "connector N", "");
    }
    int status = read_number(reader, reader->word[1], reader->connectors, &number);
    if (status == HF_OK && number == 0) {
        status = fail(reader, "connectors count from 1", "");
    }
    reader->connector = number - (status == HF_OK ? 1u : 0u);
    return status;
}

static int read_words(reader_t *reader)
{
    const char *first = reader->word[0];
    if (strcmp(first, "input") == 0) {
        return read_io(reader, false);
    }
    if (strcmp(first, "output") == 0) {
        return read_io(reader, true);
    }
    if (strcmp(first, "live") == 0) {
        return read_live(reader);
    }
    if (strcmp(first, "connector") == 0) {
        return read_connector(reader);
    }
    return fail(reader, "input, output, live or connector, not", first);
}

static int read_line(reader_t *reader, char *line)
{
    char *rest = NULL;
    reader->words = 0;
    line[strcspn(line, "#")] = '\0';
    for (char *word = strtok_r(line, " \t\r\n", &rest); word != NULL;
         word = strtok_r(NULL, " \t\r\n", &rest)) {
        if (reader->words == WORDS_MAX) {
            return fail(reader, "too many words", word);
        }
        reader->word[reader->words++] = word;
    }
    return reader->words != 0 ? read_words(reader) : HF_OK;
}

static int check_complete(reader_t *reader)
{
    static const evse_input_t needed[] = {EVSE_IN_ESTOP, EVSE_IN_PLUG, EVSE_IN_LOCK_FEEDBACK,
                                          EVSE_IN_CONTACTOR_FEEDBACK, EVSE_IN_LATCH_RESET};
    char what[64];
    for (unsigned c = 0; c < reader->connectors; c++) {
        const evse_gpio_pins_t *pins = &reader->pins[c];
        (void)snprintf(what, sizeof what, "at the end connector %u still has no", c + 1);
        for (size_t i = 0; i < HF_COUNT_OF(needed); i++) {
            if (pins->input[needed[i]].chip[0] == '\0') {
                return fail(reader, what, evse_input_info[needed[i]].name);
            }
        }
        if (pins->output[EVSE_OUT_CONTACTOR].chip[0] == '\0') {
            return fail(reader, what, evse_output_info[EVSE_OUT_CONTACTOR].name);
        }
        if (pins->live.chip[0] == '\0') {
            return fail(reader, what, "live");
        }
    }
    return HF_OK;
}

int evse_gpio_file_read(const char *path, unsigned connectors, evse_gpio_pins_t *pins,
                        evse_gpio_error_t *error)
{
    reader_t reader = {.path = path, .connectors = connectors, .pins = pins, .error = error};
    char line[LINE_BYTES];
    memset(pins, 0, connectors * sizeof *pins);
    error->text[0] = '\0';
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        (void)snprintf(error->text, sizeof error->text, "%.120s: %s", path, strerror(errno));
        return HF_E_NOT_FOUND;
    }
    int status = HF_OK;
    while (status == HF_OK && fgets(line, sizeof line, file) != NULL) {
        reader.number++;
        bool whole = strchr(line, '\n') != NULL || feof(file) != 0;
        status = whole ? read_line(&reader, line) : fail(&reader, "line too long", "");
    }
    if (status == HF_OK && ferror(file) != 0) {
        status = fail(&reader, "cannot be read", "");
    }
    (void)fclose(file);
    return status == HF_OK ? check_complete(&reader) : status;
}
