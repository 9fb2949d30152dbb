// SPDX-License-Identifier: MIT
// What the interop programs share: our programs as child processes, their events, an independent central system (npm
// ocpp-rpc, strict), and judgement. Every wait has a limit; whatever was started is ended, whatever happens.
import {spawn} from 'node:child_process';
import {existsSync, mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join, resolve} from 'node:path';
import {createInterface} from 'node:readline';
import {fileURLToPath} from 'node:url';

const HERE = dirname(fileURLToPath(import.meta.url));
export const BIN = resolve(process.env.HOLDFAST_BIN ?? join(HERE, '../../build/release/bin'));
export const LIMIT_MS = 20000;
const SKIPPED = 77;
const FORBIDDEN = /ThreadSanitizer|AddressSanitizer|runtime error|assertion failed/; // in anybody's stderr

/** A module of node_modules; without it the program is skipped, loudly. */
export async function load(name) {
    try {
        return await import(name);
    } catch (error) {
        if (error.code !== 'ERR_MODULE_NOT_FOUND') {
            throw error;
        }
        console.log(`SKIPPED: the npm module '${name}' is missing: run 'npm ci' in tests/interop`);
        process.exit(SKIPPED);
    }
}

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
/** Seconds of CLOCK_MONOTONIC, as in the events of `holdfast sim`. */
export const now = () => Number(process.hrtime.bigint() / 1000n) / 1e6;

// ---- judgement ----

let checks = 0;
let failures = 0;

export function check(good, what) {
    checks++;
    if (!good) {
        failures++;
        console.log(`FAIL ${what}`);
    }
    return good;
}

export function equal(found, expected, what) {
    const [f, e] = [JSON.stringify(found), JSON.stringify(expected)];
    return check(f === e, `${what}: ${f}, expected ${e}`);
}

/** Random numbers from 0 to 1 that a seed repeats. */
export function random(seed) {
    let state = seed >>> 0;
    return () => {
        state = (state + 0x6d2b79f5) >>> 0;
        let mixed = Math.imul(state ^ (state >>> 15), state | 1);
        mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
        return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
    };
}

/** Waits until `test` gives something true, asking again and again; the value, or an error after the limit. */
export async function until(test, what, limit_ms = LIMIT_MS) {
    const end = now() + limit_ms / 1000;
    for (;;) {
        const value = await test();
        if (value) {
            return value;
        }
        if (now() > end) {
            throw new Error(`not within ${limit_ms} ms: ${what}`);
        }
        await sleep(20);
    }
}

/** Things that happened, in order; a wait takes the next that fits, dropping those before it. */
export class Events {
    all = [];
    #at = 0;
    #waiting = [];

    constructor(name) {
        this.name = name;
    }

    put(event) {
        this.all.push(event);
        this.#waiting.slice().forEach((look) => look());
    }

    /** From now on only what is still to come counts. */
    skip() {
        this.#at = this.all.length;
    }

    next(test, what, limit_ms = LIMIT_MS) {
        return new Promise((done, fail) => {
            const finish = () => {
                clearTimeout(timer);
                this.#waiting = this.#waiting.filter((other) => other !== look);
            };
            const look = () => {
                while (this.#at < this.all.length) {
                    const event = this.all[this.#at++];
                    if (test(event)) {
                        finish();
                        done(event);
                        return;
                    }
                }
            };
            const timer = setTimeout(() => {
                finish();
                fail(new Error(`${this.name}: not within ${limit_ms} ms: ${what}`));
            }, limit_ms);
            this.#waiting.push(look);
            look();
        });
    }
}

// ---- our programs ----

const running = new Set();
const started = [];

export class Program {
    stderr = '';
    status = null; // exit code, or the signal's name

    constructor(name, args, environment = {}) {
        this.name = name;
        this.events = new Events(name);
        this.child = spawn(join(BIN, name), args, {stdio: ['pipe', 'pipe', 'pipe'], env: {...process.env, ...environment}});
        running.add(this);
        started.push(this);
        this.child.stdin.on('error', () => {}); // it may have ended
        this.child.stderr.setEncoding('utf8').on('data', (text) => (this.stderr += text));
        createInterface({input: this.child.stdout}).on('line', (line) => this.#read(line));
        this.ended = new Promise((done) => {
            this.child.on('error', (error) => done((this.status = error.code)));
            this.child.on('close', (code, signal) => done((this.status = code ?? signal)));
        }).finally(() => {
            running.delete(this);
            check(!FORBIDDEN.test(this.stderr), `${this.name} reports:\n${this.stderr}`);
        });
    }

    #read(line) {
        try {
            this.events.put(JSON.parse(line));
        } catch {
            check(false, `${this.name} printed what is no JSON: ${line}`);
        }
    }

    tell(line) {
        this.child.stdin.write(`${line}\n`);
    }

    signal(name) {
        this.child.kill(name);
    }

    /** Ends it by a signal, and judges how it ended. */
    async end(name = 'SIGTERM', expected = 0) {
        this.signal(name);
        const limit = setTimeout(() => this.signal('SIGKILL'), LIMIT_MS);
        await this.ended;
        clearTimeout(limit);
        check(this.status === expected, `${this.name} ended with ${this.status}, expected ${expected}\n${this.stderr}`);
    }

    wait(event, fields = {}, limit_ms = LIMIT_MS) {
        const fits = (e) => e.event === event && Object.entries(fields).every(([key, value]) => e[key] === value);
        return this.events.next(fits, `${event} ${JSON.stringify(fields)}`, limit_ms);
    }
}

/** A folder, a simulated outside and the daemon in it. */
export class Station {
    constructor({id = 'CP1', settings = [], daemonArguments = []} = {}) {
        this.id = id;
        this.folder = mkdtempSync(join(tmpdir(), 'holdfast-interop-'));
        folders.add(this.folder);
        this.settings = settings;
        this.daemonArguments = daemonArguments;
        this.starts = 0;
    }

    async startSim() {
        const paths = ['--can', join(this.folder, 'can'), '--io', join(this.folder, 'io')];
        this.sim = new Program('holdfast', ['sim', ...paths]);
        await this.sim.wait('ready');
    }

    startDaemon(csmsUrl, environment = {}) {
        this.starts++;
        this.daemon = new Program('holdfastd', [
            '--csms', csmsUrl, '--id', this.id, '--http', '127.0.0.1:0', '--state', join(this.folder, 'state'),
            '--can', `virtual:${join(this.folder, 'can')}`, '--io', `socket:${join(this.folder, 'io')}`,
            ...this.settings.flatMap((setting) => ['--set', setting]), ...this.daemonArguments], environment);
    }

    /** What /api/status says. The page's port is freely chosen: the log names it, and another one after a Reset. */
    async status() {
        const url = await until(() => {
            check(this.daemon.status === null, `holdfastd ended with ${this.daemon.status}`);
            return this.daemon.stderr.match(/http:\/\/127\.0\.0\.1:\d+\//g)?.at(-1);
        }, 'the status page');
        const answer = await fetch(`${url}api/status`, {signal: AbortSignal.timeout(LIMIT_MS), headers: {connection: 'close'}});
        return answer.json();
    }

    /** The simulated outlet as it is now. */
    async outlet() {
        this.sim.tell('status');
        return (await this.sim.wait('status')).outlets[0];
    }

    waitPower(above_mW = 1e6) {
        return this.sim.events.next((e) => e.event === 'power' && e.power_mW > above_mW, `power above ${above_mW} mW`);
    }

    /** Power as the simulator told it: the last value at a moment of its clock. */
    powerAt(t) {
        return this.sim.events.all.findLast((e) => e.event === 'power' && e.t <= t)?.power_mW ?? 0;
    }

    async end() {
        await this.daemon?.end();
        await this.sim?.end();
    }
}

// ---- an independent central system ----

const ANSWERS = {
    BootNotification: () => ({status: 'Accepted', interval: 300, currentTime: new Date().toISOString()}),
    Heartbeat: () => ({currentTime: new Date().toISOString()}),
    Authorize: () => ({idTagInfo: {status: 'Accepted'}}),
    StatusNotification: () => ({}),
    MeterValues: () => ({}),
    DataTransfer: () => ({status: 'Accepted'}),
    StopTransaction: () => ({idTagInfo: {status: 'Accepted'}}),
};

/** npm ocpp-rpc in strictMode. `calls` holds every CALL of the station as it came, duplicates included. */
export class Central {
    calls = new Events('central system');
    frames = []; // {t, outbound, text}
    invalid = [];
    transactions = new Map(); // message id of a StartTransaction -> transactionId
    answers = {...ANSWERS}; // replaceable by a test: action -> (call) => payload
    #next = 1;

    async listen(port = 0) {
        const {RPCServer} = (await load('ocpp-rpc')).default;
        this.server = new RPCServer({protocols: ['ocpp1.6'], strictMode: true, callTimeoutMs: LIMIT_MS});
        this.server.on('client', (client) => this.#serve(client));
        this.http = await this.server.listen(port, '127.0.0.1');
        this.port = this.http.address().port;
        this.url = `ws://127.0.0.1:${this.port}/ocpp`;
    }

    #serve(client) {
        this.client = client;
        client.on('strictValidationFailure', (failure) => this.invalid.push(`${failure.outbound ? 'to' : 'from'} the ` +
            `station: ${failure.method} ${JSON.stringify(failure.isCall ? failure.params : failure.result)}: ` +
            `${failure.error.message} ${JSON.stringify(failure.error.details ?? '')}`));
        client.on('badMessage', ({error}) => this.invalid.push(`bad message: ${error.message}`));
        client.on('message', ({message, outbound}) => this.frames.push({t: now(), outbound, text: String(message)}));
        client.handle(({messageId, method, params}) => this.#answer({id: messageId, action: method, payload: params}));
    }

    #answer(call) {
        call.t = now();
        call.text = this.frames.findLast((frame) => !frame.outbound && JSON.parse(frame.text)[1] === call.id)?.text;
        this.calls.put(call);
        if (call.action === 'StartTransaction' && !this.answers.StartTransaction) {
            if (!this.transactions.has(call.id)) {
                this.transactions.set(call.id, this.#next++);
            }
            return {transactionId: this.transactions.get(call.id), idTagInfo: {status: 'Accepted'}};
        }
        return this.answers[call.action](call);
    }

    call(action, payload = {}) {
        return this.client.call(action, payload);
    }

    wait(action, test = () => true, limit_ms = LIMIT_MS) {
        return this.calls.next((call) => call.action === action && test(call.payload), `${action} ${test}`, limit_ms);
    }

    waitStatus(status, limit_ms = LIMIT_MS) {
        return this.wait('StatusNotification', (p) => p.connectorId === 1 && p.status === status, limit_ms);
    }

    /** Waits until the last status told of connector 1 is this one: a level, whatever messages came between. */
    untilStatus(status) {
        const last = () => this.calls.all.findLast((call) => call.action === 'StatusNotification' && call.payload.connectorId === 1);
        return until(() => last()?.payload.status === status, `status ${status}, not ${last()?.payload.status}`);
    }

    /** CALLs of one action, resends removed. A resend that differs in one byte is a failure. */
    unique(action) {
        const first = new Map();
        for (const call of this.calls.all.filter((each) => each.action === action)) {
            const known = first.get(call.id);
            check(!known || known.text === call.text, `resent differently:\n  ${known?.text}\n  ${call.text}`);
            if (!known) {
                first.set(call.id, call);
            }
        }
        return [...first.values()];
    }

    async close() {
        await this.server.close({code: 1001, force: true});
        this.http.closeAllConnections?.();
        await new Promise((done) => (this.http.listening ? this.http.close(done) : done()));
    }
}

// ---- a program ----

const folders = new Set();

function cleanUp() {
    for (const program of running) {
        program.signal('SIGCONT');
        program.signal('SIGKILL');
    }
    for (const folder of folders) {
        rmSync(folder, {recursive: true, force: true});
    }
}

/** Runs a test, prints the verdict, ends with 0 or 1; leaves no process and no file. */
export async function main(name, run) {
    for (const program of ['holdfast', 'holdfastd'].filter((each) => !existsSync(join(BIN, each)))) {
        console.log(`SKIPPED: there is no ${program} in ${BIN}: build it, or set HOLDFAST_BIN`);
        process.exit(SKIPPED);
    }
    const interrupted = () => process.exit(130);
    process.on('SIGINT', interrupted).on('SIGTERM', interrupted).on('exit', cleanUp);
    try {
        await run();
    } catch (error) {
        check(false, error.stack);
        for (const program of started.filter((each) => each.stderr !== '').slice(-4)) { // ended ones, too: a cause may lie there
            console.log(`---- ${program.name} (${program.status ?? 'running'}), stderr:\n${program.stderr.split('\n').slice(-40).join('\n')}`);
        }
    }
    console.log(`${failures === 0 ? 'ok' : 'FAILED'} ${name}: ${checks} checks, ${failures} failed`);
    process.exit(failures === 0 ? 0 : 1);
}
