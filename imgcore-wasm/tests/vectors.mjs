// The golden vectors in WebAssembly: `node vectors.mjs FOLDER plain|simd128`, where FOLDER holds what `xtask` wrote, and the module in it is
// to be of that kind.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const folder = resolve(process.argv[2]);
const data = new URL("../../imgcore/tests/data/", import.meta.url);
const { convert, has_simd, initSync } = await import(pathToFileURL(`${folder}/imgcore_wasm.js`));
initSync({ module: readFileSync(`${folder}/imgcore_wasm_bg.wasm`) });

const level = has_simd() ? "simd128" : "plain";
assert.equal(level, process.argv[3], "the module is of another kind than was asked for");

/** What a case gives: the hash and the looks of its output, or a code. */
function outcome({ input, recipe, limits }) {
    let output;
    try {
        output = convert(readFileSync(new URL(input, data)), JSON.stringify(recipe), limits && JSON.stringify(limits));
    } catch (error) {
        // Errors of the core are JSON; all else is a fault of the module, and is shown as it came.
        if (typeof error !== "string") throw error;
        return { code: JSON.parse(error).code };
    }
    const { format, width, height } = JSON.parse(output.report);
    const bytes = output.data;
    return { sha256: createHash("sha256").update(bytes).digest("hex"), format, width, height, bytes: bytes.length };
}

const { cases } = JSON.parse(readFileSync(new URL("conformance.json", data), "utf8"));
const wrong = cases.filter((vector) => {
    const found = outcome(vector);
    try {
        assert.deepEqual(found, vector.expect);
        return false;
    } catch {
        console.error(`${vector.name}: expected ${JSON.stringify(vector.expect)}, found ${JSON.stringify(found)}`);
        return true;
    }
});
console.log(`${cases.length - wrong.length} of ${cases.length} vectors hold, level: ${level}`);
process.exitCode = wrong.length > 0 || cases.length === 0 ? 1 : 0;
