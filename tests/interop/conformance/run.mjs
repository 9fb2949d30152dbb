// SPDX-License-Identifier: MIT
// Plays the cases, some at a time, each with a charge point of its own, writes what became of them, and fails when that is not
// what docs/conformance.md says.
//   run.mjs [--jobs N] [--results FILE] [--verbose] [CASE...]   CASE: an id, or a part of one
import {writeFileSync} from 'node:fs';
import {parseArgs} from 'node:util';
import {check, load, main, now} from '../lib.mjs';
import {cases} from './cases.mjs';
import {read} from './document.mjs';
import {Rig, expect} from './rig.mjs';

const {values, positionals} = parseArgs({allowPositionals: true, options: {
    jobs: {type: 'string', default: '8'}, results: {type: 'string'}, verbose: {type: 'boolean', default: false}}});
const CASE_LIMIT_MS = 150000;

async function play(each) {
    const rig = new Rig(each.id, {connectors: each.connectors ?? 1, settings: each.settings ?? []});
    let timer;
    const limit = new Promise((_, fail) => (timer = setTimeout(() => fail(new Error(`longer than ${CASE_LIMIT_MS} ms`)), CASE_LIMIT_MS)));
    const whole = async () => {
        if (each.begins !== false) {
            await rig.begin();
        }
        await each.run(rig);
        await rig.end();
        expect(rig.calls.length > 0, 'nothing was said');
    };
    const playing = whole();
    playing.catch(() => {});
    try {
        await Promise.race([playing, limit]);
        return {result: 'pass'};
    } catch (error) {
        const tail = rig.station.daemon?.stderr.split('\n').slice(-25).join('\n');
        return {result: 'fail', why: values.verbose ? `${error.stack}\n---- holdfastd:\n${tail}` : error.message};
    } finally {
        clearTimeout(timer);
        await rig.kill();
    }
}

async function playAll(wanted) {
    const results = [];
    const waiting = [...wanted];
    const worker = async () => {
        for (let each = waiting.shift(); each; each = waiting.shift()) {
            const begun = now();
            const {result, why} = await play(each);
            results.push({id: each.id, result, why, s: Number((now() - begun).toFixed(1))});
            console.log(`${each.id}: ${result}, ${(now() - begun).toFixed(1)} s${why ? `: ${why}` : ''}`);
        }
    };
    await Promise.all(Array.from({length: Number(values.jobs)}, worker));
    return results;
}

await main('conformance', async () => {
    await load('ocpp-rpc');
    const isNamed = (each) => positionals.length === 0 || positionals.some((name) => each.id.includes(name));
    const begun = now();
    const results = await playAll(cases.filter((each) => each.run && isNamed(each)));
    if (values.results) {
        writeFileSync(values.results, JSON.stringify(results, null, 1));
    }
    const said = read();
    for (const each of results) {
        const why = each.why ? `: ${each.why}` : '';
        check(each.result === said.get(each.id), `${each.id}: ${each.result}, docs/conformance.md says ${said.get(each.id)}${why}`);
    }
    const passed = results.filter((each) => each.result === 'pass').length;
    console.log(`${results.length} cases, ${passed} pass, ${results.length - passed} fail, ${(now() - begun).toFixed(0)} s`);
});
