/** A web server on loopback for the tests of downloads: whole files and ranges, and connections that break. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What the server does to the next answers. */
export interface Misbehaviour {
  /** Breaks the connection after so many bytes of a body, once. */
  cutAfter?: number | undefined;
  /** Answers every request with this status and no file. */
  status?: number | undefined;
  /** Claims files to have so many bytes. */
  claims?: number | undefined;
  /** Sends whole files whatever range is asked for. */
  ignoresRanges?: boolean | undefined;
}

export interface FileServer {
  /** Its address, with a slash at the end. */
  readonly address: string;
  /** Files by name; to be changed at will. */
  readonly files: Map<string, Uint8Array>;
  /** The `Range` header of each request so far, or `whole`. */
  readonly requests: string[];
  readonly misbehaviour: Misbehaviour;
  close(): Promise<void>;
}

export async function startFileServer(): Promise<FileServer> {
  const files = new Map<string, Uint8Array>();
  const requests: string[] = [];
  const misbehaviour: Misbehaviour = {};
  const server = createServer((request, response) => {
    requests.push(request.headers.range ?? "whole");
    answer(request, response, files.get(request.url?.slice(1) ?? ""), misbehaviour);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${port}/`,
    files,
    requests,
    misbehaviour,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  file: Uint8Array | undefined,
  misbehaviour: Misbehaviour,
): void {
  const status = misbehaviour.status ?? (file === undefined ? 404 : 200);
  if (file === undefined || status !== 200) {
    response.writeHead(status).end("no file");
    return;
  }
  const [, start] = /^bytes=(\d+)-$/.exec(request.headers.range ?? "") ?? [];
  const begin = start === undefined || misbehaviour.ignoresRanges ? undefined : Number(start);
  if (begin !== undefined && begin >= file.length) {
    response.writeHead(416, { "content-range": `bytes */${file.length}` }).end();
    return;
  }
  const body = file.subarray(begin ?? 0);
  const range = `bytes ${begin ?? 0}-${file.length - 1}/${file.length}`;
  response.writeHead(begin === undefined ? 200 : 206, {
    "content-length": misbehaviour.claims ?? body.length,
    ...(begin === undefined ? {} : { "content-range": range }),
  });
  const { cutAfter } = misbehaviour;
  if (cutAfter === undefined) {
    response.end(body);
    return;
  }
  misbehaviour.cutAfter = undefined;
  // The bytes must have left before the connection breaks, else nothing arrives at all.
  response.write(body.subarray(0, cutAfter), () => setTimeout(() => response.destroy(), 50));
}
