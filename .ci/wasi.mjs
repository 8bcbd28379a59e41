// Runs a program for WASI: `node wasi.mjs PROGRAM FOLDER ARGUMENT...`. It sees the folder, under its path, and nothing else.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { WASI } from "node:wasi";

const [program, folder, ...rest] = process.argv.slice(2);
const seen = resolve(folder);
const wasi = new WASI({ version: "preview1", args: [program, ...rest], env: process.env, preopens: { [seen]: seen }, returnOnExit: true });
const { instance } = await WebAssembly.instantiate(readFileSync(program), { wasi_snapshot_preview1: wasi.wasiImport });
process.exitCode = wasi.start(instance);
