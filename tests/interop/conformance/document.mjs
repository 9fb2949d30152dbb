// SPDX-License-Identifier: MIT
// docs/conformance.md out of the list of cases and the results of a run, and the results in the document as it is.
//   document.mjs --check          exit status 1 when the document does not fit the list of cases
//   document.mjs --write RESULTS  writes it anew
import {readFileSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {cases} from './cases.mjs';

export const DOCUMENT = join(dirname(fileURLToPath(import.meta.url)), '../../../docs/conformance.md');
const LEAST = 70; // cases that pass

const HEAD = `# Conformance: OCPP 1.6

Self-assessed, not certified. The charge-point cases of the OCPP 1.6 compliancy test tool, rebuilt as scenarios of our own from its public
description; nobody but us has run them, and they are no substitute for the tool. Titles are ours.

What was run: the shipped \`holdfastd\` with \`holdfast sim\` as vehicle, power module, lock and card reader, against npm \`ocpp-rpc\` in strict mode as
central system, in real time: \`tests/interop/conformance\`, in every \`./check\`. Each case has a charge point of its own. Every frame in both directions passes
the strict schemas; readings without a value, which those let through, are looked for by hand. A run whose results differ from this table fails.

\`not applicable\`: the case asks for what this kind of charge point is not (a DC station with a fixed cable). \`later\`: security, which comes with TLS.
This file is made by \`tests/interop/conformance/document.mjs\`: do not edit it.
`;

export const row = (each, result, reason) => `| ${each.id} | ${each.title} | ${result} | ${reason} |`;

export function rowOf(each, results) {
    if (each.none) {
        return row(each, 'not applicable', each.none);
    }
    if (each.later) {
        return row(each, 'later', each.later);
    }
    const result = results.get(each.id) ?? 'fail';
    return row(each, result, result === 'pass' ? each.note ?? '' : each.known ?? 'not known yet').replace('|  |', '| |');
}

export const documentOf = (results) =>
    `${HEAD}\n| id | title | result | reason |\n|---|---|---|---|\n${cases.map((each) => rowOf(each, results)).join('\n')}\n`;

/** What the document says: id -> result. */
export function read(text = readFileSync(DOCUMENT, 'utf8')) {
    return new Map([...text.matchAll(/^\| (TC_\w+) \|[^|]*\| ([^|]*?) \|/gm)].map(([, id, result]) => [id, result]));
}

/** Sentences about what is wrong with the document; none is well. */
export function complaints(text = readFileSync(DOCUMENT, 'utf8')) {
    const said = read(text);
    const wrong = [];
    const ids = cases.map((each) => each.id);
    if (new Set(ids).size !== ids.length) {
        wrong.push('a case is listed twice');
    }
    if (text !== documentOf(said)) {
        wrong.push('docs/conformance.md does not fit the list of cases');
    }
    for (const each of cases.filter((one) => one.run && said.get(one.id) !== 'pass' && !one.known)) {
        wrong.push(`${each.id} is '${said.get(each.id)}', and nothing says why`);
    }
    const passed = [...said.values()].filter((result) => result === 'pass').length;
    if (passed < LEAST) {
        wrong.push(`${passed} cases pass, at least ${LEAST} have to`);
    }
    return wrong;
}

/** What has to be seen is seen: without that a silent check would mean nothing. */
function blindness() {
    const text = readFileSync(DOCUMENT, 'utf8');
    const spoilt = {'a row too few': text.replace(/^\| TC_003_CS .*\n/m, ''),
        'another title': text.replace('| Remote stop |', '| Remote end |'),
        'an unknown result': text.replace('| pass |', '| passed |'),
        'a case that fails without a reason': text.replace(/^(\| TC_003_CS .*)\| pass \|/m, '$1| fail |'),
        'another table': `${text}\n| a |\n|---|\n| b |\n`};
    return Object.entries(spoilt).filter(([, each]) => complaints(each).length === 0).map(([what]) => `not seen: ${what}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    if (process.argv[2] === '--write') {
        const results = JSON.parse(readFileSync(process.argv[3], 'utf8'));
        writeFileSync(DOCUMENT, documentOf(new Map(results.map((each) => [each.id, each.result]))));
    } else {
        const wrong = [...complaints(), ...blindness()];
        wrong.forEach((line) => console.log(line));
        process.exit(wrong.length === 0 ? 0 : 1);
    }
}
