// SPDX-License-Identifier: MIT
// Every case once, in the order of the ids. A case is {id, title} and one of: `run(rig)`; `none`, why it does not apply;
// `later`, when it will. With `run`: connectors (1), begins (true: the station is up before), note (for the table), known (why
// it fails).
import {cases as boot} from './cases_boot.mjs';
import {cases as core} from './cases_core.mjs';
import {cases as lists} from './cases_lists.mjs';
import {cases as security} from './cases_security.mjs';
import {cases as smart} from './cases_smart.mjs';
import {cases as transfer} from './cases_transfer.mjs';

export const cases = [...boot, ...core, ...lists, ...security, ...smart, ...transfer].sort((a, b) => (a.id < b.id ? -1 : 1));
