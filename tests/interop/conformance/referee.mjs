// SPDX-License-Identifier: MIT
// The referee of everything: the programs that test the comms core are run with a tape ($HOLDFAST_FRAMES, see
// tests/support/ocpp_station.h), and every frame that the station sent in them has to pass the strict OCPP 1.6 schemas of npm
// ocpp-rpc; so has every frame of a tape given. What they are sent may be wrong on purpose, what they send never.
//   referee.mjs PROGRAM...           runs them
//   referee.mjs --tape FILE...       only judges
import {spawn} from 'node:child_process';
import {existsSync, mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {createRequire} from 'node:module';
import {tmpdir} from 'node:os';
import {basename, join} from 'node:path';
import {check, load, main} from '../lib.mjs';

await load('ocpp-rpc');
const [validator] = createRequire(import.meta.url)('ocpp-rpc/lib/standard-validators.js');
const TOLD = 5; // of the invalid ones of a tape
const OPEN = 3;  // CALLs of one id that may be unanswered, of a CALLERROR's or lost ones
const ERRORS = ['NotImplemented', 'NotSupported', 'InternalError', 'ProtocolError', 'SecurityError', 'FormationViolation',
    'PropertyConstraintViolation', 'OccurenceConstraintViolation', 'TypeConstraintViolation', 'GenericError'];

/** A sentence about what is wrong, null when nothing is. */
function schema(action, kind, payload) {
    try {
        validator.validate(`urn:${action}.${kind}`, payload);
    } catch (error) {
        return `${error.message} ${JSON.stringify(error.details?.errors ?? '').slice(0, 300)}`;
    }
    const lists = [payload.meterValue, payload.transactionData].filter((each) => each !== undefined);
    const good = lists.every((list) => list.length > 0 && list.every((each) => each.sampledValue.length > 0));
    return good ? null : 'readings without a value';
}

/** It answers one of what is still open under its id: a test uses one id again, also while an answer is awaited. */
function judgeAnswer([, , payload], open) {
    const verdicts = open.map((action) => schema(action, 'conf', payload));
    const right = verdicts.indexOf(null);
    if (right >= 0) {
        open.splice(right, 1);
        return null;
    }
    return verdicts.at(-1) ?? 'nobody asked';
}

function judgeFrame(frame, asked) {
    const [type, id] = frame;
    if (typeof id !== 'string' || id.length > 36) {
        return `message id ${JSON.stringify(id)}`;
    }
    if (type === 2) {
        return frame.length === 4 ? schema(frame[2], 'req', frame[3]) : 'not four elements';
    }
    if (type === 3) {
        return frame.length === 3 ? judgeAnswer(frame, asked.get(id) ?? []) : 'not three elements';
    }
    const good = type === 4 && frame.length === 5 && ERRORS.includes(frame[2]) && typeof frame[3] === 'string' &&
        frame[3].length <= 255 && frame[4] !== null && typeof frame[4] === 'object' && !Array.isArray(frame[4]);
    return good ? null : 'no CALLERROR as it should be';
}

/** The action that a CALL of the central system asks for; what is no CALL asks for nothing. */
function note(text, asked) {
    try {
        const frame = JSON.parse(text);
        if (frame[0] === 2) {
            asked.set(frame[1], [...(asked.get(frame[1]) ?? []), frame[2]].slice(-OPEN));
        }
    } catch {
        // wrong on purpose
    }
}

function judgeTape(name, path, actions) {
    const asked = new Map();
    const wrong = [];
    let count = 0;
    for (const line of (existsSync(path) ? readFileSync(path, 'utf8') : '').split('\n').filter(Boolean)) {
        const text = line.slice(2);
        if (line[0] === '<') {
            note(text, asked);
            continue;
        }
        count++;
        let why;
        try {
            const frame = JSON.parse(text);
            why = judgeFrame(frame, asked);
            const kind = frame[0] === 2 ? frame[2] : frame[0] === 3 ? 'CALLRESULT' : 'CALLERROR';
            actions.set(kind, (actions.get(kind) ?? 0) + 1);
        } catch (error) {
            why = error.message;
        }
        if (why) {
            wrong.push(`${text.slice(0, 400)}: ${why}`);
        }
    }
    check(wrong.length === 0, `${name}: ${wrong.length} of ${count} frames are invalid:\n  ${wrong.slice(0, TOLD).join('\n  ')}`);
    return count;
}

async function run(program, tape) {
    const child = spawn(program, [], {stdio: ['ignore', 'ignore', 'ignore'], env: {...process.env, HOLDFAST_FRAMES: tape}});
    const status = await new Promise((done) => child.on('close', done).on('error', done));
    if (status !== 0) { // its own test says so
        console.log(`${basename(program)} ended with ${status}; what it sent is judged all the same`);
    }
}

/** The referee sees what is wrong; without that its silence would mean nothing. */
function judgeTheReferee() {
    const dancing = {connectorId: 1, errorCode: 'NoError', status: 'Dancing'};
    const wrong = [[2, 'a', 'Heartbeat', {more: 1}], [2, 'a', 'StatusNotification', dancing],
        [2, 'a', 'MeterValues', {connectorId: 1, meterValue: []}], [3, 'q', {status: 'Perhaps'}], [3, 'x', {}], [4, 'q', 'NoError', '', {}],
        [2, 'a'.repeat(37), 'Heartbeat', {}], [2, 'a', 'Nonsense', {}]];
    const asked = new Map([['q', ['Reset']]]);
    wrong.forEach((frame) => check(judgeFrame(frame, asked) !== null, `the referee lets pass ${JSON.stringify(frame)}`));
    check(judgeFrame([3, 'q', {status: 'Accepted'}], asked) === null, 'the referee refuses what is right');
}

await main('referee', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-referee-'));
    const onlyTapes = process.argv[2] === '--tape';
    const actions = new Map();
    let frames = 0;
    judgeTheReferee();
    try {
        for (const each of process.argv.slice(onlyTapes ? 3 : 2)) {
            const tape = onlyTapes ? each : join(folder, `${basename(each)}.tape`);
            if (!onlyTapes) {
                await run(each, tape);
            }
            const count = judgeTape(basename(each), tape, actions);
            check(count > 0, `${basename(each)}: no frame on its tape`);
            frames += count;
        }
    } finally {
        rmSync(folder, {recursive: true, force: true});
    }
    console.log(`${frames} frames: ${[...actions].sort().map(([action, count]) => `${action} ${count}`).join(', ')}`);
});
