// A registry of npm with the tarballs of a folder; asks for anything else are sent on: `node registry.mjs FOLDER`. Prints its URL.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const OTHERS = 'https://registry.npmjs.org';
const [folder] = process.argv.slice(2);

const packages = new Map();
for (const file of readdirSync(folder).filter((name) => name.endsWith('.tgz'))) {
  const manifest = JSON.parse(execFileSync('tar', ['-xzOf', join(folder, file), 'package/package.json']));
  const integrity = `sha512-${createHash('sha512').update(readFileSync(join(folder, file))).digest('base64')}`;
  packages.set(manifest.name, { manifest, file, integrity });
}

function document({ manifest, file, integrity }) {
  const { name, version } = manifest;
  const dist = { tarball: `${url}/-/${file}`, integrity };
  return { name, 'dist-tags': { latest: version }, versions: { [version]: { ...manifest, dist } } };
}

const server = createServer((request, response) => {
  const path = decodeURIComponent(request.url.slice(1));
  if (path.startsWith('-/') && readdirSync(folder).includes(path.slice(2))) return response.end(readFileSync(join(folder, path.slice(2))));
  const found = packages.get(path);
  if (found) return response.setHeader('content-type', 'application/json').end(JSON.stringify(document(found)));
  return response.writeHead(307, { location: `${OTHERS}${request.url}` }).end();
});
let url;
server.listen(0, '127.0.0.1', () => {
  url = `http://127.0.0.1:${server.address().port}`;
  console.log(url);
});
