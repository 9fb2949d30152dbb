// SPDX-License-Identifier: MIT
// What a fleet has shown: for people, as JSON (schema 1), and as one page of HTML that needs nothing else.
#include "fleet.h"

typedef unsigned long long ull;

static double ms(uint64_t us)
{
    return (double)us / 1000.0;
}

static double error_permille(const fleet_stats_t *stats)
{
    return stats->sent == 0u
               ? 0.0
               : 1000.0 * (double)(stats->errors + stats->unanswered) / (double)stats->sent;
}

static fleet_latency_t all_of(const fleet_stats_t *stats)
{
    fleet_latency_t all = {0};
    for (unsigned i = 0; i < FLEET_ACTIONS; i++) {
        fleet_latency_merge(&all, &stats->latency[i]);
    }
    return all;
}

void fleet_report_text(const fleet_report_t *report, FILE *out)
{
    const fleet_stats_t *stats = &report->stats;
    (void)fprintf(out, "%u charge points, %s, %.0f s%s in %.1f s\n", report->options->units,
                  report->scenario->name, report->seconds, report->verdict != NULL ? " each" : "",
                  report->host_seconds);
    (void)fprintf(out, "sessions   %llu begun, %llu charged, %llu ended, %llu failed\n",
                  (ull)stats->began, (ull)stats->charged, (ull)stats->ended, (ull)stats->failed);
    (void)fprintf(out,
                  "messages   %llu sent, %llu answered, %llu CALLERROR, %llu unanswered (%.2f "
                  "permille), %llu calls of the central system\n",
                  (ull)stats->sent, (ull)stats->answers, (ull)stats->errors, (ull)stats->unanswered,
                  error_permille(stats), (ull)stats->calls);
    (void)fprintf(
        out,
        "links      %llu opened, %llu lost; disturbed: %llu outages, %llu faults, %llu restarts\n",
        (ull)stats->connects, (ull)stats->losses, (ull)stats->outages, (ull)stats->faults,
        (ull)stats->restarts);
    (void)fprintf(out, "answers    %-20s %9s %9s %9s %9s %9s\n", "", "count", "p50 ms", "p90 ms",
                  "p99 ms", "worst ms");
    for (unsigned i = 0; i <= FLEET_ACTIONS; i++) {
        fleet_latency_t all = all_of(stats);
        const fleet_latency_t *latency = i < FLEET_ACTIONS ? &stats->latency[i] : &all;
        if (latency->count > 0u) {
            (void)fprintf(out, "           %-20s %9llu %9.2f %9.2f %9.2f %9.2f\n",
                          i < FLEET_ACTIONS ? fleet_action_names[i] : "all", (ull)latency->count,
                          ms(fleet_latency_us(latency, 500)), ms(fleet_latency_us(latency, 900)),
                          ms(fleet_latency_us(latency, 990)), ms(latency->worst_us));
        }
    }
    if (report->resident_bytes > 0u) {
        (void)fprintf(out,
                      "memory     %llu B resident a charge point, without its journal; loop at "
                      "most %.1f ms behind\n",
                      (ull)report->resident_bytes, ms(report->behind_us_max));
    }
    if (report->verdict != NULL) {
        (void)fprintf(out, "verdict    %u of %u charge points good\n",
                      report->options->units - report->bad_units, report->options->units);
    }
}

// ---- JSON --------------------------------------------------------------------------------------------------------------

static void json_latency(const char *name, const fleet_latency_t *latency, const char *separator,
                         FILE *out)
{
    (void)fprintf(out,
                  "%s\n  \"%s\": {\"count\": %llu, \"p50_us\": %llu, \"p90_us\": %llu, \"p99_us\": "
                  "%llu, \"worst_us\": %llu}",
                  separator, name, (ull)latency->count, (ull)fleet_latency_us(latency, 500),
                  (ull)fleet_latency_us(latency, 900), (ull)fleet_latency_us(latency, 990),
                  (ull)latency->worst_us);
}

static void json_verdict(const fleet_verdict_t *verdict, unsigned index, FILE *out)
{
    (void)fprintf(out,
                  "%s\n  {\"unit\": %u, \"good\": %s, \"memory_good\": %s, \"sessions\": %u, "
                  "\"charged\": %u, \"starts\": %u, \"stops\": %u, "
                  "\"readings\": %u, \"resent\": %u, \"conflicts\": %u, \"invalid\": %u, "
                  "\"waiting\": %u, \"lost\": %u, \"billed_Wh\": %llu, "
                  "\"simulated_Wh\": %llu, \"messages_peak_settled\": %u, \"messages_peak\": %u}",
                  index == 0u ? "" : ",", index + 1u, verdict->good ? "true" : "false",
                  verdict->memory_good ? "true" : "false", verdict->sessions, verdict->charged,
                  verdict->starts, verdict->stops, verdict->readings, verdict->resent,
                  verdict->conflicts, verdict->invalid, verdict->waiting, verdict->lost,
                  (ull)verdict->billed_Wh, (ull)verdict->simulated_Wh, verdict->peak_settled,
                  verdict->peak_end);
}

void fleet_report_json(const fleet_report_t *report, FILE *out)
{
    const fleet_stats_t *stats = &report->stats;
    (void)fprintf(out,
                  "{\"schema\": 1, \"units\": %u, \"seed\": %u, \"seconds\": %.3f, "
                  "\"host_seconds\": %.3f, \"resident_bytes\": %llu, "
                  "\"behind_us\": %llu, \"connected\": %u,\n \"sessions\": {\"begun\": %llu, "
                  "\"charged\": %llu, \"ended\": %llu, \"failed\": %llu},\n"
                  " \"messages\": {\"sent\": %llu, \"answered\": %llu, \"errors\": %llu, "
                  "\"unanswered\": %llu, \"calls\": %llu},\n"
                  " \"links\": {\"opened\": %llu, \"lost\": %llu}, \"disturbed\": {\"outages\": "
                  "%llu, \"faults\": %llu, \"restarts\": %llu},\n \"answers\": {",
                  report->options->units, (unsigned)report->options->seed, report->seconds,
                  report->host_seconds, (ull)report->resident_bytes, (ull)report->behind_us_max,
                  report->connected_max, (ull)stats->began, (ull)stats->charged, (ull)stats->ended,
                  (ull)stats->failed, (ull)stats->sent, (ull)stats->answers, (ull)stats->errors,
                  (ull)stats->unanswered, (ull)stats->calls, (ull)stats->connects,
                  (ull)stats->losses, (ull)stats->outages, (ull)stats->faults,
                  (ull)stats->restarts);
    fleet_latency_t all = all_of(stats);
    json_latency("all", &all, "", out);
    for (unsigned i = 0; i < FLEET_ACTIONS; i++) {
        json_latency(fleet_action_names[i], &stats->latency[i], ",", out);
    }
    (void)fprintf(out, "},\n \"samples\": [");
    for (unsigned i = 0; i < report->samples; i++) {
        const fleet_sample_t *sample = &report->sample[i];
        (void)fprintf(out,
                      "%s\n  {\"at_s\": %u, \"connected\": %u, \"charging\": %u, "
                      "\"messages_per_s\": %u, \"p99_us\": %u}",
                      i == 0u ? "" : ",", (unsigned)sample->at_s, (unsigned)sample->connected,
                      (unsigned)sample->charging, (unsigned)sample->messages_per_s,
                      (unsigned)sample->p99_us);
    }
    (void)fprintf(out, "],\n \"verdicts\": [");
    for (unsigned i = 0; report->verdict != NULL && i < report->options->units; i++) {
        json_verdict(&report->verdict[i], i, out);
    }
    (void)fprintf(out, "],\n \"bad_units\": %u}\n", report->bad_units);
}

// ---- HTML --------------------------------------------------------------------------------------------------------------

#define CURVE_WIDTH  720.0
#define CURVE_HEIGHT 140.0

static void html_curve(const fleet_report_t *report, const char *title,
                       uint32_t (*value)(const fleet_sample_t *), FILE *out)
{
    uint32_t most = 1;
    for (unsigned i = 0; i < report->samples; i++) {
        most = value(&report->sample[i]) > most ? value(&report->sample[i]) : most;
    }
    (void)fprintf(out,
                  "<figure><figcaption>%s, at most %u</figcaption><svg viewBox=\"0 0 %.0f "
                  "%.0f\"><polyline points=\"",
                  title, (unsigned)most, CURVE_WIDTH, CURVE_HEIGHT);
    for (unsigned i = 0; i < report->samples; i++) {
        (void)fprintf(out, "%.1f,%.1f ",
                      CURVE_WIDTH * i / (report->samples > 1u ? report->samples - 1u : 1u),
                      CURVE_HEIGHT - CURVE_HEIGHT * value(&report->sample[i]) / most);
    }
    (void)fprintf(out, "\"/></svg></figure>\n");
}

static uint32_t messages_of(const fleet_sample_t *sample)
{
    return sample->messages_per_s;
}

static uint32_t charging_of(const fleet_sample_t *sample)
{
    return sample->charging;
}

static uint32_t p99_of(const fleet_sample_t *sample)
{
    return sample->p99_us / 1000u;
}

static void html_rows(const fleet_report_t *report, FILE *out)
{
    (void)fprintf(out, "<table><tr><th>answers to</th><th>count</th><th>p50 ms</th><th>p90 "
                       "ms</th><th>p99 ms</th><th>worst ms</th></tr>\n");
    for (unsigned i = 0; i < FLEET_ACTIONS; i++) {
        const fleet_latency_t *latency = &report->stats.latency[i];
        if (latency->count > 0u) {
            (void)fprintf(out,
                          "<tr><td>%s</td><td>%llu</td><td>%.2f</td><td>%.2f</td><td>%.2f</"
                          "td><td>%.2f</td></tr>\n",
                          fleet_action_names[i], (ull)latency->count,
                          ms(fleet_latency_us(latency, 500)), ms(fleet_latency_us(latency, 900)),
                          ms(fleet_latency_us(latency, 990)), ms(latency->worst_us));
        }
    }
    (void)fprintf(out, "</table>\n");
}

static void html_verdicts(const fleet_report_t *report, FILE *out)
{
    (void)fprintf(out, "<table><tr><th>unit</th><th>sessions</th><th>starts</th><th>stops</"
                       "th><th>readings</th><th>resent</th><th>billed Wh</th>"
                       "<th>simulated Wh</th><th>memory</th><th>verdict</th></tr>\n");
    for (unsigned i = 0; i < report->options->units; i++) {
        const fleet_verdict_t *verdict = &report->verdict[i];
        (void)fprintf(out,
                      "<tr><td>%u</td><td>%u</td><td>%u</td><td>%u</td><td>%u</td><td>%u</"
                      "td><td>%llu</td><td>%llu</td><td>%s</td><td class=\"%s\">%s"
                      "</td></tr>\n",
                      i + 1u, verdict->sessions, verdict->starts, verdict->stops, verdict->readings,
                      verdict->resent, (ull)verdict->billed_Wh, (ull)verdict->simulated_Wh,
                      verdict->memory_good ? "steady" : "grew", verdict->good ? "good" : "bad",
                      verdict->good ? "good" : "wrong");
    }
    (void)fprintf(out, "</table>\n");
}

void fleet_report_html(const fleet_report_t *report, FILE *out)
{
    const fleet_stats_t *stats = &report->stats;
    (void)fprintf(out, "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Holdfast "
                       "fleet</title><style>"
                       "body{font:15px system-ui;margin:2em auto;max-width:50em;padding:0 "
                       "1em}td,th{padding:.2em .8em;text-align:right}"
                       "td:first-child,th:first-child{text-align:left}table{border-collapse:"
                       "collapse;margin:1em 0}tr{border-bottom:1px solid #ccc}"
                       "svg{width:100%%;background:#f6f6f6}polyline{fill:none;stroke:#06c;stroke-"
                       "width:2}figure{margin:1em 0}.bad{color:#b00}"
                       "</style>\n");
    (void)fprintf(out, "<h1>%u charge points</h1><p>Scenario &ldquo;", report->options->units);
    for (const char *c = report->scenario->name; *c != '\0'; c++) {
        (void)(*c == '<' || *c == '&' || *c == '>' ? fprintf(out, "&#%d;", *c) : fputc(*c, out));
    }
    (void)fprintf(out, "&rdquo;, seed %u, %.0f s%s in %.1f s of this machine.</p>\n",
                  (unsigned)report->options->seed, report->seconds,
                  report->verdict != NULL ? " each" : "", report->host_seconds);
    (void)fprintf(out,
                  "<p>%llu sessions begun, %llu charged, %llu failed. %llu messages sent, %llu "
                  "CALLERROR, %llu unanswered (%.2f &permil;).",
                  (ull)stats->began, (ull)stats->charged, (ull)stats->failed, (ull)stats->sent,
                  (ull)stats->errors, (ull)stats->unanswered, error_permille(stats));
    if (report->resident_bytes > 0u) {
        (void)fprintf(out, " %llu B resident a charge point, without its journal.",
                      (ull)report->resident_bytes);
    }
    (void)fprintf(out, "</p>\n");
    html_rows(report, out);
    if (report->samples > 0u) {
        html_curve(report, "messages a second", messages_of, out);
        html_curve(report, "charging", charging_of, out);
        html_curve(report, "p99 of a second's answers, ms", p99_of, out);
    }
    if (report->verdict != NULL) {
        html_verdicts(report, out);
    }
    (void)fprintf(out, "</html>\n");
}
