// Builds the page that splatworker fills in: the viewer and page.js as one minified script, with style and licence, in
// page.html. The result lies in the package, so that nobody who installs or runs splatworker needs Node:
//
//     npm ci --ignore-scripts && npm run build
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const viewer = join(here, 'node_modules/@playcanvas/supersplat-viewer');
const target = process.argv[2] ?? join(here, '../splatworker/export/viewer_page.html');

const versionOf = async (name) => JSON.parse(await readFile(join(here, 'node_modules', name, 'package.json'), 'utf8')).version;
const version = await versionOf('@playcanvas/supersplat-viewer');
const engine = await versionOf('playcanvas');
const { outputFiles } = await build({
    entryPoints: [join(here, 'page.js')],
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    external: ['node:*'], // what the viewer would use outside of a browser
    legalComments: 'none', // there is one licence, and the page has it in full
    write: false
});
const style = await build({
    entryPoints: [join(viewer, 'public/index.css')],
    minify: true,
    write: false
});

const parts = {
    bundled: `supersplat-viewer ${version} and the PlayCanvas engine ${engine}, both under the MIT licence`,
    license: (await readFile(join(viewer, 'LICENSE'), 'utf8')).trim(),
    style: style.outputFiles[0].text.trim(),
    script: outputFiles[0].text.trim().replaceAll('</script', '<\\/script')
};
let page = await readFile(join(here, 'page.html'), 'utf8');
for (const [name, text] of Object.entries(parts)) {
    page = page.replace(`{{${name}}}`, () => text);
}
await writeFile(target, page);
