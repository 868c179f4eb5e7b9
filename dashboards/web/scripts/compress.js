// Lays a .gz beside every file of the build that gains by it, so that the hub
// sends it as it lies there.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const dist = new URL('../dist/', import.meta.url).pathname;
const text = /\.(html|js|css|svg|json|webmanifest)$/;

for (const name of readdirSync(dist, { recursive: true })) {
  const file = join(dist, name);
  if (!statSync(file).isFile() || !text.test(name)) continue;
  const raw = readFileSync(file);
  const packed = gzipSync(raw, { level: 9 });
  if (packed.length < raw.length * 0.95) writeFileSync(`${file}.gz`, packed);
}
writeFileSync(join(dist, '.keep'), ''); // the folder stays in the repository
