// SPDX-License-Identifier: MIT
// The language of a script: one line to one step. A connector's number may be left out where there is one connector's
// worth of doubt only: it is 1 then. Everything is checked here, so that a file is refused before it starts.
#include "holdfast.h"
#include "sim_station.h"

#include <string.h>

#define WORDS_MAX   12u
#define LONGEST_MS  86400000
#define BUTTON_MS   200u
#define RESET_MS    3500u
#define REQUEST_MAX 6553500 // of the BMS's frame, mV and mA

typedef struct words {
    char **word;
    unsigned count;
} words_t;

static const char *const relations[] = {"<", "<=", ">", ">=", "=="};

static bool is_number(const char *text, int64_t least, int64_t most, int64_t *value)
{
    hf_slice_t slice = {.text = text, .length = strlen(text)};
    return hf_slice_to_i64(slice, value) == HF_OK && *value >= least && *value <= most;
}

static bool is_milli(const char *text, int64_t *milli)
{
    hf_json_t root;
    return hf_json_parse(text, strlen(text), &root) == HF_OK &&
           hf_json_fixed(root, 3, milli) == HF_OK;
}

/// Takes the first word when it is a number: the connector.
static const char *take_connector(const station_t *station, words_t *words, script_step_t *step)
{
    int64_t number;
    if (words->count == 0 || !is_number(words->word[0], INT32_MIN, INT32_MAX, &number)) {
        return NULL;
    }
    if (number < 1 || number > (int64_t)station->connectors) {
        return "there is no such connector";
    }
    step->connector = (unsigned)number - 1u;
    words->word++;
    words->count--;
    return NULL;
}

/// Takes a pair "NAME MS" when it comes next.
static const char *take_ms(words_t *words, const char *name, uint32_t *ms)
{
    int64_t number;
    if (words->count == 0 || strcmp(words->word[0], name) != 0) {
        return NULL;
    }
    if (words->count < 2 || !is_number(words->word[1], 1, LONGEST_MS, &number)) {
        return "a number of milliseconds is needed, 1 to 86400000";
    }
    *ms = (uint32_t)number;
    words->word += 2;
    words->count -= 2;
    return NULL;
}

static bool take_switch(words_t *words, bool *on)
{
    bool is_on = words->count > 0 && strcmp(words->word[0], "on") == 0;
    if (!is_on && (words->count == 0 || strcmp(words->word[0], "off") != 0)) {
        return false;
    }
    *on = is_on;
    words->word++;
    words->count--;
    return true;
}

static const char *all_taken(const words_t *words)
{
    return words->count == 0 ? NULL : "too many words";
}

static const char *parse_plug(const station_t *station, char **word, unsigned count,
                              script_step_t *step)
{
    words_t words = {word, count};
    const char *wrong = take_connector(station, &words, step);
    step->on = true;
    return wrong != NULL ? wrong : all_taken(&words);
}

static const char *parse_unplug(const station_t *station, char **word, unsigned count,
                                script_step_t *step)
{
    const char *wrong = parse_plug(station, word, count, step);
    step->on = false;
    return wrong;
}

static const char *parse_card(const station_t *station, char **word, unsigned count,
                              script_step_t *step)
{
    words_t words = {word, count};
    const char *wrong = count == 2 ? take_connector(station, &words, step) : NULL;
    if (wrong != NULL) {
        return wrong;
    }
    if (words.count != 1) {
        return "a tag is needed, after the connector if there is one";
    }
    size_t length = strlen(words.word[0]);
    if (length > STATION_TAG_MAX) {
        return "a tag has at most 20 characters";
    }
    memcpy(step->text, words.word[0], length + 1);
    return NULL;
}

/// The name of a fault, of the outlet or of its wire.
static const char *take_fault(words_t *words, script_step_t *step)
{
    sim_bus_t bus = SIM_BUS_MODULE;
    if (words->count == 0) {
        return "the name of a fault is needed";
    }
    const char *name = words->word[0];
    step->fault = sim_fault_find(name);
    step->wire_fault = step->fault == 0 ? station_wire_fault_find(name, &bus) : 0;
    step->numbers[0] = bus;
    if (step->fault == 0 && step->wire_fault == 0) {
        return "there is no fault of that name";
    }
    memcpy(step->text, name, strlen(name) + 1);
    words->word++;
    words->count--;
    return NULL;
}

static const char *take_unit(const station_t *station, words_t *words, script_step_t *step)
{
    int64_t number;
    if (words->count == 0 || strcmp(words->word[0], "unit") != 0) {
        return NULL;
    }
    if (!sim_fault_is_of_unit(step->fault)) {
        return "that fault is no single unit's";
    }
    if (words->count < 2 ||
        !is_number(words->word[1], 1, station->outlet[step->connector].config.units, &number)) {
        return "there is no such unit";
    }
    step->unit = (int)number - 1;
    words->word += 2;
    words->count -= 2;
    return NULL;
}

static const char *parse_fault(const station_t *station, char **word, unsigned count,
                               script_step_t *step)
{
    words_t words = {word, count};
    const char *wrong = take_connector(station, &words, step);
    wrong = wrong != NULL ? wrong : take_fault(&words, step);
    wrong = wrong != NULL ? wrong : take_unit(station, &words, step);
    if (wrong != NULL) {
        return wrong;
    }
    step->on = true;
    if (words.count > 0 && !take_switch(&words, &step->on) && strcmp(words.word[0], "for") != 0) {
        return "on, off, or for MS is needed";
    }
    wrong = take_ms(&words, "for", &step->ms);
    return wrong != NULL ? wrong : all_taken(&words);
}

static const char *parse_clear(const station_t *station, char **word, unsigned count,
                               script_step_t *step)
{
    words_t words = {word, count};
    const char *wrong = take_connector(station, &words, step);
    if (wrong == NULL && words.count == 1 && strcmp(words.word[0], "all") == 0) {
        step->wire_fault = 0;
        return NULL; // fault 0 means all
    }
    wrong = wrong != NULL ? wrong : take_fault(&words, step);
    wrong = wrong != NULL ? wrong : take_unit(station, &words, step);
    return wrong != NULL ? wrong : all_taken(&words);
}

static const char *run_clear(station_t *station, const script_step_t *step)
{
    bool is_all = step->fault == 0 && step->wire_fault == 0;
    return is_all ? station_act_clear_all(station, step) : station_act_fault(station, step);
}

static const char *parse_switch(const station_t *station, char **word, unsigned count,
                                script_step_t *step)
{
    words_t words = {word, count};
    (void)station;
    if (!take_switch(&words, &step->on)) {
        return "on or off is needed";
    }
    return all_taken(&words);
}

static const char *parse_estop(const station_t *station, char **word, unsigned count,
                               script_step_t *step)
{
    step->on = true;
    return count == 0 ? NULL : parse_switch(station, word, count, step);
}

static const char *parse_nothing(const station_t *station, char **word, unsigned count,
                                 script_step_t *step)
{
    (void)station;
    (void)word;
    (void)step;
    return count == 0 ? NULL : "too many words";
}

static const char *parse_hold(const station_t *station, char **word, unsigned count,
                              script_step_t *step)
{
    int64_t number = RESET_MS;
    (void)station;
    if (count > 1 || (count == 1 && !is_number(word[0], 1, LONGEST_MS, &number))) {
        return "a number of milliseconds is needed, 1 to 86400000";
    }
    step->on = true;
    step->ms = (uint32_t)number;
    return NULL;
}

static const char *parse_button(const station_t *station, char **word, unsigned count,
                                script_step_t *step)
{
    words_t words = {word, count};
    const char *wrong = take_connector(station, &words, step);
    if (wrong != NULL) {
        return wrong;
    }
    if (words.count == 0 ||
        (strcmp(words.word[0], "start") != 0 && strcmp(words.word[0], "stop") != 0)) {
        return "start or stop is needed";
    }
    memcpy(step->text, words.word[0], strlen(words.word[0]) + 1);
    words.word++;
    words.count--;
    step->on = true;
    step->ms = take_switch(&words, &step->on) ? 0 : BUTTON_MS;
    wrong = take_ms(&words, "for", &step->ms);
    return wrong != NULL ? wrong : all_taken(&words);
}

static const char *parse_ask(const station_t *station, char **word, unsigned count,
                             script_step_t *step)
{
    words_t words = {word, count};
    const char *wrong = count == 3 ? take_connector(station, &words, step) : NULL;
    if (wrong != NULL) {
        return wrong;
    }
    for (unsigned i = 0; i < 2; i++) {
        if (words.count != 2 || !is_milli(words.word[i], &step->numbers[i]) ||
            step->numbers[i] < 0 || step->numbers[i] > REQUEST_MAX) {
            return "volts and amperes are needed, 0 to 6553.5";
        }
    }
    return NULL;
}

static const char *parse_say(const station_t *station, char **word, unsigned count,
                             script_step_t *step)
{
    hf_builder_t out;
    (void)station;
    hf_builder_init(&out, step->text, sizeof step->text);
    for (unsigned i = 0; i < count; i++) {
        hf_builder_format(&out, "%s%s", i > 0 ? " " : "", word[i]);
    }
    return NULL;
}

static const char *parse_wait(const station_t *station, char **word, unsigned count,
                              script_step_t *step)
{
    int64_t number;
    (void)station;
    if (count != 1 || !is_number(word[0], 0, LONGEST_MS, &number)) {
        return "a number of milliseconds is needed, 0 to 86400000";
    }
    step->ms = (uint32_t)number;
    return NULL;
}

static const char *take_relation(words_t *words, script_step_t *step)
{
    if (!station_subject_is_number(step->subject)) {
        words->word++;
        words->count--;
        step->value_milli = 1;
        step->relation = HF_COUNT_OF(relations) - 1; // ==
        return NULL;
    }
    for (step->relation = 0; step->relation < HF_COUNT_OF(relations); step->relation++) {
        if (strcmp(words->word[0], relations[step->relation]) == 0) {
            break;
        }
    }
    if (step->relation == HF_COUNT_OF(relations)) {
        return "<, <=, >, >= or == is needed";
    }
    if (words->count < 2 || !is_milli(words->word[1], &step->value_milli)) {
        return "a number is needed to compare with";
    }
    words->word += 2;
    words->count -= 2;
    return NULL;
}

static const char *parse_expect(const station_t *station, char **word, unsigned count,
                                script_step_t *step)
{
    words_t words = {word, count};
    const char *wrong = take_connector(station, &words, step);
    if (wrong != NULL) {
        return wrong;
    }
    int subject = words.count < 2 ? -1 : station_subject_find(words.word[0], words.word[1]);
    if (subject < 0) {
        return "what to expect is not known, see --help";
    }
    step->subject = (unsigned)subject;
    words.word++;
    words.count--;
    wrong = take_relation(&words, step);
    wrong = wrong != NULL ? wrong : take_ms(&words, "within", &step->within_ms);
    wrong = wrong != NULL ? wrong : take_ms(&words, "for", &step->ms);
    return wrong != NULL ? wrong : all_taken(&words);
}

static const station_verb_t verbs[] = {
    {"plug", "plug [N]", parse_plug, station_act_plug},
    {"unplug", "unplug [N]", parse_unplug, station_act_plug},
    {"card", "card [N] TAG", parse_card, station_act_card},
    {"fault", "fault [N] NAME [unit U] [on|off] [for MS]", parse_fault, station_act_fault},
    {"clear", "clear [N] NAME|all [unit U]", parse_clear, run_clear},
    {"estop", "estop [on|off]", parse_estop, station_act_estop},
    {"release", "release", parse_nothing, station_act_estop},
    {"reset-hold", "reset-hold [MS]", parse_hold, station_act_reset},
    {"reset", "reset on|off", parse_switch, station_act_reset},
    {"button", "button [N] start|stop [on|off] [for MS]", parse_button, station_act_button},
    {"ask", "ask [N] VOLTS AMPERES", parse_ask, station_act_ask},
    {"wait", "wait MS", parse_wait, NULL},
    {"expect", "expect [N] WHAT [within MS] [for MS]", parse_expect, NULL},
    {"say", "say TEXT", parse_say, station_act_say},
    {"status", "status", parse_nothing, station_act_status},
    {"quit", "quit", parse_nothing, station_act_quit},
};

const char *station_script_parse(const station_t *station, char *text, script_step_t *step)
{
    char *word[WORDS_MAX], *rest = NULL;
    unsigned count = 0;
    *step = (script_step_t){.line = step->line, .unit = -1};
    for (char *next = strtok_r(text, " \t\r", &rest); next != NULL;
         next = strtok_r(NULL, " \t\r", &rest)) {
        if (next[0] == '#') {
            break;
        }
        if (count == WORDS_MAX) {
            return "too many words";
        }
        word[count++] = next;
    }
    if (count == 0) {
        return NULL;
    }
    for (size_t i = 0; i < HF_COUNT_OF(verbs); i++) {
        if (strcmp(word[0], verbs[i].name) == 0) {
            step->verb = &verbs[i];
            return verbs[i].parse(station, word + 1, count - 1, step);
        }
    }
    return "there is no such command";
}

void station_script_help(void)
{
    printf("Lines of a script (N: connector, 1 where left out; # begins a comment):\n");
    for (size_t i = 0; i < HF_COUNT_OF(verbs); i++) {
        printf("  %s\n", verbs[i].usage);
    }
    printf("What to expect, with N after <, <=, >, >= or ==, in W, V, A, Wh, percent, times:");
    station_subject_help();
}
