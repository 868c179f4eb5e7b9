// Writes home-sw.js and crew-sw.js: the list of what a page is made of, and a version that
// changes with any of it, put into kit/sw.js.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

const at = (name) => new URL(`../${name}`, import.meta.url);
const pictures = ['mark.svg', 'icon-192.png', 'icon-512.png', 'icon-mask-512.png'];

/** The scripts and styles that a page's entry reaches, its later parts among them. */
function reached(bundle, entry) {
  const seen = new Set();
  const visit = (name) => {
    const chunk = bundle[name];
    if (!chunk || seen.has(name)) return;
    seen.add(name);
    if (chunk.type !== 'chunk') return;
    [...chunk.imports, ...chunk.dynamicImports].forEach(visit);
    chunk.viteMetadata?.importedCss.forEach(visit);
    chunk.viteMetadata?.importedAssets.forEach(visit);
  };
  Object.values(bundle).filter((c) => c.type === 'chunk' && c.isEntry && c.name === entry).forEach((c) => visit(c.fileName));
  return [...seen].sort();
}

/** Of one app: home or crew. */
export const worker = (app) => ({
  name: `dongyue-worker-${app}`,
  apply: 'build',
  enforce: 'post',
  generateBundle(_, bundle) {
    const beside = [...pictures, `${app}.webmanifest`];
    const files = reached(bundle, app);
    const sum = createHash('sha256');
    for (const name of files) sum.update(name);
    for (const name of beside) sum.update(readFileSync(at(`public/${name}`)));
    const source = readFileSync(at('kit/sw.js'), 'utf8');
    sum.update(source).update(readFileSync(at(`${app}.html`)));
    this.emitFile({
      type: 'asset',
      fileName: `${app}-sw.js`,
      source: source
        .replace('self.__APP__', JSON.stringify(app))
        .replace('self.__FILES__', JSON.stringify([`/${app}`, ...files.map((f) => `/${f}`), ...beside.map((f) => `/${f}`)]))
        .replace('self.__VERSION__', JSON.stringify(sum.digest('hex').slice(0, 12))),
    });
  },
});
