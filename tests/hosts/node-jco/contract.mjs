// The contract suite in the host beside this: `node contract.mjs TRANSLATED [NAME]`.

import { Guest } from './host.mjs';
import { runAll, servers } from '../../contract/suite.mjs';

const [translated, only] = process.argv.slice(2);
const guest = await Guest.load(translated);
const failed = await runAll('node-jco', (one, answers) => guest.run(one.script.join('\n'), servers, answers, one.limits), only);
process.exit(failed > 0 ? 1 : 0);
