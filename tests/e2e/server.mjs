// A small static server for the tests: the built page below a sub-path, because it must work from any folder of a web
// server, and a second folder with the pages of hosts that embed it. Everything else is a 404.

import { createServer } from 'node:http';
import { readFile, stat } from 'node:fs/promises';
import { extname, join, normalize, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const MIME_TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.mjs': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
};

/** The file that a request names, or null: outside of the folder, absent, or malformed. */
async function fileFor(pathname, mounts) {
  const mount = mounts.find(({ prefix }) => pathname.startsWith(prefix));
  if (!mount) return null;
  let relative;
  try {
    relative = normalize(decodeURIComponent(pathname.slice(mount.prefix.length)));
  } catch {
    return null;
  }
  let path = join(mount.folder, relative);
  if (path !== mount.folder && !path.startsWith(mount.folder + sep)) return null;
  let found = await stat(path).catch(() => null);
  if (found?.isDirectory()) {
    path = join(path, 'index.html');
    found = await stat(path).catch(() => null);
  }
  return found?.isFile() ? path : null;
}

async function respond(request, response, mounts) {
  const { pathname } = new URL(request.url, 'http://127.0.0.1');
  // Browsers ask for it on their own when a page names no icon; that is no fault of the page.
  if (pathname === '/favicon.ico') return response.writeHead(204).end();
  const path = await fileFor(pathname, mounts);
  if (!path) return response.writeHead(404, { 'content-type': 'text/plain' }).end(`There is nothing at ${pathname}.\n`);
  const type = MIME_TYPES[extname(path)] ?? 'application/octet-stream';
  response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' }).end(await readFile(path));
}

/** Fails when a folder holds no page, or one that trunk serves, which looks for trunk's server all the time. */
async function checkBuilt(folder) {
  const html = await readFile(join(folder, 'index.html'), 'utf8').catch(() => {
    throw new Error(`There is no page in ${folder}: run scripts/build first.`);
  });
  if (html.includes('.well-known/trunk/ws')) {
    throw new Error(`The page in ${folder} was made by trunk serve: run scripts/build first.`);
  }
}

/**
 * Starts a server on a free port.
 *
 * @param {object} [options]
 * @param {string} [options.dist]   folder with the built page
 * @param {string} [options.mount]  sub-path of the page, with a slash at both ends
 * @param {string} [options.hosts]  folder with the pages of hosts, served below /hosts/
 * @returns {Promise<{origin: string, pageUrl: string, hostUrl: string, close: () => Promise<void>}>}
 *   hostUrl has another origin than pageUrl (localhost instead of 127.0.0.1), as an embedding site would.
 */
export async function startServer({ dist = 'dist', mount = '/some/sub/path/', hosts = 'tests/e2e/hosts' } = {}) {
  const mounts = [
    { prefix: mount, folder: resolve(ROOT, dist) },
    { prefix: '/hosts/', folder: resolve(ROOT, hosts) },
  ];
  await checkBuilt(mounts[0].folder);
  const server = createServer((request, response) => {
    respond(request, response, mounts).catch((error) => response.writeHead(500).end(String(error)));
  });
  await new Promise((listening, failed) => {
    server.once('error', failed);
    server.listen(0, '127.0.0.1', listening);
  });
  const { port } = server.address();
  const origin = `http://127.0.0.1:${port}`;
  return {
    origin,
    pageUrl: origin + mount,
    hostUrl: `http://localhost:${port}/hosts/`,
    async close() {
      const closed = new Promise((done) => server.close(done));
      server.closeAllConnections?.();
      await closed;
    },
  };
}
